"""Every process of the product is killed while steps come due and mails leave: nothing is missed, nothing doubled.

The counts of escalations and of mails at a real mail server are those that were due (SPEC 2.5, 2.9).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import psutil
import pytest
from aiosmtpd.controller import Controller
from django.conf import settings

from tests.core.test_run import Run, eventually, free_port

pytestmark = pytest.mark.slow
TICKETS = 160


class Inbox:
    """Takes every mail down, by its Message-ID."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.lock = threading.Lock()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        with self.lock:
            self.received[message_from_bytes(envelope.content)["Message-ID"]] += 1
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    yield inbox, port
    server.stop()


@pytest.fixture
def product(checkout: Path, inbox) -> Iterator[Run]:
    run = Run(
        checkout / "killed", EMAIL_URL=f"smtp://127.0.0.1:{inbox[1]}", WEB_WORKERS="1", SITE_URL="http://x.example"
    )
    try:
        eventually(run.is_up, seconds=120)
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@pytest.fixture
def second_beat(product: Run) -> Iterator[subprocess.Popen]:
    """Two beats do no harm."""
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile=", f"--schedule={product.var}/beat-2"]
    beat = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=product.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield beat
    beat.kill()
    beat.wait()


def chaos(product: Run, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.chaos", *arguments],
        cwd=settings.BASE_DIR,
        env=product.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(product: Run, name: str) -> None:
    child = product.children().get(name)
    if child is not None:
        os.killpg(child.pid, signal.SIGKILL)


def kill_in_the_pool(product: Run) -> None:
    """One of the worker's processes, perhaps in the middle of a sweep."""
    worker = product.children().get("worker")
    for process in (worker.children() if worker else [])[:1]:
        try:
            process.kill()
        except psutil.Error:
            return


def settled(product: Run, *, seconds: float) -> dict:
    """The report once nothing waits any more, and a sweep has come by after it; the last one when that never is."""
    deadline = time.monotonic() + seconds
    while True:
        report = json.loads(chaos(product, "report"))
        if not any(report[name] for name in ("waiting", "missing", "undelivered")) or time.monotonic() > deadline:
            return report
        time.sleep(1)


def test_whatever_is_killed_each_step_fires_once_and_each_mail_arrives(product, second_beat, inbox):
    chaos(product, "open", str(TICKETS))
    begun = time.monotonic()
    victims = iter(["pool", "redis", "worker", "postgres", "pool", "beat", "redis", "postgres", "worker", "pool"])
    while time.monotonic() - begun < 36:
        time.sleep(3.2)
        victim = next(victims, "pool")
        kill_in_the_pool(product) if victim == "pool" else kill(product, victim)
    report = settled(product, seconds=180)  # a lease of a killed worker runs out after two minutes
    received, sent = inbox[0].received, report.pop("message_ids")
    for name in (
        "waiting",
        "undelivered",
        "missing",
        "too_many",
        "breaches_missing",
        "breaches_too_many",
        "told_twice",
        "dead",
        "differing",
    ):
        assert report[name] == 0, report
    assert report["fired_and_nobody_told"] == 0, report
    assert report["superseded"] > TICKETS // 2, report  # the hour without any sweep
    assert report["breaches"] >= TICKETS // 2, report
    # What left is what the server has. A kill between its "accepted" and our mark repeats a mail: the same one.
    assert sorted(received) == sent
    assert sum(received.values()) - len(received) <= 4
