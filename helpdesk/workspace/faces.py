"""How a clock looks on a screen: its state, time, word and the share of the target that is used up.

The server decides the state; the script in the page only counts down and moves on to the next
state at the instants that it is given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Func
from django.utils.translation import pgettext_lazy

from helpdesk.core.durations import compact
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.models import Clock

# "Soon": less than a quarter of the target is left, but no less than 15 minutes and no more than two hours.
SOON_SHARE = 4
SOON_AT_LEAST = timedelta(minutes=15)
SOON_AT_MOST = timedelta(hours=2)
BUSINESS_DAY = 8 * 3600  # seconds; only for the threshold above

WORDS = {
    "ok": pgettext_lazy("clock", "left"),
    "soon": pgettext_lazy("clock", "soon"),
    "breach": pgettext_lazy("clock", "late"),
    "paused": pgettext_lazy("clock", "paused"),
    "met": pgettext_lazy("clock", "met"),
    "void": pgettext_lazy("clock", "void"),
}
SIGNS = {"ok": "s-ok", "soon": "s-soon", "breach": "s-breach", "paused": "s-paused", "met": "s-met", "void": "s-paused"}
SHORT_METRICS = {
    pure.Metric.FIRST_RESPONSE: pgettext_lazy("metric", "First"),
    pure.Metric.NEXT_RESPONSE: pgettext_lazy("metric", "Next"),
    pure.Metric.RESOLUTION: pgettext_lazy("metric", "Solution"),
    pure.Metric.CALLBACK: pgettext_lazy("metric", "Callback"),
    pure.Metric.CHAT_PICKUP: pgettext_lazy("metric", "Chat"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What a template shows of a clock. `seconds` is what is left (negative: late) or, at the end, was taken."""

    clock: Clock
    state: str
    seconds: float
    percent: int
    soon_at: datetime | None

    @property
    def text(self) -> str:
        return compact(self.seconds)

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def sign(self) -> str:
        return SIGNS[self.state]

    @property
    def metric(self) -> str:
        return SHORT_METRICS[pure.Metric(self.clock.metric)]

    @property
    def runs(self) -> bool:
        """Its time changes while one looks."""
        return self.state in ("ok", "soon", "breach") and self.clock.is_open

    @property
    def words(self) -> dict[str, str]:
        return {"soon": WORDS["soon"], "late": WORDS["breach"]}

    @property
    def kind(self) -> str:
        return "g" if self.clock.is_guaranteed else "o"


class IsSoonDue(Func):
    """Of a ticket (id, next deadline, now): whether the clock of that deadline is soon due by then.

    Written out rather than put together from expressions: the queue asks for it on each page, and for the
    database alone it takes a tenth of the time.
    """

    output_field = BooleanField()
    THRESHOLD = (
        f"least(greatest(coalesce(soon.target_seconds, soon.target_business_days * {BUSINESS_DAY}) / {SOON_SHARE},"
        f" {int(SOON_AT_LEAST.total_seconds())}), {int(SOON_AT_MOST.total_seconds())}) * interval '1 second'"
    )
    SQL = """EXISTS (
        SELECT 1 FROM helpdesk_clock AS soon
         WHERE soon.ticket_id = {} AND soon.due_at = {} AND soon.state = 'running' AND soon.due_at <= {} + {threshold}
    )"""

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, list[Any]]:
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        sql = self.SQL.format(*(part for part, _params in parts), threshold=self.THRESHOLD)
        return sql, [value for _part, params in parts for value in params]


def soon_before(clock: Clock) -> timedelta:
    """How long before its deadline a clock counts as soon due; the same rule as `IsSoonDue`."""
    target = clock.target_seconds or (clock.target_business_days or 0) * BUSINESS_DAY
    return min(max(timedelta(seconds=target // SOON_SHARE), SOON_AT_LEAST), SOON_AT_MOST)


class Faces:
    """Makes faces as of one instant; a calendar is read once however many clocks run on it."""

    def __init__(self, *, now: datetime) -> None:
        self.now = now
        self._hours: dict[int | None, BusinessCalendar] = {None: ALWAYS_OPEN}

    def of(self, clock: Clock) -> Face:
        """The face of a clock in any state."""
        folded = clock.folded()
        hours = self._calendar(clock)
        if folded.state == pure.State.RUNNING:
            return self._running(clock, folded, hours)
        if folded.state == pure.State.PAUSED:
            return self._paused(clock, folded, hours)
        return self._over(clock, folded, hours)

    def first(self, clocks: Iterable[Clock]) -> Face | None:
        """The clock that a list shows: the running one with the first deadline, else a paused one."""
        open_clocks = [clock for clock in clocks if clock.is_open]
        if not open_clocks:
            return None
        return self.of(min(open_clocks, key=lambda clock: (clock.due_at is None, clock.due_at or self.now, clock.pk)))

    def _calendar(self, clock: Clock) -> BusinessCalendar:
        if clock.calendar_version_id not in self._hours:
            self._hours[clock.calendar_version_id] = clock.hours
        return self._hours[clock.calendar_version_id]

    def _running(self, clock: Clock, folded: pure.Clock, hours: BusinessCalendar) -> Face:
        soon_at = folded.due_at - soon_before(clock)
        state = "breach" if self.now > folded.due_at else "soon" if self.now >= soon_at else "ok"
        return Face(
            clock=clock,
            state=state,
            seconds=(folded.due_at - self.now).total_seconds(),
            percent=_used(folded, hours, due=folded.due_at, until=self.now),
            soon_at=soon_at,
        )

    def _paused(self, clock: Clock, folded: pure.Clock, hours: BusinessCalendar) -> Face:
        """What would be left if it went on now."""
        due = folded.target.due(hours, folded.counted_from, (*folded.stretches_out, (folded.paused_at, self.now)))
        return Face(
            clock=clock,
            state="paused",
            seconds=(due - self.now).total_seconds(),
            percent=_used(folded, hours, due=due, until=folded.paused_at),
            soon_at=None,
        )

    def _over(self, clock: Clock, folded: pure.Clock, hours: BusinessCalendar) -> Face:
        if folded.breached_at is not None and folded.state != pure.State.EXEMPT:
            late = (folded.ended_at or self.now) - folded.breached_at
            return Face(clock=clock, state="breach", seconds=-late.total_seconds(), percent=100, soon_at=None)
        end = folded.ended_at or self.now  # a void clock may wait for its answer still
        taken = hours.between(folded.started_at, end, folded.stretches_out)
        due = folded.due_at or end
        return Face(
            clock=clock,
            state="met" if folded.is_met else "void",
            seconds=taken.total_seconds(),
            percent=_used(folded, hours, due=due, until=end),
            soon_at=None,
        )


def _used(folded: pure.Clock, hours: BusinessCalendar, *, due: datetime, until: datetime) -> int:
    """The share of the target's open time that is used up, in percent, at most 100."""
    if until >= due:
        return 100
    total = hours.between(folded.counted_from, due, folded.stretches_out).total_seconds()
    used = hours.between(folded.counted_from, until, folded.stretches_out).total_seconds()
    return min(100, int(used * 100 / total)) if total else 100


def open_faces(*, ticket_ids: Iterable[int], now: datetime) -> Mapping[int, Face]:
    """The face that a list shows for each ticket with an open clock. One query."""
    faces = Faces(now=now)
    clocks: dict[int, list[Clock]] = {}
    for clock in Clock.objects.open().filter(ticket_id__in=list(ticket_ids)).select_related("calendar_version"):
        clocks.setdefault(clock.ticket_id, []).append(clock)
    return {pk: face for pk, rows in clocks.items() if (face := faces.first(rows)) is not None}
