"""`manage.py run`, as a person at a terminal meets it: real processes, really killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest
from django.conf import settings

pytestmark = pytest.mark.slow

SERVERS_OF_THE_TESTS = ("DATABASE_URL", "REDIS_URL", "HELPDESK_TEST_SERVERS", "SECRET_KEY")
CHILDREN = ("postgres", "redis", "worker", "web-1", "web-2", "beat", "watchdog")


class Run:
    """A supervisor started on a directory of state of its own."""

    def __init__(self, var: Path, **env: str) -> None:
        self.var = var
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if name not in SERVERS_OF_THE_TESTS}
        self.env = {**inherited, "HELPDESK_VAR": str(var), "PORT": str(self.port), "DEMO": "0", "SECURE": "0", **env}
        self.said = var.parent / f"{var.name}.out"
        self.start()

    def start(self) -> None:
        with self.said.open("ab") as said:
            self.process = self.popen(stdout=said, stderr=said)

    def popen(self, **kwargs: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=settings.BASE_DIR, env=self.env, stdin=subprocess.DEVNULL, text=True, **kwargs,
        )  # fmt: skip

    def answers(self) -> bool:
        web = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            web.request("GET", "/healthz")
            return web.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            web.close()

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said.read_text()
        return "Ctrl-C stops it" in self.said.read_text()

    def children(self) -> dict[str, psutil.Process]:
        """The supervisor's own children by the name that it has for each."""
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children():
            command = child.cmdline()
            name = next((word for word in ("worker", "beat", "watchdog") if word in command), child.name())
            if "uvicorn" in command:
                name = "web-2" if "web-1" in found else "web-1"
            found[name.replace("redis-server", "redis")] = child
        return found

    def pool(self) -> list[psutil.Process]:
        """The worker's two processes, once both have set themselves up; until then nothing."""
        worker = self.children().get("worker")
        pool = worker.children() if worker else []
        return pool if len(pool) == 2 and all(map(ignores_ctrl_c, pool)) else []

    def processes(self) -> list[psutil.Process]:
        """Whatever runs, anywhere, for our directory of state."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            ours = process.cwd().startswith(str(self.var)) or str(self.var) in " ".join(process.cmdline())
            return ours or process.environ().get("HELPDESK_VAR") == str(self.var)
        except psutil.Error:
            return False


def ignores_ctrl_c(process: psutil.Process) -> bool:
    """Celery's pool processes do, and set that last."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:")).split()[1]
    return bool(int(ignored, 16) & 1 << (signal.SIGINT - 1))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(true: Callable[[], object], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def run(checkout: Path) -> Iterator[Run]:
    run = Run(checkout / "var")
    try:
        eventually(run.is_up, seconds=120)
        yield run
    finally:
        run.process.kill()
        run.process.wait()


def test_a_run_starts_all_of_the_product(run: Run) -> None:
    assert run.answers()
    assert sorted(run.children()) == sorted(CHILDREN)


def test_a_second_run_says_where_the_first_one_is(run: Run) -> None:
    second = run.popen(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = second.communicate(timeout=30)
    assert second.returncode != 0
    assert said.count("\n") == 1
    assert f"Already running: http://127.0.0.1:{run.port}/" in said
    assert f"kill {run.process.pid}" in said


def test_a_taken_port_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    env = {**run.env, "HELPDESK_VAR": str(tmp_path / "var")}
    other = subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=settings.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert other.returncode != 0
    assert f"Port {run.port} is taken. Choose another: make run PORT={run.port + 1}" in other.stderr
    assert other.stderr.count("\n") == 1


def test_every_killed_child_comes_back(run: Run) -> None:
    before = run.children()
    for name in CHILDREN:
        os.killpg(before[name].pid, signal.SIGKILL)
        before[name].wait(10)
    eventually(lambda: sorted(run.children()) == sorted(CHILDREN))
    after = run.children()
    assert not {child.pid for child in before.values()} & {child.pid for child in after.values()}
    eventually(run.answers)
    for name in CHILDREN:
        assert f"{name} ended (signal 9)" in run.said.read_text()


def test_a_killed_worker_leaves_no_pool_behind(run: Run) -> None:
    eventually(run.pool)
    worker, pool = run.children()["worker"], run.pool()
    for process in pool:
        process.suspend()  # like one that is deep in a task: it can't notice by itself
    worker.kill()
    _, alive = psutil.wait_procs(pool, timeout=5)
    assert alive == []


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_run_starts(run: Run) -> None:
    eventually(run.pool)
    assert len(run.processes()) > len(CHILDREN)
    for process in run.pool():
        process.suspend()
    run.process.kill()
    run.process.wait()
    run.said.write_text("")
    run.start()  # at once: while the database is still on its way down
    eventually(run.is_up)
    run.process.kill()
    run.process.wait()
    eventually(lambda: run.processes() == [], seconds=10)


def test_ctrl_c_stops_everything_in_order(run: Run) -> None:
    run.said.write_text("")
    run.start()
    eventually(run.is_up)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(90) == 0
    assert run.said.read_text().splitlines()[-6:] == [
        "Stopping beat, watchdog",
        "Stopping web-1, web-2",
        "Stopping worker",
        "Stopping redis",
        "Stopping postgres",
        "Stopped.",
    ]
    assert run.processes() == []
