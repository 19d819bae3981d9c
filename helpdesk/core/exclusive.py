"""What a run has for itself: the directory of state, and the port."""

import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from helpdesk.core.processes import StartFailed

Address = IPv4Address | IPv6Address


@contextmanager
def only_one(var: Path) -> Iterator[Callable[[socket.socket, Address], str]]:
    """Let one run at a time work in `var`; gives the function by which it says where it listens.

    The lock ends with our process, however that ends. Raises StartFailed when another run holds it.
    """
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = (var / "run.lock").open("a+")
    except OSError as error:
        raise StartFailed(f"The directory of state, {var}, can't be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartFailed(f"Already running: {lock.read() or 'just starting'}") from None

        def announce(listener: socket.socket, bind: Address) -> str:
            host = "127.0.0.1" if bind.is_unspecified else f"[{bind}]" if bind.version == 6 else bind
            url = f"http://{host}:{listener.getsockname()[1]}/"
            lock.truncate(0)
            lock.write(f"{url} (process {os.getpid()}). Stop it with Ctrl-C in its terminal, or: kill {os.getpid()}")
            lock.flush()
            return url

        lock.truncate(0)
        yield announce


@contextmanager
def listening(bind: Address, port: int) -> Iterator[socket.socket]:
    """A socket that listens at `bind`:`port` (0: any free one). Raises StartFailed when it can't."""
    with socket.socket(socket.AF_INET6 if bind.version == 6 else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((str(bind), port))
            listener.listen(512)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartFailed(f"Port {port} is taken. Choose another: make run PORT={port + 1}") from error
            raise StartFailed(f"Can't listen at {bind}, port {port}: {error.strerror}") from error
        yield listener


def open_standard_files() -> None:
    """Open what our caller closed of stdin, stdout and stderr: a socket must not get one of their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
