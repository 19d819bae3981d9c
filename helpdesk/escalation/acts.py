"""What steps do to tickets: press more, go to another team (SPEC 2.5).

The sweep holds clocks and must never wait for a ticket, since whoever works on one takes the ticket
first and its clocks then. So a sweep only writes down what is to be done, in the transaction that
fires the step, and it is done here, in a transaction of its own for each step that also strikes it
off: a process killed anywhere leaves it to the next sweep, and nothing is done twice.

A superseded step's acts are done as well: a gap in the sweeping changes who is told, not what the
policy promises to do. They follow each other in the order of the steps.
"""

import logging
from datetime import datetime
from time import monotonic

from django.db import transaction

from helpdesk.escalation.models import Escalation
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import perform_acts

log = logging.getLogger(__name__)
CHUNK = 200
LONGEST = 2.0  # seconds; then the next sweep goes on, so that acts never hold up deadlines


def perform_pending(*, now: datetime) -> int:
    """Do what is waiting to be done, step by step; returns for how many steps it was.

    A ticket that somebody works on is left to the next sweep, with all that waits for it. One step that
    cannot be done holds up no other ticket's: it stays, is tried again by each sweep, and is in the log.
    """
    begun, last, done = monotonic(), 0, 0
    left: set[int] = set()
    while chunk := list(_pending(after=last)):
        for escalation in chunk:
            last = escalation.pk
            if escalation.ticket_id in left:
                continue
            try:
                performed = _perform(escalation, now=now)
            except Exception:
                log.exception("what escalation %s does cannot be done", escalation.pk)
                performed = False
            done += performed
            if not performed:
                left.add(escalation.ticket_id)
            if monotonic() - begun > LONGEST:
                return done
    return done


def _pending(*, after: int) -> list[Escalation]:
    return list(Escalation.objects.filter(acts_pending=True, pk__gt=after).order_by("pk")[:CHUNK])


@transaction.atomic
def _perform(escalation: Escalation, *, now: datetime) -> bool:
    """False: somebody works on the ticket. Whoever holds it decides alone whether the step still waits."""
    ticket = Ticket.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=escalation.ticket_id).first()
    if ticket is None:
        return False
    waiting = Escalation.objects.filter(pk=escalation.pk, acts_pending=True)
    if waiting.exists():
        perform_acts(
            ticket=ticket,
            raise_priority=escalation.acts["raise_priority"],
            team_id=escalation.acts["assign_team"],
            percent=escalation.percent,
            now=now,
        )
        waiting.update(acts_pending=False)
    return True
