"""A small server that speaks clamd's protocol over a real socket, and finds `EICAR` in what it is sent."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST = 1_000_000  # bytes: its StreamMaxLength


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        command = b""
        while not command.endswith(b"\x00"):
            command += self.rfile.read(1) or b"\x00"
        if command == b"zPING\x00":
            self.wfile.write(b"PONG\x00")
        elif command == b"zINSTREAM\x00":
            self.wfile.write(self._stream())
        else:
            self.wfile.write(b"UNKNOWN COMMAND\x00")

    def _stream(self) -> bytes:
        content, pieces = b"", 0
        while length := struct.unpack("!I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            pieces += 1
            if len(content) > MOST:
                return b"INSTREAM size limit exceeded. ERROR\x00"
        self.server.seen.append((len(content), pieces))
        return b"stream: Eicar-Test-Signature FOUND\x00" if b"EICAR" in content else b"stream: OK\x00"


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def clamd(at: Path | None = None) -> Iterator[tuple[str, list]]:
    """Its address, and what it was sent: (bytes, pieces) of each file. Over TCP without a path."""
    server = _Unix(str(at), _Talk) if at else _Tcp(("127.0.0.1", 0), _Talk)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield (f"unix://{at}" if at else f"tcp://127.0.0.1:{server.server_address[1]}"), server.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
