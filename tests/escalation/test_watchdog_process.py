"""The watchdog as it runs: a process without broker and beat, that outlives a database that throws it out."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Alarm
from tests.factories import DesignatedFactory, make_ticket

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"


def eventually(true, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def watchdog(tmp_path, port):
    """A watchdog process whose broker does not exist."""
    database = connection.get_connection_params()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "watchdog", "--patience", "0.1"],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL": f"postgres://{database['user']}@/{database['dbname']}?host={database['host']}",
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "EMAIL_URL": f"smtp://127.0.0.1:{port}",
            },
            stdout=log,
            stderr=log,
        )
        yield process
        process.kill()
        process.wait()


def test_steps_fire_and_mails_leave_without_broker_and_beat_and_after_the_database_came_back(crew, smtp, watchdog):
    inbox = smtp()
    membership = DesignatedFactory()
    first = make_ticket(membership, now=timezone.now() - timedelta(minutes=31))
    eventually(lambda: Escalation.objects.filter(ticket=first, delivered_at__isnull=False).exists())
    assert Alarm.objects.filter(name="sweep_late", until=None).exists()
    assert {crew.anna.email, crew.jan.email, crew.olu.email} <= {to for _id, (to,), _subject in inbox.received}

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        cursor.execute(OTHERS, cursor.fetchone())
    second = make_ticket(membership, now=timezone.now() - timedelta(minutes=31))
    eventually(lambda: Escalation.objects.filter(ticket=second, delivered_at__isnull=False).exists())
    assert watchdog.poll() is None
    watchdog.send_signal(signal.SIGTERM)
    assert watchdog.wait(timeout=20) == 0
