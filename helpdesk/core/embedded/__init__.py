"""Where the embedded PostgreSQL and Redis live, and the URLs they answer at.

Paths only: nothing here starts a server or imports one, so that settings may ask. Every process
that is given the same `var` directory computes the same answers.
"""

import hashlib
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

DATABASE = USER = "helpdesk"
_LONGEST_SOCKET_PATH = 107  # bytes; the kernel's sockaddr_un has room for one more, the final NUL


def database_url(var: Path) -> str:
    """The embedded database's URL, understood by django-environ and by libpq's own tools."""
    return f"postgres://{USER}@/{DATABASE}?host={quote(str(postgres_socket_dir(var)))}"


def redis_url(var: Path) -> str:
    """The embedded Redis's URL, as redis-py wants it."""
    return f"unix://{quote(str(redis_socket(var)))}"


def broker_url(redis_url: str) -> str:
    """Any Redis URL as Celery wants it: a unix socket has another scheme there."""
    parts = urlsplit(redis_url)
    return f"redis+socket://{quote(unquote(parts.path))}" if parts.scheme == "unix" else redis_url


def postgres_home(var: Path) -> Path:
    """The directory of everything PostgreSQL's: its data, its socket, a copy of its programs.

    Started by root, PostgreSQL runs as `nobody`. A checkout below a directory that others can't
    enter (root's home) has no room for it: the home is below /var/lib then, and `var/postgres`
    becomes a link to it, so that the data stays where it was first made.
    """
    home = var / "postgres"
    if home.exists() or os.geteuid() != 0 or others_can_enter(var.parent):
        return home.resolve()
    return Path("/var/lib") / _name(var)


def postgres_socket_dir(var: Path) -> Path:
    """The directory of PostgreSQL's socket."""
    return _short(postgres_home(var) / "run", socket=".s.PGSQL.5432")


def redis_home(var: Path) -> Path:
    """The directory of Redis's append-only file."""
    return var / "redis"


def redis_socket(var: Path) -> Path:
    """Redis's socket."""
    return _short(redis_home(var), socket="redis.sock") / "redis.sock"


def others_can_enter(directory: Path) -> bool:
    """Whether any user may pass through `directory` and all that is above it."""
    return all(path.stat().st_mode & 0o001 for path in (directory, *directory.parents) if path.exists())


def _short(directory: Path, *, socket: str) -> Path:
    """`directory`, or one in /tmp when a socket in it would have too long a path.

    Not in `tempfile.gettempdir()`: its answer varies with the environment of each process.
    """
    if len(os.fsencode(directory / socket)) <= _LONGEST_SOCKET_PATH:
        return directory
    return Path("/tmp") / _name(directory)  # noqa: S108 - whoever starts the server checks whose it is


def _name(path: Path) -> str:
    return f"helpdesk-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
