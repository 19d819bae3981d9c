"""Starting a job after the commit."""

import logging
import time

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)
PAUSE = 30.0  # seconds without another hint to a broker that did not take the last one


class Broker:
    """When the broker is asked again: one that hangs holds up one page, and not each."""

    look_again_at = 0.0


def kick(task: str) -> None:
    """Ask a worker to run `task` (its registered name) once this transaction has committed.

    Only a hint that saves waiting for beat: what there is to do stands in the database, so a
    broker that is down or hangs costs a few seconds, never the work.
    """

    def send() -> None:
        if time.monotonic() < Broker.look_again_at:
            return
        try:
            current_app.send_task(task, expires=30, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever a broker's client throws, the work is safe
            Broker.look_again_at = time.monotonic() + PAUSE
            log.warning("broker out of reach, beat will run %s: %s", task, error)

    transaction.on_commit(send, robust=True)
