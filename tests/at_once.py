"""Several people at one moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction


def at_once(*acts) -> list[BaseException]:
    """Run acts in threads of their own, begun together; returns what they raised."""
    begin, raised = threading.Barrier(len(acts)), []

    def run(act):
        try:
            begin.wait(timeout=20)
            act()
        except BaseException as error:  # noqa: BLE001 - reported to the test
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a deadlock, or worse"
    return raised


@contextmanager
def held(act: Callable[[], object]) -> Iterator[None]:
    """Somebody else has done `act`, in a transaction that stays open as long as this block."""
    done, leave, raised = threading.Event(), threading.Event(), []

    def hold():
        try:
            with transaction.atomic():
                act()
                done.set()
                leave.wait(timeout=30)
        except BaseException as error:  # noqa: BLE001 - reported to the test
            raised.append(error)
        finally:
            done.set()
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert done.wait(timeout=20), "it waits itself"
        assert raised == []
        yield
    finally:
        leave.set()
        thread.join(timeout=30)
    assert raised == []


def without_waiting(act: Callable[[], object]) -> None:
    """Do `act` on another connection: OperationalError if it has to wait for somebody's lock."""

    def run():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
            act()

    for error in at_once(run):
        raise error
