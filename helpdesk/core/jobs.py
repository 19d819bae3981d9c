"""Starting a job after the commit."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def kick(task: str) -> None:
    """Ask a worker to run `task` (its registered name) once this transaction has committed.

    Only a hint that saves waiting for beat: what there is to do stands in the database, so a
    broker that is down costs a few seconds, never the work.
    """

    def send() -> None:
        try:
            current_app.send_task(task, expires=30, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("broker out of reach, beat will run %s: %s", task, error)

    transaction.on_commit(send, robust=True)
