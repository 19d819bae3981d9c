"""A hint to the workers is only a hint: a broker that is away or hangs costs no work and no time (SPEC 2.9)."""

import logging
import socket
import threading
import time
from queue import SimpleQueue

import pytest
from celery import Celery
from django.db import transaction

from helpdesk.core import jobs

TASK = "helpdesk.tasks.deliver_mail"


@pytest.fixture
def broker(monkeypatch):
    """This process's hints, as if none had been given."""

    class Fresh(jobs.Broker):
        look_again_at = 0.0
        _hints = SimpleQueue()
        _thread = None

    monkeypatch.setattr(jobs, "Broker", Fresh)
    return Fresh


@pytest.fixture
def hanging_broker(broker, monkeypatch, settings):
    """The product's broker settings, and a server that lets connections in and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        app = Celery("hanging", broker=f"redis://127.0.0.1:{server.getsockname()[1]}//", set_as_current=False)
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        monkeypatch.setattr(jobs, "current_app", app)
        yield broker


def kick(task: str = TASK) -> float:
    """How long a page is held up by its hint, in seconds."""
    begun = time.monotonic()
    with transaction.atomic():
        jobs.kick(task)
    return time.monotonic() - begun


def soon(holds) -> bool:
    limit = time.monotonic() + 10
    while not holds() and time.monotonic() < limit:
        time.sleep(0.01)
    return holds()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_holds_up_no_page_and_is_left_alone_for_a_while(hanging_broker, caplog):
    """The customer's ticket is committed by then: nobody waits half a minute for a mail to start."""
    with caplog.at_level(logging.WARNING):
        assert kick() < 0.5
        assert soon(lambda: hanging_broker.look_again_at > time.monotonic())
    assert "imed out" in caplog.text or "imeout" in caplog.text
    assert kick() < 0.5
    assert hanging_broker._hints.empty()


@pytest.mark.django_db(transaction=True)
def test_the_hints_of_a_burst_are_one_and_the_last_one_is_never_lost(broker, monkeypatch):
    """What is written after a hint went out gets another: a worker may have looked before it was there."""
    sent, held = [], threading.Event()

    class App:
        @staticmethod
        def send_task(task, **_options):
            sent.append(task)
            held.wait(10)

    monkeypatch.setattr(jobs, "current_app", App)
    kick()
    assert soon(lambda: sent == [TASK])
    for _number in range(50):
        kick()
    held.set()
    assert soon(lambda: len(sent) == 2)
    kick("another")
    assert soon(lambda: len(sent) == 3)
    assert sent == [TASK, TASK, "another"]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_gives_no_hint(broker):
    with transaction.atomic():
        jobs.kick(TASK)
        transaction.set_rollback(True)
    assert (broker._hints.empty(), broker._thread) == (True, None)
