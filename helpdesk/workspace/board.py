"""The live board's figures: what is at risk now, the coming hour, who is here, what waits for a decision (SPEC 2.8).

A fixed number of queries, each of them over a partial index or with a limit, so that the board costs
the same at a million tickets; it is asked for every few seconds by every wall screen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from helpdesk.accounts.models import Absence, StaffRole, Team, User
from helpdesk.escalation.lateness import lateness
from helpdesk.escalation.models import STANDING, Escalation, ManagerRequest
from helpdesk.escalation.sweep import HEARTBEAT
from helpdesk.notifications.models import Delivery, Heartbeat, OutboxMail
from helpdesk.sla.clock import OPEN, Promise, State
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets.models import Claim, Severity, Ticket
from helpdesk.workspace import queue_views
from helpdesk.workspace.faces import Face, open_faces
from helpdesk.workspace.health import SWEEP_LATE

HOUR = timedelta(hours=1)
SLOT = timedelta(minutes=5)
SLOTS = HOUR // SLOT
MINUTES_AN_ANSWER = 10  # what the room of the people here is reckoned by
AT_RISK = 8  # rows
WAITING = 4  # rows of each list beneath
MOST_DUE = 2000  # deadlines of the hour that are drawn
LATELY = timedelta(days=7)  # a clock that runs has had a step since, or waits for its first


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Somebody who can answer, with how many open tickets they own; `until`, where they leave within the hour."""

    user: User
    owns: int
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Five minutes of the coming hour: deadlines in it, and how many the people here can answer."""

    begins: datetime
    guaranteed: int
    objective: int
    room: float

    @property
    def due(self) -> int:
        return self.guaranteed + self.objective

    @property
    def is_short(self) -> bool:
        return self.due > self.room


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A ticket with the face of its next clock."""

    ticket: Ticket
    face: Face | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How the sweep is: its last pass, what it did, how late steps were in the last hour (seconds)."""

    at: datetime | None
    detail: dict[str, Any]
    lateness: dict[str, float]
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    now: datetime
    counts: dict[str, int]
    shown: dict[str, str]
    at_risk: list[Row]
    hour: list[Slot]
    here: list[Here]
    staff: int
    asked: list[ManagerRequest]
    escalations: list[Escalation]
    claims: list[Row]
    exceptions: list[ClockException]
    sweep: Sweep

    @property
    def short(self) -> list[Slot]:
        """The stretches of the hour in which more is due than can be answered."""
        return [slot for slot in self.hour if slot.is_short]

    @property
    def short_of(self) -> tuple[int, int]:
        """How many deadlines these stretches hold, and for how many there is room."""
        return sum(slot.due for slot in self.short), int(sum(slot.room for slot in self.short))

    @property
    def next_to_leave(self) -> Here | None:
        leaving = [person for person in self.here if person.until]
        return min(leaving, key=lambda person: person.until, default=None)


def board(*, viewer: User, team: Team | None, present: set[int] | None, now: datetime) -> Board:
    """The board of all teams or of one. `present`: ids of those with an open screen; None when nobody knows."""
    tickets = Ticket.objects.visible_to(viewer)
    if team is not None:
        tickets = tickets.filter(team=team)
    at_risk = list(queue_views.at_risk(tickets, now=now).select_related("account", "owner", "hub")[:AT_RISK])
    claims = list(_claims(tickets).select_related("account", "owner").by_deadline()[:WAITING])
    faces = open_faces(ticket_ids={row.pk for row in (*at_risk, *claims)}, now=now)
    here, staff = _people(team=team, present=present, now=now)
    counts = queue_views.counts(_parts(tickets, team=team, now=now))
    return Board(
        now=now,
        counts=counts,
        shown={name: queue_views.shown(name, count) for name, count in counts.items()},
        at_risk=[Row(ticket=row, face=faces.get(row.pk)) for row in at_risk],
        hour=_hour(tickets, here, now=now),
        here=here,
        staff=staff,
        asked=list(_asked(team).select_related(*STANDING)[:WAITING]),
        escalations=list(_escalations(team, now=now).select_related("ticket__account", "ticket__owner")[:WAITING]),
        claims=[Row(ticket=row, face=faces.get(row.pk)) for row in claims],
        exceptions=list(_exceptions(team).select_related("code", "requested_by", "clock__ticket")[:WAITING]),
        sweep=_sweep(now=now),
    )


def _parts(tickets: QuerySet[Ticket], *, team: Team | None, now: datetime) -> dict[str, QuerySet]:
    """What is counted, in one query, each up to a limit."""
    late = queue_views.late(tickets.active(), now=now)
    soon = queue_views.near_breach(tickets.active(), now=now)
    hour = tickets.active().filter(next_due_at__gte=now, next_due_at__lte=now + HOUR)
    return {
        "late": late,
        "late_guaranteed": late.filter(_next_clock(promise=Promise.GUARANTEED)),
        "soon": soon,
        "soon_free": soon.filter(owner=None),
        "hour": hour,
        "hour_guaranteed": hour.filter(_next_clock(promise=Promise.GUARANTEED)),
        "escalations": _escalations(team, now=now),
        "asked": _asked(team),
        "claims": _claims(tickets),
        "exceptions": _exceptions(team),
        "exceptions_guaranteed": _exceptions(team).filter(clock__promise=Promise.GUARANTEED),
        "mail_waiting": OutboxMail.objects.filter(state__in=Delivery.unfinished()),
        "mail_dead": OutboxMail.objects.filter(state=Delivery.DEAD),
    }


def _next_clock(**such: Any) -> Exists:
    """The ticket's next deadline is one of such a clock."""
    clocks = Clock.objects.filter(ticket=OuterRef("pk"), state=State.RUNNING, due_at=OuterRef("next_due_at"))
    return Exists(clocks.filter(**such))


def _claims(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return tickets.active().filter(severity=Severity.CRITICAL, claim=Claim.CLAIMED)


def _escalations(team: Team | None, *, now: datetime) -> QuerySet[Escalation]:
    """Fired of late on a clock that still runs, and not acknowledged; the latest first."""
    waiting = Escalation.objects.filter(state=Escalation.State.FIRED, acknowledged_at=None, due_at__gte=now - LATELY)
    rows = waiting.filter(clock__state__in=OPEN).order_by("-due_at", "-id")
    return rows if team is None else rows.filter(ticket__team=team)


def _asked(team: Team | None) -> QuerySet[ManagerRequest]:
    """Who waits for a manager's answer, customers first, the longest wait on top."""
    rows = ManagerRequest.objects.waiting().order_by("-by_customer", "asked_at")
    return rows if team is None else rows.of_team(team)


def _exceptions(team: Team | None) -> QuerySet[ClockException]:
    """Waiting for a decision, the longest first."""
    rows = ClockException.objects.filter(state="asked").order_by("requested_at")
    return rows if team is None else rows.filter(clock__ticket__team=team)


def _people(*, team: Team | None, present: set[int] | None, now: datetime) -> tuple[list[Here], int]:
    """Specialists and leads who are here, those with the fewest tickets first; and how many there are in all."""
    roles = (StaffRole.SPECIALIST, StaffRole.TEAM_LEAD)
    people = User.objects.filter(is_active=True, staff_role__in=roles)
    if team is not None:
        people = people.filter(team_memberships__team=team)
    people = list(people.only("pk", "full_name", "email"))
    away: dict[int, datetime] = {}
    for absence in Absence.objects.filter(user__in=people, starts_at__lt=now + HOUR, ends_at__gt=now):
        away[absence.user_id] = min(absence.starts_at, away.get(absence.user_id, absence.starts_at))
    here = [
        person
        for person in people
        if (present is None or person.pk in present) and away.get(person.pk, now + HOUR) > now
    ]
    owned = Ticket.objects.active().filter(owner__in=here).order_by().values_list("owner")
    owns = dict(owned.annotate(number=Count("pk")))
    rows = [Here(user=person, owns=owns.get(person.pk, 0), until=away.get(person.pk)) for person in here]
    return sorted(rows, key=lambda row: (row.owns, row.user.full_name)), len(people)


def _hour(tickets: QuerySet[Ticket], here: Iterable[Here], *, now: datetime) -> list[Slot]:
    """The next deadline of each ticket in slots of five minutes, against the room of those who are here then."""
    due = tickets.active().filter(next_due_at__gt=now, next_due_at__lte=now + HOUR).order_by("next_due_at")
    rows = due.annotate(guaranteed=_next_clock(promise=Promise.GUARANTEED)).values_list("next_due_at", "guaranteed")
    counted = [[0, 0] for _slot in range(SLOTS)]
    for at, guaranteed in rows[:MOST_DUE]:
        counted[min(int((at - now) / SLOT), SLOTS - 1)][0 if guaranteed else 1] += 1
    leaving = [person.until for person in here]
    slots = []
    for number, (guaranteed, objective) in enumerate(counted):
        begins = now + number * SLOT
        people = sum(until is None or until >= begins + SLOT for until in leaving)
        room = people * SLOT.total_seconds() / 60 / MINUTES_AN_ANSWER
        slots.append(Slot(begins=begins, guaranteed=guaranteed, objective=objective, room=room))
    return slots


def _sweep(*, now: datetime) -> Sweep:
    beat = Heartbeat.objects.filter(name=HEARTBEAT).first()
    return Sweep(
        at=beat.at if beat else None,
        detail=beat.detail if beat else {},
        lateness=lateness(now=now),
        is_late=beat is None or now - beat.at > SWEEP_LATE,
    )
