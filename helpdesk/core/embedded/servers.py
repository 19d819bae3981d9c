"""PostgreSQL and Redis as child processes, their state in a directory of ours, on unix sockets only."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
import redis

from helpdesk.core import embedded
from helpdesk.core.embedded.binaries import postgres_programs, readable_by_others, redis_server
from helpdesk.core.processes import Program, StartFailed

# For a machine of a developer's size and a table of a million tickets.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data that a crash may take with it: tests.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
_LEFTOVER_GRACE = 15  # seconds for the processes of an earlier run to end by themselves


def postgres(*, var: Path, env: Mapping[str, str], settings: Mapping[str, str] | None = None) -> Program:
    """The embedded PostgreSQL. Makes its data directory first, where there is none.

    `settings` go over POSTGRES_SETTINGS. Raises StartFailed when PostgreSQL can't run here.
    """
    home, sockets = embedded.postgres_home(var), embedded.postgres_socket_dir(var)
    data = home / "data"
    uid = _nobody() if os.geteuid() == 0 else None
    _make_home(var, home)
    _own_directory(sockets, uid=uid)
    _require_owner(data, uid=uid)
    marker = data / "PG_VERSION"
    programs = postgres_programs(major=int(marker.read_text()) if marker.exists() else None)
    if uid is not None:
        programs = readable_by_others(programs, copies=home)
    env = {**env, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if not marker.exists():
        _make_data(programs, data, uid=uid, env=env, sync="fsync" not in (settings or {}))
    options = [f"-c{name}={value}" for name, value in {**POSTGRES_SETTINGS, **(settings or {})}.items()]
    return Program(
        name="postgres",
        argv=[programs / "postgres", "-D", data, "-k", sockets, *options],
        log=var / "log" / "postgres.log",
        cwd=Path("/"),
        env=env,
        uid=uid,
        prepare=lambda: _forget_postmaster(data, sockets),
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, keeps the data clean
        death_signal=signal.SIGINT,
        grace=30,
    )


def postgres_ready(var: Path) -> bool:
    """Whether the embedded PostgreSQL accepts connections."""
    try:
        _connect(var).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(var: Path) -> None:
    """Create the product's database in the embedded PostgreSQL, where it is missing."""
    with _connect(var) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [embedded.DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {embedded.DATABASE}")


def redis_program(*, var: Path, env: Mapping[str, str]) -> Program:
    """The embedded Redis, whose append-only file survives a crash. Raises StartFailed when there is none."""
    home, socket = embedded.redis_home(var), embedded.redis_socket(var)
    for directory in (home, socket.parent):
        _own_directory(directory, uid=None)
    options = {
        "--port": "0",
        "--unixsocket": socket,
        "--unixsocketperm": "700",
        "--dir": home,
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    return Program(
        name="redis",
        argv=[redis_server(), *(part for option in options.items() for part in option)],
        log=var / "log" / "redis.log",
        cwd=home,
        env=env,
        prepare=lambda: _await_end("redis-server", directory=home),
        death_signal=signal.SIGTERM,
    )


def redis_answers(url: str) -> bool:
    """Whether the Redis at `url`, the embedded one or another, answers."""
    client = redis.Redis.from_url(url, retry=None, socket_connect_timeout=10)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _connect(var: Path) -> psycopg.Connection:
    return psycopg.connect(
        host=str(embedded.postgres_socket_dir(var)), user=embedded.USER, dbname="postgres", autocommit=True
    )


def _nobody() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


def _make_home(var: Path, home: Path) -> None:
    var.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    link = var / "postgres"
    if not os.path.lexists(link):
        link.symlink_to(home)
    if os.geteuid() == 0:  # PostgreSQL's user passes through, and sees no more than it must
        for directory in (var, home):
            directory.chmod(directory.stat().st_mode | 0o011)


def _own_directory(directory: Path, *, uid: int | None) -> None:
    """Make `directory` private to `uid` (None: to us). Raises StartFailed if it is somebody else's:
    in /tmp anybody may have made it."""
    owner = os.geteuid() if uid is None else uid
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise StartFailed(f"{directory} belongs to somebody else (user {found.st_uid}). Remove it.")
    os.chown(directory, owner, -1, follow_symlinks=False)
    directory.chmod(0o700)


def _require_owner(data: Path, *, uid: int | None) -> None:
    owner = os.geteuid() if uid is None else uid
    if data.exists() and data.stat().st_uid != owner:
        raise StartFailed(
            f"{data} belongs to user {data.stat().st_uid}: it was made by another user's run. "
            "Run as that user again (root's run counts as nobody), or move the directory away."
        )


def _make_data(programs: Path, data: Path, *, uid: int | None, env: Mapping[str, str], sync: bool) -> None:
    """initdb, under another name until it is complete: an interrupted one is never taken for whole."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _own_directory(unfinished, uid=uid)
    command = [programs / "initdb", "-D", unfinished, "-U", embedded.USER, "-E", "UTF8", "--locale=C.UTF-8"]
    command += ["--auth-local=trust", "--auth-host=scram-sha-256", *([] if sync else ["--no-sync"])]
    made = subprocess.run(
        command, check=False, cwd="/", env=env, user=uid, group=uid, extra_groups=None if uid is None else [],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if made.returncode:
        raise StartFailed(f"PostgreSQL can't make its data directory {data}:\n{made.stdout.strip()}")
    unfinished.rename(data)


def _await_end(program: str, *, directory: Path) -> None:
    """Wait until no `program` of an earlier run works in `directory`, as its current directory: killed
    with -9, a server leaves processes that take a moment to notice. Raises StartFailed if they stay."""
    deadline = time.monotonic() + _LEFTOVER_GRACE
    while pids := [pid for pid in _pids() if _works(pid, program, directory)]:
        if time.monotonic() > deadline:
            raise StartFailed(f"{program} runs already in {directory} (process {', '.join(pids)})")
        time.sleep(0.05)


def _forget_postmaster(data: Path, sockets: Path) -> None:
    """Before a start: remove a dead postmaster's lock files, whose number may be another process's by now."""
    _await_end("postgres", directory=data)
    if _pids():  # where processes can't be listed, PostgreSQL's own judgement must do
        for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)


def _pids() -> list[str]:
    return [entry.name for entry in Path("/proc").glob("[0-9]*")]


def _works(pid: str, program: str, directory: Path) -> bool:
    try:
        runs = Path(os.readlink(f"/proc/{pid}/exe")).name.removesuffix(" (deleted)")
        return runs == program and os.readlink(f"/proc/{pid}/cwd") == str(directory.resolve())
    except OSError:  # it has ended, or is another user's
        return False
