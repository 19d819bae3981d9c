"""Starting a job after the commit."""

import logging
import threading
import time
from queue import SimpleQueue

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)
PAUSE = 30.0  # seconds without another hint to a broker that did not take the last one
BREATH = 0.05  # seconds between two rounds of hints: those of a burst become one


class Broker:
    """The one thread of this process that gives hints: no page waits for the broker, not even for one that hangs."""

    look_again_at = 0.0
    _hints: SimpleQueue[str] = SimpleQueue()
    _thread: threading.Thread | None = None
    _starting = threading.Lock()

    @classmethod
    def hint(cls, task: str) -> None:
        if time.monotonic() < cls.look_again_at:
            return
        cls._hints.put(task)
        with cls._starting:
            if cls._thread is None or not cls._thread.is_alive():  # the first hint, or the first one after a fork
                cls._thread = threading.Thread(target=cls._give, name="hints", daemon=True)
                cls._thread.start()

    @classmethod
    def _give(cls) -> None:
        while True:
            tasks = {cls._hints.get()}
            while not cls._hints.empty():
                tasks.add(cls._hints.get())
            for task in sorted(tasks):
                cls._send(task)
            time.sleep(BREATH)

    @classmethod
    def _send(cls, task: str) -> None:
        if time.monotonic() < cls.look_again_at:
            return
        try:
            current_app.send_task(task, expires=30, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever a broker's client throws, the work is safe
            cls.look_again_at = time.monotonic() + PAUSE
            log.warning("broker out of reach, beat will run %s: %s", task, error)


def kick(task: str) -> None:
    """Ask a worker to run `task` (its registered name) once this transaction has committed.

    Only a hint that saves waiting for beat: what there is to do stands in the database, so a broker that is down
    or hangs costs a second's wait for it, and a process that ends takes its last hints along, never the work.
    """
    transaction.on_commit(lambda: Broker.hint(task), robust=True)
