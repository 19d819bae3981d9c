"""Telling open screens, at once, that something has changed."""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

log = logging.getLogger(__name__)
PAUSE = 10.0  # seconds without another try after Redis took no message
NOTICES = "notices"  # kind of message: the reader has new notices, or read some
CHANGED = "changed"  # kind of message: a ticket is new, or not what it was
HERE = "here"  # kind of message: who looks at a ticket now
QUEUES = "queues"  # the group that every process with open queue screens is in, once


class Line:
    """When Redis is asked again: one that hangs holds up one page, and not each."""

    look_again_at = 0.0


def group_of(user_id: int) -> str:
    """The group of the layer that all open screens of one person are in."""
    return f"user.{user_id}"


def group_of_ticket(ticket_id: int) -> str:
    """The group of the open pages of one ticket."""
    return f"ticket.{ticket_id}"


def push(*, user_ids: Iterable[int], kind: str, payload: Mapping[str, Any] | None = None) -> None:
    """Once this transaction has committed, send one message to every open screen of these people.

    What stands in the database is what counts: screens look for themselves now and then, so a Redis
    that is down or hangs costs about a second, once in `PAUSE`, and nothing is raised. `payload`
    holds plain JSON values, and nothing that only some of these people may read.
    """
    _after_commit([group_of(user_id) for user_id in sorted(set(user_ids))], kind=kind, payload=payload)


def push_change(*, ticket_id: int) -> None:
    """Once this transaction has committed, tell open queues and the ticket's open pages that it changed; see `push`."""
    _after_commit([QUEUES, group_of_ticket(ticket_id)], kind=CHANGED, payload={"ticket": ticket_id})


def _after_commit(groups: list[str], *, kind: str, payload: Mapping[str, Any] | None) -> None:
    if not groups:
        return
    message = message_of(kind, payload)

    def send() -> None:
        if time.monotonic() < Line.look_again_at:
            return
        try:
            get_channel_layer().publish(groups, message)
        except Exception as error:  # noqa: BLE001 - whatever Redis' client throws, what happened is committed
            Line.look_again_at = time.monotonic() + PAUSE
            log.warning("open screens hear later of %s, Redis is out of reach: %s", kind, error)

    transaction.on_commit(send, robust=True)


def message_of(kind: str, payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """What goes through the layer."""
    return {"type": "live.message", "kind": kind, "payload": dict(payload or {})}
