"""The embedded servers: found by everybody, readable by nobody else, and back after a crash with all they had."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
import redis
from kombu import Connection

from helpdesk.core import embedded
from helpdesk.core.embedded import binaries, servers
from helpdesk.core.processes import Program, StartFailed, Supervisor

DEEP = Path("/srv") / ("d" * 60) / ("e" * 60) / "var"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(say=lambda line: None)
    yield supervisor
    supervisor.stop()


@pytest.mark.parametrize("var", [Path("/srv/app/var"), Path("/srv/my app/var"), DEEP])
def test_everybody_reads_the_same_socket_out_of_the_urls(var: Path) -> None:
    url = embedded.database_url(var)
    sockets = str(embedded.postgres_socket_dir(var))
    assert environ.Env.db_url_config(url)["OPTIONS"] == {"host": sockets}
    assert psycopg.conninfo.conninfo_to_dict(url) == {"user": "helpdesk", "dbname": "helpdesk", "host": sockets}
    client = redis.Redis.from_url(embedded.redis_url(var))
    assert client.connection_pool.connection_kwargs["path"] == str(embedded.redis_socket(var))
    assert Connection(embedded.broker_url(embedded.redis_url(var))).transport_cls == "redis"


def test_an_external_broker_is_taken_as_it_is() -> None:
    assert embedded.broker_url("rediss://:secret@redis.example:6380/3") == "rediss://:secret@redis.example:6380/3"


def test_sockets_of_a_deep_directory_have_paths_short_enough() -> None:
    assert len(f"{embedded.postgres_socket_dir(DEEP)}/.s.PGSQL.5432") <= 107
    assert len(str(embedded.redis_socket(DEEP))) <= 107
    assert embedded.postgres_socket_dir(DEEP) != embedded.postgres_socket_dir(DEEP.parent / "other")


def test_a_process_with_another_temporary_directory_finds_the_same_socket(tmp_path: Path) -> None:
    code = "import sys, pathlib, helpdesk.core.embedded as e; print(e.database_url(pathlib.Path(sys.argv[1])))"
    answer = subprocess.run(
        [sys.executable, "-c", code, DEEP],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == embedded.database_url(DEEP)


def test_roots_data_lives_where_the_servers_user_can_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.postgres_home(closed / "app" / "var").parent == Path("/var/lib")


def test_roots_data_stays_where_it_was_first_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    var, first = tmp_path / "var", tmp_path / "first"
    var.mkdir()
    first.mkdir()
    (var / "postgres").symlink_to(first)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.postgres_home(var) == first


def test_programs_in_a_closed_directory_run_from_their_copy(tmp_path: Path) -> None:
    programs = binaries.postgres_programs().resolve()
    package = programs.parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for source in (programs.parent, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, closed / source.relative_to(package.parent), symlinks=True)
    copy = binaries.readable_by_others(closed / programs.relative_to(package.parent), copies=tmp_path)
    shutil.rmtree(closed)
    assert b"PostgreSQL" in subprocess.run([copy / "initdb", "--version"], capture_output=True, check=True).stdout
    assert all(path.stat().st_mode & 0o004 for path in copy.iterdir())


def start(supervisor: Supervisor, var: Path) -> psycopg.Connection:
    program = servers.postgres(var=var, env=os.environ)
    supervisor.start(program, ready=lambda: servers.postgres_ready(var))
    servers.create_database(var)
    return psycopg.connect(embedded.database_url(var), autocommit=True)


def test_what_was_committed_is_there_after_a_kill(checkout: Path, supervisor: Supervisor) -> None:
    var = checkout / "killed"
    with start(supervisor, var) as database:
        database.execute("CREATE TABLE kept AS SELECT 7 AS number")
        backend = database.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'").fetchone()[0]
    postmaster = psutil.Process(backend).ppid()
    os.kill(postmaster, signal.SIGKILL)
    with start(supervisor, var) as database:
        assert database.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_a_dead_servers_pid_file_that_names_another_process_is_no_obstacle(
    checkout: Path, supervisor: Supervisor
) -> None:
    var = checkout / "recycled"
    start(supervisor, var).close()
    supervisor.stop()
    # As after a power cut: the lock files stand, and their number is now a process of the server's own user.
    program = servers.postgres(var=var, env=os.environ)
    sleeper = Program(name="sleeper", argv=["sleep", "60"], log=var / "log" / "sleeper.log", cwd=var, uid=program.uid)
    supervisor.start(sleeper)
    other = next(child for child in psutil.Process().children() if child.name() == "sleep")
    for lock in ("data/postmaster.pid", "run/.s.PGSQL.5432.lock"):
        (var / "postgres" / lock).write_text(f"{other.pid}\n")
    start(supervisor, var).close()


def test_a_half_made_data_directory_is_never_taken_for_whole(checkout: Path, supervisor: Supervisor) -> None:
    var = checkout / "interrupted"
    unfinished = var / "postgres" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    start(supervisor, var).close()
    assert not unfinished.exists()


def test_a_broken_configuration_says_what_the_server_said(checkout: Path, supervisor: Supervisor) -> None:
    var = checkout / "broken"
    program = servers.postgres(var=var, env=os.environ, settings={**servers.THROWAWAY, "shared_buffers": "plenty"})
    with pytest.raises(StartFailed, match='invalid value for parameter "shared_buffers": "plenty"'):
        supervisor.start(program, ready=lambda: servers.postgres_ready(var))


def test_somebody_elses_directory_is_not_trusted_with_a_socket(checkout: Path) -> None:
    var = checkout / "trap"
    (var / "elsewhere").mkdir(parents=True)
    (var / "redis").symlink_to(var / "elsewhere")
    with pytest.raises(StartFailed, match="belongs to somebody else"):
        servers.redis_program(var=var, env=os.environ)


def test_other_users_of_the_machine_cannot_reach_the_sockets(checkout: Path, supervisor: Supervisor) -> None:
    var = checkout / "private"
    start(supervisor, var).close()
    supervisor.start(
        servers.redis_program(var=var, env=os.environ), ready=lambda: servers.redis_answers(embedded.redis_url(var))
    )
    assert embedded.postgres_socket_dir(var).stat().st_mode & 0o777 == 0o700
    assert embedded.redis_socket(var).parent.stat().st_mode & 0o777 == 0o700
