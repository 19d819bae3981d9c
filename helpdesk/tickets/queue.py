"""What the queue does beyond a ticket: give out the most urgent one, and say how much each person has."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services import assign

MOST_LOAD = 1000
DOUBLE_PRESS = timedelta(seconds=2)  # asked again so soon, nobody has read what they were given
# A look into the index of owners for each person, which ends at the limit: no table is counted.
LOAD = """(
    SELECT count(*) FROM (
        SELECT 1 FROM helpdesk_ticket WHERE owner_id = {person} AND status = ANY(%s) LIMIT %s
    ) AS part
)"""
LOADS = "SELECT asked.id, {load} FROM unnest(%s::bigint[]) AS asked (id)".format(  # noqa: S608 - constants
    load=LOAD.format(person="asked.id")
)
LIMITS = ([status.value for status in Status.active()], MOST_LOAD)


def loads(people: Iterable[int]) -> dict[int, int]:
    """How many open tickets each of these people (ids) owns, up to `MOST_LOAD`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(LOADS, [*LIMITS, list(people)])
        return dict(cursor.fetchall())


def with_load(people: QuerySet[User]) -> QuerySet[User]:
    """As `loads`, as `load` of each of them."""
    return people.annotate(load=RawSQL(LOAD.format(person="helpdesk_user.id"), LIMITS))  # noqa: S611 - constants


@transaction.atomic
def take_next(*, actor: User, now: datetime) -> Ticket | None:
    """Give `actor` the unassigned ticket whose deadline comes first: of their teams, else of any team.

    However many people ask at once, each gets another ticket (SPEC 2.8): a row that somebody else is
    being given is passed over, not waited for. Pressed twice within `DOUBLE_PRESS`, it answers the same
    ticket. None when nothing is left.
    """
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # the second press waits for what the first is given
    if given := _just_given(actor, now):
        return given
    waiting = Ticket.objects.visible_to(actor).filter(owner=None, status__in=(Status.NEW, Status.OPEN))
    teams = list(actor.team_memberships.values_list("team_id", flat=True))
    ticket = (_first(waiting.filter(team__in=teams)) if teams else None) or _first(waiting)
    return assign(ticket=ticket, owner=actor, actor=actor, now=now, is_next=True) if ticket else None


def _just_given(actor: User, now: datetime) -> Ticket | None:
    """What the person took a moment ago, while it is still theirs."""
    given = {"kind": TicketEvent.Kind.ASSIGNED, "data__after": actor.pk, "data__next": True, "actor": actor}
    taken = TicketEvent.objects.filter(**given, at__gt=now - DOUBLE_PRESS, ticket__owner=actor)
    last = taken.select_related("ticket").order_by("-at", "-id").first()
    return last.ticket if last else None


def _first(tickets: QuerySet[Ticket]) -> Ticket | None:
    locked = tickets.by_deadline().select_for_update(of=("self",), skip_locked=True, no_key=True)
    return next(iter(locked[:1]), None)
