"""The queue's own verbs: give out the most urgent ticket; take one that a page showed."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services import Refused, assign
from helpdesk.tickets.services.locked import lock


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


@transaction.atomic
def take(*, ticket: Ticket, actor: User, now: datetime, shown_at: datetime | None) -> Ticket:
    """Take a ticket as a page of `shown_at` had it; Refused where somebody else got it since."""
    locked, _clocks = lock(ticket, now=now)
    refuse_if_taken(locked, actor=actor, shown_at=shown_at)
    return assign(ticket=locked, owner=actor, actor=actor, now=now)


def refuse_if_taken(ticket: Ticket, *, actor: User, shown_at: datetime | None) -> None:
    """Refused where a locked ticket has become somebody else's since a page showed it. One query at most."""
    if shown_at is None or ticket.owner_id in (None, actor.pk) or ticket.updated_at <= shown_at:
        return
    given = ticket.events.filter(kind=TicketEvent.Kind.ASSIGNED, at__gt=shown_at, data__after=ticket.owner_id)
    if given.exclude(data__before=ticket.owner_id).exists():
        raise Refused(_("%(name)s has taken it meanwhile.") % {"name": ticket.owner})
