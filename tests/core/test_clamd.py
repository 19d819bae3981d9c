"""Asking clamd: over both kinds of socket, in pieces, and every way in which it can fail to answer."""

import socket
import tempfile
import threading
from pathlib import Path

import pytest

from helpdesk.core.clamd import PIECE, Clamd, ScannerError
from tests.clamd_server import MOST, clamd


@pytest.fixture(params=["unix", "tcp"])
def server(request):
    with tempfile.TemporaryDirectory() as short, clamd(Path(short) / "c" if request.param == "unix" else None) as found:
        yield found


def test_it_finds_a_virus_in_whichever_piece_it_lies(server):
    url, seen = server
    assert Clamd(url).find(b"harmless") == ""
    assert Clamd(url).find(b"x" * (2 * PIECE) + b"EICAR") == "Eicar-Test-Signature"
    assert Clamd(url).find(b"") == ""
    assert seen == [(8, 1), (2 * PIECE + 5, 3), (0, 0)]
    Clamd(url).ping()


def test_a_file_that_it_takes_no_more_of_is_no_clean_file(server):
    with pytest.raises(ScannerError):
        Clamd(server[0]).find(b"x" * (MOST + PIECE))


@pytest.mark.parametrize("url", ["unix:///nowhere/clamd.ctl", "tcp://127.0.0.1:1", "http://x", "tcp://", "nonsense"])
def test_one_that_is_not_there_is_said_to_be_so(url):
    for ask in (Clamd(url, 1).ping, lambda: Clamd(url, 1).find(b"x")):
        with pytest.raises(ScannerError, match=url.replace(".", r"\.")):
            ask()


@pytest.mark.parametrize("answer", [b"", b"stream: lost ERROR\x00", b"OK but not quite\x00", b"\xff\x00", b"x" * 9000])
def test_an_answer_that_is_none_is_no_clean_file(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            line, _address = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(answer)

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(ScannerError):
            Clamd(f"tcp://127.0.0.1:{listener.getsockname()[1]}", 1).find(b"x")


def test_one_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ScannerError, match="timed out"):
        Clamd(f"tcp://127.0.0.1:{listener.getsockname()[1]}", 0.05).find(b"x")
