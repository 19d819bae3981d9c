"""The queue's own verb: give out the most urgent ticket."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import assign


@transaction.atomic
def take_next(*, actor: User, now: datetime) -> Ticket | None:
    """Give `actor` the unassigned ticket whose deadline comes first: of their teams, else of any team.

    However many people ask at once, each gets another ticket (SPEC 2.8): a row that somebody else is
    being given is passed over, not waited for. None when nothing is left.
    """
    waiting = Ticket.objects.visible_to(actor).filter(owner=None, status__in=(Status.NEW, Status.OPEN))
    teams = list(actor.team_memberships.values_list("team_id", flat=True))
    ticket = (_first(waiting.filter(team__in=teams)) if teams else None) or _first(waiting)
    return assign(ticket=ticket, owner=actor, actor=actor, now=now) if ticket else None


def _first(tickets: QuerySet[Ticket]) -> Ticket | None:
    locked = tickets.by_deadline().select_for_update(of=("self",), skip_locked=True, no_key=True)
    return next(iter(locked[:1]), None)
