"""A PostgreSQL and a Redis of this test run's own, started before Django reads its settings.

A pytest plugin (`-p tests.servers`). DATABASE_URL and REDIS_URL already exported win over it. With
pytest-xdist the controller starts the servers and its workers inherit the environment.
`python -m tests.servers COMMAND…` gives any command the same servers.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from helpdesk.core import embedded
from helpdesk.core.catalogues import compile_catalogues
from helpdesk.core.embedded import servers
from helpdesk.core.processes import Supervisor

_ROOT = Path(__file__).parents[1]
_PREFIX = "helpdesk-test-"
_STARTED_BY = "HELPDESK_TEST_SERVERS"  # the process whose servers the environment names
_TEMPLATE = "HELPDESK_TEST_TEMPLATE"  # the database with all tables on a server of ours, once `template` has made it


@contextmanager
def throwaway_servers() -> Iterator[None]:
    """Start what the environment names no server for, and name it there. On the way out all of it goes."""
    if _STARTED_BY in os.environ:
        yield
        return
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as directory:
        var = Path(directory)
        os.environ.update({_STARTED_BY: str(os.getpid()), "HELPDESK_VAR": directory})
        (var / "static").mkdir()
        supervisor = Supervisor(say=lambda line: None)
        try:
            compile_catalogues()
            _start(supervisor, var)
            yield
        finally:
            supervisor.stop()


def _start(supervisor: Supervisor, var: Path) -> None:
    if not os.environ.get("REDIS_URL"):
        program = servers.redis_program(var=var, env=os.environ)
        supervisor.start(program, ready=lambda: servers.redis_answers(embedded.redis_url(var)))
        os.environ["REDIS_URL"] = embedded.redis_url(var)
    if not os.environ.get("DATABASE_URL"):
        program = servers.postgres(var=var, env=os.environ, settings=servers.THROWAWAY)
        supervisor.start(program, ready=lambda: servers.postgres_ready(var))
        servers.create_database(var)
        os.environ.update({"DATABASE_URL": embedded.database_url(var), _TEMPLATE: "helpdesk_template"})


def is_ours() -> bool:
    """Whether this run started the database server."""
    return _TEMPLATE in os.environ


def template() -> str | None:
    """The database that others are copied from; None on a server that isn't ours, where it would grow old.

    Migrating takes ten seconds: whoever needs it first does it, for all processes of the run.
    """
    if not is_ours():
        return None
    name, url = os.environ[_TEMPLATE], os.environ["DATABASE_URL"]
    making = f"{name}_in_the_making"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(1)")
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(f"DROP DATABASE IF EXISTS {making}")
            server.execute(f"CREATE DATABASE {making}")
            environment = os.environ | {"DATABASE_URL": url.replace(f"/{embedded.DATABASE}?", f"/{making}?")}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, cwd=_ROOT, check=True)
            server.execute(f"ALTER DATABASE {making} RENAME TO {name}")
    return name


def _sweep() -> None:
    """Remove the directories of test runs that were killed; their servers have died with them."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(directory, ignore_errors=True)


_running = throwaway_servers()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before pytest-django's own hook, which imports the settings. The tests' own browser speaks plain HTTP."""
    os.environ.setdefault("SECURE", "0")
    # Open screens hear each other only under one key: the workers of pytest-xdist share a Redis.
    os.environ["SECRET_KEY"] = f"tests, {os.environ.get('PYTEST_XDIST_WORKER', 'alone')}, {os.getpid()}"
    _running.__enter__()
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.__exit__(None, None, None)


if __name__ == "__main__":
    with throwaway_servers():
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
