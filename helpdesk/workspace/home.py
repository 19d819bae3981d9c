"""Home: what one has to do now, and how one's week went. A fixed number of queries, however much there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, User
from helpdesk.channels.callback.models import CallRequest
from helpdesk.core.zones import zone_of
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Notice
from helpdesk.reports.own import own_figures
from helpdesk.reports.periods import DAY, Period, today
from helpdesk.sla.models import ClockException
from helpdesk.tickets.models import Claim, Draft, Severity, Status, Ticket
from helpdesk.workspace import queue_views
from helpdesk.workspace.faces import Face, open_faces
from helpdesk.workspace.queue import onlooker
from helpdesk.workspace.queue_views import Onlooker
from helpdesk.workspace.wording import notice_words

AHEAD = timedelta(hours=12)  # how far the drawing of deadlines looks
MOST_MINE, SHOWN_MINE, MOST_RISKY, MOST = 40, 10, 8, 6
RECENT = timedelta(days=7)
FIELDS = (
    "subject",
    "status",
    "language",
    "severity",
    "claim",
    "priority",
    "next_due_at",
    "created_at",
    "owner_id",
    "account__name",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with what it counts, and the list behind it."""

    key: str
    label: str
    url: str
    tone: str = ""  # "breach" or "soon", shown where the number isn't nought
    count: int = 0
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A deadline on the drawing, at so many percent of its width."""

    ticket: Ticket
    face: Face
    x: float


def home_context(request: HttpRequest) -> dict[str, Any]:
    """Everything that the page shows to this person."""
    viewer = onlooker(request)
    mine = list(_rows(queue_views.narrow(_visible(request), queue_views.MINE, viewer))[:MOST_MINE])
    free = list(_rows(queue_views.narrow(_ours(request, viewer), queue_views.UNASSIGNED, viewer))[:MOST])
    risky = _at_risk(request, viewer)
    faces = open_faces(ticket_ids=[ticket.pk for ticket in (*mine, *free, *risky)], now=viewer.now)
    for ticket in (*mine, *free, *risky):
        ticket.face = faces.get(ticket.pk)
    return {
        "now": viewer.now,
        "figures": _figures(request, viewer),
        "mine": mine[:SHOWN_MINE],
        "free": free,
        "leads": not _is_specialist(viewer),
        "risky": risky,
        "teams_only": _has_teams(viewer),
        "day": _day(mine, faces, now=viewer.now),
        "drafts": _drafts(request.user),
        "escalations": _escalations(request, now=viewer.now),
        "news": _news(request.user),
        "week": _week(request.user, now=viewer.now),
    }


def _visible(request: HttpRequest) -> QuerySet[Ticket]:
    return Ticket.objects.visible_to(request.user)


def _has_teams(viewer: Onlooker) -> bool:
    """Whoever runs the service without being in a team looks after all of them."""
    return bool(viewer.team_ids) or not viewer.user.is_managing


def _ours(request: HttpRequest, viewer: Onlooker) -> QuerySet[Ticket]:
    tickets = _visible(request)
    return tickets.filter(team__in=viewer.team_ids) if _has_teams(viewer) else tickets


def _is_specialist(viewer: Onlooker) -> bool:
    return viewer.user.staff_role == StaffRole.SPECIALIST


def _at_risk(request: HttpRequest, viewer: Onlooker) -> list[Ticket]:
    """For who leads: of all that they look after, whoever it belongs to."""
    if _is_specialist(viewer):
        return []
    rows = queue_views.at_risk(_ours(request, viewer), now=viewer.now).select_related("account", "owner")
    return list(rows.only(*FIELDS, "owner__full_name", "owner__email")[:MOST_RISKY])


def _rows(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return tickets.by_deadline().select_related("account").only(*FIELDS)


def _figures(request: HttpRequest, viewer: Onlooker) -> list[Figure]:
    """Specialists see their own work first, leads their teams', managers everything. One query."""
    queue = reverse("admin:helpdesk_ticket_changelist")
    mine, ours = _visible(request).filter(owner=viewer.user).active(), _ours(request, viewer).active()
    is_specialist = _is_specialist(viewer)
    first = mine if is_specialist else ours
    scope = "mine" if is_specialist else "teams" if _has_teams(viewer) else ""
    late, soon = (f"{queue}?view={scope or view}" for view in (queue_views.BREACHED, queue_views.NEAR))
    free = f"{queue}?view={'teams' if _has_teams(viewer) else queue_views.UNASSIGNED}"
    wanted: list[tuple[Figure, QuerySet]] = [
        (Figure(key="late", label=_("Late"), url=late, tone="breach"), queue_views.late(first, now=viewer.now)),
        (
            Figure(key="soon", label=_("Soon due"), url=soon, tone="soon"),
            queue_views.near_breach(first, now=viewer.now),
        ),
        (Figure(key="mine", label=_("My open tickets"), url=f"{queue}?view=mine"), mine),
        (Figure(key="free", label=_("Unassigned"), url=free), ours.filter(owner=None)),
    ]
    if is_specialist:
        waiting = Figure(key="waiting", label=_("Waiting on customer"), url=f"{queue}?view=mine&status=waiting")
        wanted.insert(3, (waiting, mine.filter(status=Status.WAITING)))
    claims = Figure(
        key="claims", label=_("Claims to judge"), url=f"{queue}?view=critical&severity=claimed", tone="soon"
    )
    calls = Figure(key="calls", label=_("Calls to make"), url=reverse("admin:calls"), tone="soon")
    wanted.append((calls, CallRequest.objects.due(viewer.now)))
    wanted.append((claims, ours.filter(severity=Severity.CRITICAL, claim=Claim.CLAIMED)))
    if not is_specialist:
        asked = ClockException.objects.filter(state=ClockException.State.ASKED)
        if _has_teams(viewer):
            asked = asked.filter(clock__ticket__team__in=viewer.team_ids)
        url = reverse("admin:helpdesk_clockexception_changelist")
        wanted.append((Figure(key="asked", label=_("Exceptions to approve"), url=url, tone="soon"), asked))
    return _counted(wanted)


def _counted(wanted: list[tuple[Figure, QuerySet]]) -> list[Figure]:
    found = queue_views.counts({figure.key: rows for figure, rows in wanted})
    return [
        Figure(
            key=figure.key,
            label=figure.label,
            url=figure.url,
            tone=figure.tone if found[figure.key] else "",
            count=found[figure.key],
            shown=queue_views.shown(figure.key, found[figure.key]),
        )
        for figure, _rows_ in wanted
        if found[figure.key] or figure.key != "calls"  # nobody waits for a call most of the time
    ]


def _day(mine: list[Ticket], faces: Mapping[int, Face], *, now: datetime) -> dict[str, Any]:
    """My deadlines of the next twelve hours, drawn along them; what is late already is counted before them."""
    marks = [
        Mark(ticket=ticket, face=faces[ticket.pk], x=_share(ticket.next_due_at - now))
        for ticket in mine
        if ticket.next_due_at and now <= ticket.next_due_at <= now + AHEAD and ticket.pk in faces
    ]
    first = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [first + timedelta(hours=step) for step in range(12)]
    ticks = [{"x": _share(at - now), "at": at} for at in hours if at.hour % 3 == 0]
    late = sum(1 for ticket in mine if ticket.next_due_at and ticket.next_due_at < now)
    return {"marks": marks, "ticks": ticks, "late": late}


def _share(ahead: timedelta) -> float:
    """Where a time so far ahead lies; a margin at either end keeps marks and figures inside."""
    return round(2 + 96 * ahead / AHEAD, 2)


def _drafts(user: User) -> list[Draft]:
    """What one began to write and left."""
    left = Draft.objects.filter(user=user, leaves_at=None).exclude(body="")
    return list(left.select_related("ticket").order_by("-saved_at")[:MOST])


def _escalations(request: HttpRequest, *, now: datetime) -> list[Escalation]:
    """The last step of each open ticket that one was told of and nobody has acknowledged."""
    fired = Escalation.objects.filter(
        state=Escalation.State.FIRED,
        acknowledged_at=None,
        due_at__gte=now - RECENT,
        told__contains=[request.user.pk],
        ticket__status__in=Status.active(),
    )
    latest: dict[int, Escalation] = {}
    for row in fired.select_related("ticket__account").order_by("-due_at", "-pk")[: 5 * MOST]:
        latest.setdefault(row.ticket_id, row)
    return list(latest.values())[:MOST]


def _news(user: User) -> list[dict[str, Any]]:
    """Unread notices but those of escalations, which stand beside them: who mentioned me, say."""
    notices = Notice.objects.filter(recipient=user, read_at=None).exclude(kind="escalation")
    return [
        {"text": notice_words(row), "url": row.url, "at": row.created_at}
        for row in notices.order_by("-created_at", "-pk")[:MOST]
    ]


def _week(user: User, *, now: datetime) -> dict[str, Any]:
    """My figures of seven days, today included, by my own wall clock."""
    zone = zone_of(user.time_zone)
    day = today(now=now, zone=zone)
    period = Period(first=day - 6 * DAY, last=day, zone=zone)
    return {"own": own_figures(person=user, window=period.window(now=now), now=now), "first": period.first}
