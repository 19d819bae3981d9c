"""One incident, many tickets: the same reply to each, and an account of who got it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import Refused, reply

ONCE = "message_submission_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the reply on one ticket; `why` says why it was not sent."""

    ticket: Ticket
    why: str = ""

    @property
    def is_sent(self) -> bool:
        return not self.why


def reply_to_all(
    *, tickets: Iterable[Ticket], body: str, status: Status, actor: User, submission: str, now: datetime
) -> list[Outcome]:
    """Send a public reply on each ticket, one after the other, each in a transaction of its own.

    So each ticket's clock is answered by itself, and one that refuses keeps nobody else from hearing.
    Sent again with the same `submission`, it reaches only those that it did not reach.
    """
    return [
        Outcome(ticket=ticket, why=_send(ticket, body=body, status=status, actor=actor, submission=submission, now=now))
        for ticket in tickets
    ]


def _send(ticket: Ticket, *, body: str, status: Status, actor: User, submission: str, now: datetime) -> str:
    try:
        reply(ticket=ticket, actor=actor, body=body, status=status, submission=submission, now=now)
    except Refused as refused:
        return str(refused)
    except IntegrityError as error:
        if error.__cause__.diag.constraint_name != ONCE:
            raise
        return _("It was sent with this form before.")
    return ""
