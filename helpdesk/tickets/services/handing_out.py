"""A ticket goes to somebody without anybody choosing whom (SPEC 2.8)."""

from collections.abc import Set
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Absence, Team, User
from helpdesk.subscriptions.models import Skill
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, lock, own, touch

NEVER = datetime.min.replace(tzinfo=UTC)


class How(StrEnum):
    LOAD = "load"  # to whom owns the fewest active tickets
    ROUND_ROBIN = "round_robin"  # to whom was given one the longest ago


@transaction.atomic
def hand_out(*, ticket: Ticket, how: How, present: Set[int] | None, actor: User, now: datetime) -> Ticket:
    """Give a ticket to a member of its team; without a team, of those that serve its hub. No clock is reset.

    Who knows the hub comes before who doesn't. Who is away or owns it already is left out, and so is who
    isn't in `present`, where that is known. The event says how it was chosen.
    """
    ticket, _clocks = lock(ticket, now=now)
    if not ticket.is_active:
        raise Refused(_("This ticket is over: there is nothing to hand out."))
    teams = list(_teams(ticket).order_by("pk").select_for_update(of=("self",), no_key=True))  # two at once: two people
    if not teams:
        raise Refused(_("No team serves %(hub)s. Choose a person, or a team.") % {"hub": ticket.hub})
    people = _candidates(ticket, teams, now=now)
    if not people:
        raise Refused(_("Nobody else of the team is there: all are away. Choose a person."))
    if present is not None:
        people = [person for person in people if person.pk in present]
        if not people:
            raise Refused(_("Nobody else of the team is present. Choose a person."))
    skilled = [person for person in people if person.is_skilled]
    chosen = min(skilled or people, key=_by_load if how == How.LOAD else _by_turn)
    why: dict[str, Any] = {"how": how, "among": len(skilled or people), "load": chosen.load}
    touch(ticket, now, *own(ticket, owner=chosen, actor=actor, now=now, **why))
    return ticket


def _teams(ticket: Ticket) -> QuerySet[Team]:
    return Team.objects.filter(pk=ticket.team_id) if ticket.team_id else ticket.hub.teams.all()


def _candidates(ticket: Ticket, teams: list[Team], *, now: datetime) -> list[User]:
    """Who could get it, with what it is chosen by. One query, after the teams are locked."""
    given = TicketEvent.objects.filter(
        kind=TicketEvent.Kind.ASSIGNED,
        data__after=Func(OuterRef("pk"), function="to_jsonb", output_field=JSONField()),
    )
    active = Q(owned_tickets__status__in=Status.active())
    return list(
        User.objects.filter(is_active=True, team_memberships__team__in=teams)
        .exclude(staff_role="")
        .exclude(pk=ticket.owner_id or 0)
        .exclude(Exists(Absence.objects.covering(now).filter(user=OuterRef("pk"))))
        .annotate(
            load=Count("owned_tickets", filter=active, distinct=True),
            is_skilled=Exists(Skill.objects.filter(user=OuterRef("pk"), hub=ticket.hub_id)),
            last_given=Subquery(given.order_by(F("at").desc()).values("at")[:1]),
        )
        .order_by("pk")
    )


def _by_load(person: User) -> tuple[int, datetime, int]:
    return person.load, person.last_given or NEVER, person.pk


def _by_turn(person: User) -> tuple[datetime, int, int]:
    return person.last_given or NEVER, person.load, person.pk
