"""The views of the queue: which tickets each one holds, and how many, without counting a table.

Every view but the last reads a partial index over open tickets, so it costs what is open.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, FilteredRelation, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Team, User
from helpdesk.core.prepared import Ready
from helpdesk.tickets.models import SavedView, Severity, Status, Ticket
from helpdesk.workspace.faces import SOON_AT_MOST, IsSoonDue

COUNT_LIMIT = 1000  # shown as "999+"
SOON_LIMIT = 100  # each of these takes a look at a clock
CLOSED_LATELY = timedelta(days=30)
MOST_SAVED = 30

MINE, TEAMS, UNASSIGNED, CRITICAL = "mine", "teams", "unassigned", "critical"
NEAR, BREACHED, WAITING, OPEN, CLOSED = "near", "breached", "waiting", "open", "closed"
VIEWS = {
    MINE: _("Mine"),
    TEAMS: _("My teams"),
    UNASSIGNED: _("Unassigned"),
    CRITICAL: _("Critical"),
    NEAR: _("Near breach"),
    BREACHED: _("Breached"),
    WAITING: _("Waiting on customer"),
    OPEN: _("All open"),
    CLOSED: _("Closed lately"),
}
# What the rows of a view depend on besides teams.
_VALUES: dict[str, dict[str, type]] = {MINE: {"user_id": int}, NEAR: {"now": datetime}, BREACHED: {"now": datetime}}
Countable = QuerySet | Callable[[], tuple[str, Sequence[Any]]]


@dataclass(frozen=True, kw_only=True)
class Onlooker:
    """Who looks at the queue, and when."""

    user: User
    team_ids: tuple[int, ...]
    led_ids: tuple[int, ...] = ()
    teams: tuple[tuple[int, str], ...] = ()  # all there are, by name
    now: datetime

    @property
    def default_view(self) -> str:
        return TEAMS if self.team_ids else OPEN

    def keeps(self, view: SavedView) -> bool:
        """Whether this person may change a saved view; the rule of `services.saved_views`, without a query."""
        if view.owner_id is not None:
            return view.owner_id == self.user.pk
        return self.user.is_managing or view.team_id in self.led_ids

    @cached_property
    def saved(self) -> list[SavedView]:
        """The saved views that this person sees: one's own, the teams', everybody's. Read once."""
        views = SavedView.objects.visible_to(self.user).select_related("team").order_by("position", "name", "id")
        return sorted(views[:MOST_SAVED], key=lambda view: (view.owner_id is None, view.team_id is None))


def _teams_of(user_id: int) -> QuerySet[Team]:
    own = FilteredRelation("memberships", condition=Q(memberships__user=user_id))
    return Team.objects.annotate(own=own).order_by("name").values_list("pk", "name", "own__is_lead")


_teams = Ready(_teams_of, user_id=int)


def onlooker(request: HttpRequest) -> Onlooker:
    """Who looks at the queue; found once a request."""
    if not hasattr(request, "onlooker"):
        teams = _teams.rows(user_id=request.user.pk)
        request.onlooker = Onlooker(
            user=request.user,
            team_ids=tuple(team for team, _name, leads in teams if leads is not None),
            led_ids=tuple(team for team, _name, leads in teams if leads),
            teams=tuple((team, name) for team, name, _leads in teams),
            now=timezone.now(),
        )
    return request.onlooker


def narrow(queryset: QuerySet[Ticket], view: str, onlooker: Onlooker, *, everything: bool = False) -> QuerySet[Ticket]:
    """The tickets of a view. With `everything` the closed ones are all tickets: one looks for words in them."""
    if view == CLOSED:
        return queryset if everything else queryset.filter(closed_at__gte=onlooker.now - CLOSED_LATELY)
    queryset = queryset.active()
    match view:
        case "mine":
            return queryset.filter(owner=onlooker.user)
        case "teams":
            return queryset.filter(team__in=onlooker.team_ids)
        case "unassigned":
            return queryset.filter(owner=None)
        case "critical":
            return queryset.filter(severity=Severity.CRITICAL)
        case "near":
            return near_breach(queryset, now=onlooker.now)
        case "breached":
            return late(queryset, now=onlooker.now)
        case "waiting":
            return queryset.filter(status=Status.WAITING)
    return queryset


def late(queryset: QuerySet[Ticket], *, now: datetime) -> QuerySet[Ticket]:
    return queryset.filter(next_due_at__lt=now)


def near_breach(queryset: QuerySet[Ticket], *, now: datetime) -> QuerySet[Ticket]:
    """Next deadline ahead, and so near that its face says *soon*."""
    ahead = queryset.filter(next_due_at__gte=now, next_due_at__lte=now + SOON_AT_MOST)
    return ahead.filter(IsSoonDue("pk", "next_due_at", Value(now)))


def at_risk(queryset: QuerySet[Ticket], *, now: datetime) -> QuerySet[Ticket]:
    """What is late or comes due within the longest time that counts as soon, the most urgent first."""
    return queryset.active().filter(next_due_at__lt=now + SOON_AT_MOST).by_deadline()


def ordered(queryset: QuerySet[Ticket], view: str) -> QuerySet[Ticket]:
    """By the deadline that comes first; what is closed, the newest first."""
    return queryset.order_by(*order(view))


def order(view: str, *, everything: bool = False) -> tuple[object, ...]:
    """As `narrow`; what is found among all tickets comes the newest first, for which every ticket has an index."""
    if view == CLOSED:
        return ("-id",) if everything else ("-closed_at", "-id")
    return (F("next_due_at").asc(nulls_last=True), "id")


def to_count(view: str, onlooker: Onlooker) -> Countable:
    """A view's tickets, for `counts`. Every page of a queue counts them, so their SQL is made once, by `narrow`."""
    values = {"user_id": onlooker.user.pk, "now": onlooker.now}
    named = {name: values[name] for name in _VALUES.get(view, {})}
    return partial(_of_view(view, onlooker.team_ids).text, **named)


@lru_cache(maxsize=1000)
def _of_view(view: str, team_ids: tuple[int, ...]) -> Ready[Ticket]:
    def rows(user_id: int = 0, now: datetime = datetime.max) -> QuerySet[Ticket]:
        anybody = Onlooker(user=User(pk=user_id), team_ids=team_ids, now=now)
        return _ids(narrow(Ticket.objects.all(), view, anybody), view)

    return Ready(rows, **_VALUES.get(view, {}))


def _ids(rows: QuerySet, name: str) -> QuerySet:
    return rows.order_by().values("pk")[: limit(name)]


def counts(countables: Mapping[str, Countable]) -> dict[str, int]:
    """How many rows each has, up to its `limit`. One query for all of them."""
    found, parts, values = dict.fromkeys(countables, 0), {}, []
    for name, rows in countables.items():
        try:
            sql, params = rows() if callable(rows) else _ids(rows, name).query.sql_with_params()
        except EmptyResultSet:
            continue
        parts[name] = f"(SELECT count(*) FROM ({sql}) AS part)"  # noqa: S608 - the ORM wrote it, values apart
        values.extend(params)
    if parts:
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(parts.values()), values)
            found.update(zip(parts, cursor.fetchone(), strict=True))
    return found


def limit(name: str) -> int:
    """Where the counting of a view or a sum ends."""
    return SOON_LIMIT if name in (NEAR, "soon") else COUNT_LIMIT


def shown(name: str, count: int) -> str:
    return f"{limit(name) - 1}+" if count >= limit(name) else str(count)


def at_least(name: str, count: int) -> str:
    """As `shown`, where only so many have been looked for."""
    return f"{min(count, limit(name) - 1)}+"
