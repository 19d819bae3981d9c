"""Reads clocks with all that explains their deadlines. A fixed number of queries, however many clocks and events."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

from django.http import Http404
from django.utils.translation import gettext as _

from helpdesk.core import durations
from helpdesk.sla import clock as pure
from helpdesk.sla.clock import State
from helpdesk.sla.explain import Explanation, Kind, Mark, Stretch, explain, folded
from helpdesk.sla.fold import apply
from helpdesk.sla.models import Clock, ClockEvent, ClockException
from helpdesk.sla.timeline import Drawing, across, down
from helpdesk.sla.wording import business_hours
from helpdesk.tickets.explained.picture import Artist, spoken
from helpdesk.tickets.explained.words import LEGEND, Teller, length_words, target_words
from helpdesk.tickets.models import Ticket

log = logging.getLogger(__name__)
RELATED = ("policy_version__policy", "calendar_version__calendar", "answered_by", "owner_at_due")
NARROW = 340
MOST_ROWS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """For whom and when: with internal names or without, how wide the drawing, the table whole or folded."""

    now: datetime
    internal: bool
    width: int
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a stretch, or with no end something that happened."""

    kind: str
    begin: datetime
    end: datetime | None
    what: str
    counted: str = ""
    total: str = ""
    is_questioned: bool = False
    is_now: bool = False
    end_word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The two drawings of a timeline, what they say, and the signs in them."""

    wide: Drawing
    narrow: Drawing
    text: str
    legend: list[tuple[str, str]]
    is_short: bool  # closed time in it is drawn short


@dataclass(frozen=True)
class Told:
    """One clock explained, ready for a page."""

    clock: Clock
    made: Explanation
    teller: Teller
    exceptions: tuple[ClockException, ...]
    showing: Showing

    @property
    def now(self) -> datetime:
        return self.showing.now

    @property
    def state(self) -> str:
        """Which sentence says it: running, late, paused, met, missed, ended, cancelled or void."""
        clock = self.made.clock
        if clock.state == State.RUNNING:
            return "late" if clock.due_at < self.now else "running"
        names = {State.PAUSED: "paused", State.ENDED: "ended", State.CANCELLED: "cancelled", State.EXEMPT: "void"}
        return names.get(clock.state) or ("met" if clock.is_met else "missed")

    @property
    def due(self) -> datetime | None:
        """The deadline that decides: the one that was missed, or else the one in force."""
        clock = self.made.clock
        return clock.due_at if self.state == "running" else clock.breached_at or clock.due_at

    @property
    def gross_due(self) -> datetime | None:
        """The deadline as if there were no exception."""
        return self.made.clock.gross_breached_at or self.made.clock.gross_due_at

    @property
    def target(self) -> str:
        return target_words(self.made.basis.target)

    @property
    def counted(self) -> str:
        return length_words(self.made.counted)

    @property
    def left(self) -> str:
        """What is left of a target: open time, or for business days the time until the deadline."""
        if self.made.left is not None:
            return length_words(self.made.left)
        return "" if self.made.clock.due_at is None else length_words(self.made.clock.due_at - self.now)

    @property
    def distance(self) -> str:
        """Between the deadline and the end (or now)."""
        end = self.made.clock.ended_at or self.now
        return "" if self.due is None else length_words(abs(end - self.due))

    @property
    def hours(self) -> str:
        version = self.clock.calendar_version
        return business_hours(version.definition) if version else _("Always open")

    @property
    def kinds(self) -> set[str]:
        """What stretches there are, for words that only some need."""
        return {row.kind.value for row in self.made.stretches}

    @property
    def is_folded(self) -> bool:
        return not self.showing.whole and len(self.made.stretches) > MOST_ROWS

    @property
    def notes(self) -> list[str]:
        found = [*self.teller.governing(), *self.teller.carried(), *self.teller.shifts()]
        if self.made.calendar != self.clock.hours:
            found.append(_("Its calendar has no open time left, so it counts day and night."))
        return found

    @cached_property
    def picture(self) -> Picture | None:
        if not self.made.stretches:
            return None
        plan = Artist(self.teller, guaranteed=self.clock.is_guaranteed).plan()
        kinds = {piece.kind for piece in plan.pieces}
        return Picture(
            wide=across(plan, width=self.showing.width),
            narrow=down(plan, width=NARROW),
            text=f"{self.clock.get_metric_display()}. {spoken(plan)}",
            legend=[(kind.value, str(name)) for kind, name in LEGEND.items() if kind in kinds],
            is_short=any(piece.even is None for piece in (*plan.pieces, *plan.bands)),
        )

    @cached_property
    def rows(self) -> list[Row]:
        """The table: stretches and events, in order of time; what brought a stretch about stands before it."""
        marks = [marker.at for marker in self.made.markers]
        stretches = folded(self.made.stretches, most=MOST_ROWS, marks=marks) if self.is_folded else self.made.stretches
        rows = [
            Row(kind="event", begin=marker.at, end=None, what=what)
            for marker in self.made.markers
            if (what := self.teller.event(marker))
        ]
        before = 0
        for stretch in stretches:
            # From whole seconds to whole seconds, so that the column adds up to the next one.
            after = int(stretch.total.total_seconds())
            rows.append(self._row(stretch, seconds=after - before))
            before = after
        return sorted(rows, key=lambda row: (row.begin, row.kind != "event"))

    def _row(self, stretch: Stretch, *, seconds: int) -> Row:
        is_now = any(marker.mark == Mark.NOW and marker.at == stretch.end for marker in self.made.markers)
        event = self.teller.events[stretch.cause] if stretch.kind == Kind.PAUSED and not stretch.inside else None
        return Row(
            kind=stretch.kind,
            begin=stretch.begin,
            end=stretch.end,
            what=self.teller.stretch(stretch),
            counted=durations.exact(seconds) if stretch.counted else "",
            total=durations.exact(stretch.total.total_seconds()),
            is_questioned=bool(event and event.data.get("questioned") and self.showing.internal),
            is_now=is_now,
            end_word=_("now,") if is_now else _("due,") if stretch.end == self.made.clock.due_at else "",
        )


def clocks_of(ticket: Ticket) -> list[Clock]:
    """A ticket's clocks: the running one that is due first, then those paused, then the others, latest first."""
    rows = ticket.clocks.select_related(*RELATED).order_by("-started_at", "-id")

    def place(clock: Clock) -> tuple[int, float]:
        if not clock.is_open:
            return 2, 0
        return (1, 0) if clock.due_at is None else (0, clock.due_at.timestamp())

    return sorted(rows, key=place)


def chosen_clock(clocks: Sequence[Clock], wanted: str | None) -> Clock | None:
    """The clock that an address asks for, or else the first. Http404 when it is none of these."""
    if wanted is None:
        return clocks[0] if clocks else None
    found = next((clock for clock in clocks if str(clock.pk) == wanted), None)
    if found is None:
        raise Http404
    return found


def read(clocks: Sequence[Clock], showing: Showing) -> Iterator[Told]:
    """Explain clocks of `clocks_of`; one that cannot be explained is left out. Two queries."""
    rows = ClockEvent.objects.filter(clock__in=clocks).select_related("actor").order_by("clock_id", "number")
    events = {pk: list(group) for pk, group in groupby(rows, key=lambda row: row.clock_id)}
    exceptions: dict[int, list[ClockException]] = {}
    related = ("code", "requested_by", "decided_by")
    for row in ClockException.objects.filter(clock__in=clocks).select_related(*related).order_by("pk"):
        exceptions.setdefault(row.clock_id, []).append(row)
    for clock in clocks:
        try:
            yield _told(clock, events.get(clock.pk, []), exceptions.get(clock.pk, []), showing)
        except (KeyError, OverflowError, TypeError, ValueError):  # events, or a calendar, that cannot be read
            log.exception("clock %s cannot be explained", clock.pk)


def _told(clock: Clock, events: list[ClockEvent], exceptions: list[ClockException], showing: Showing) -> Told:
    facts = [event.folded() for event in events]
    states: list[pure.Clock] = []
    for fact in facts:
        states.append(apply(states[-1] if states else None, fact))
    teller = Teller(
        made=explain(facts, calendar=clock.hours, now=showing.now),
        events=events,
        states=states,
        exceptions={row.pk: row for row in exceptions},
        day_names=clock.calendar_version.day_names if clock.calendar_version else {},
        now=showing.now,
        internal=showing.internal,
    )
    approved = ClockException.State.APPROVED
    shown = tuple(row for row in exceptions if showing.internal or row.state == approved)
    return Told(clock=clock, made=teller.made, teller=teller, exceptions=shown, showing=showing)
