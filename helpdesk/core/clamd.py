"""ClamAV's clamd over its socket: is there a virus in these bytes?

The protocol is one command a connection, `z` commands ended by a NUL: INSTREAM sends the bytes in pieces,
each with its length before it, and a length of zero ends them.
"""

import socket
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

PIECE = 128 * 1024  # bytes
LONGEST_ANSWER = 4096


class ScannerError(Exception):
    """The scanner is out of reach, or could not judge; the text is for operators."""


@dataclass(frozen=True, slots=True)
class Clamd:
    """`url`: `unix:///run/clamav/clamd.ctl` or `tcp://host:3310`; `timeout`: seconds for each step."""

    url: str
    timeout: float = 20.0

    def find(self, content: bytes) -> str:
        """What was found, or "" for a clean one. Raises `ScannerError`."""
        try:
            with self._connect() as line:
                answer = self._stream(line, content)
        except OSError as error:
            raise ScannerError(f"{self.url}: {error}") from error
        return self._read(answer)

    def ping(self) -> None:
        """Raises `ScannerError` unless it is there."""
        try:
            with self._connect() as line:
                line.sendall(b"zPING\x00")
                answer = self._answer(line)
        except OSError as error:
            raise ScannerError(f"{self.url}: {error}") from error
        if answer != "PONG":
            raise ScannerError(f"{self.url} answered {answer!r}")

    def _connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(self.timeout)
            try:
                line.connect(parts.path)
            except OSError:
                line.close()
                raise
            return line
        if parts.scheme == "tcp" and parts.hostname:
            return socket.create_connection((parts.hostname, parts.port or 3310), timeout=self.timeout)
        raise ScannerError(f"{self.url!r} names no socket: write unix:///path or tcp://host:port")

    def _stream(self, line: socket.socket, content: bytes) -> str:
        try:
            line.sendall(b"zINSTREAM\x00")
            for start in range(0, len(content), PIECE):
                piece = content[start : start + PIECE]
                line.sendall(struct.pack("!I", len(piece)) + piece)
            line.sendall(struct.pack("!I", 0))
        except (BrokenPipeError, ConnectionResetError):
            # It takes no more, a file over its StreamMaxLength: its answer says so, where it can still be read.
            return self._answer(line)
        return self._answer(line)

    def _answer(self, line: socket.socket) -> str:
        read = b""
        while b"\x00" not in read and len(read) < LONGEST_ANSWER:
            piece = line.recv(1024)
            if not piece:
                break
            read += piece
        return read.partition(b"\x00")[0].decode("utf-8", "replace").strip()

    def _read(self, answer: str) -> str:
        said = answer.removeprefix("stream: ")
        if said == "OK":
            return ""
        if said.endswith(" FOUND"):
            return said.removesuffix(" FOUND")[:200] or "?"
        raise ScannerError(f"{self.url} answered {answer!r}")
