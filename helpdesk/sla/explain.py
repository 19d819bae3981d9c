"""How a deadline came about: a clock's life cut into stretches that counted and stretches that did not. Pure.

The stretches touch, from the start (or from where it is counted, should that lie before) to the last
instant that matters: the deadline, the end, or now while the customer still waits. Where the target is
a length of time, what counts before the deadline adds up to that length, exactly: this is the proof
that a page shows (SPEC 2.2, *Explain this deadline*).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.clock import Clock, Event, EventKind, State
from helpdesk.sla.fold import apply, fold
from helpdesk.sla.target import Interval

NOTHING = timedelta(0)


class Kind(StrEnum):
    """What a stretch of time means for a deadline."""

    COUNTED = "counted"
    CLOSED = "closed"  # outside the calendar's hours
    PAUSED = "paused"
    EXEMPTED = "exempted"  # left out by an approved exception
    DROPPED = "dropped"  # before the instant from which it is counted anew
    AHEAD = "ahead"  # still to come until the deadline
    SPARE = "spare"  # until the deadline, of a clock that ended before
    OVER = "over"  # after the deadline


ADDED_UP = frozenset({Kind.COUNTED, Kind.AHEAD, Kind.SPARE, Kind.OVER})


class Mark(StrEnum):
    """An instant that a deadline's story tells of."""

    STARTED = "started"
    RETARGETED = "retargeted"
    EXEMPTED = "exempted"
    WAS_DUE = "was_due"  # a deadline that another one took the place of
    BREACHED = "breached"  # missed, where that isn't the deadline in force
    DUE = "due"
    ANSWERED = "answered"
    ENDED = "ended"  # without an answer
    NOW = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One stretch of the line of time. `open`: how much of it the calendar is open; `total`: the sum at its end.

    `cause` is the place, among the clock's events, of the one that brought it about. `inside` holds the
    stretches that are shown as this one (see `folded`).
    """

    kind: Kind
    begin: datetime
    end: datetime
    open: timedelta
    counted: timedelta
    total: timedelta = NOTHING
    cause: int | None = None
    inside: "tuple[Stretch, ...]" = ()

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """An instant with a name; `event` is the place of the event behind it."""

    mark: Mark
    at: datetime
    event: int | None = None


class Landing(StrEnum):
    """Where a target of business days lands on its last day."""

    SAME = "same"  # the same wall time
    CLOSING = "closing"  # that day closes before it
    OPENING = "opening"  # that day isn't open yet, or has a break then


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How business days were counted: from the opening, to a wall time, and on by what pauses took."""

    opening: datetime
    landed: datetime
    landing: Landing
    moved_on: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that there is to say about one clock. `hours` are the open stretches from begin to end.

    `basis` is the clock as its deadline in force is reckoned, which all the sums are of: `clock` itself, or
    the promise without its exceptions where these lead to an earlier deadline, `outdone` (SPEC 2.4).
    `if_resumed` is the deadline that a paused clock would have if it went on now.
    """

    clock: Clock
    basis: Clock
    outdone: datetime | None
    begin: datetime
    end: datetime
    calendar: BusinessCalendar
    stretches: tuple[Stretch, ...]
    markers: tuple[Marker, ...]
    hours: tuple[Interval, ...]
    carried: Carried | None
    if_resumed: datetime | None

    @property
    def counted(self) -> timedelta:
        """What has counted so far, up to the deadline."""
        return sum((row.counted for row in self.stretches if row.kind == Kind.COUNTED), NOTHING)

    @property
    def left(self) -> timedelta | None:
        """Open time left of a target that is a length of time; None for business days."""
        seconds = self.basis.target.seconds
        return None if seconds is None else timedelta(seconds=seconds) - self.counted


def explain(events: Sequence[Event], *, calendar: BusinessCalendar, now: datetime) -> Explanation:
    """Explain a clock from its events, in order, on the calendar it counts on now. ValueError as in `fold`."""
    clock = fold(events)
    running = clock.pause_until(max(now, clock.paused_at or now))
    basis, outdone = _in_force(clock, calendar, running)
    asked = datetime.fromisoformat(events[0].data["asked"]) if "asked" in events[0].data else clock.started_at
    begin = min(asked, basis.counted_from)
    until = max(asked, now if clock.is_unanswered else clock.ended_at or now)
    end = max(until, clock.due_at or until)
    out = (*basis.stretches_out, *running)
    calendar = basis.target.counts_on(calendar, basis.counted_from, out)
    hours = tuple(calendar.open_intervals(begin, end))
    pauses = tuple(zip((*basis.pauses, *running), _places(events, EventKind.PAUSE), strict=False))
    exempted = tuple(zip(basis.exempted, _places(events, EventKind.EXEMPT, having="from"), strict=False))
    cut = _Cut(
        clock=basis,
        begin=begin,
        until=until,
        end=end,
        hours=hours,
        pauses=pauses,
        exempted=exempted,
        anew=_counted_anew(events, basis.counted_from),
    )
    return Explanation(
        clock=clock,
        basis=basis,
        outdone=outdone,
        begin=begin,
        end=end,
        calendar=calendar,
        stretches=tuple(_summed(_merged(cut.pieces()), events)),
        markers=tuple(marker for marker in _markers(events, clock, until=until) if begin <= marker.at <= end),
        hours=hours,
        carried=_carried(basis, calendar, out) if basis.target.business_days else None,
        if_resumed=basis.target.due(calendar, basis.counted_from, out) if clock.state == State.PAUSED else None,
    )


def _in_force(clock: Clock, calendar: BusinessCalendar, running: tuple[Interval, ...]) -> tuple[Clock, datetime | None]:
    """What the deadline in force is reckoned by, and the earlier deadline that exceptions lead to, if they do."""
    if clock.gross_basis is None or clock.due_at not in (None, clock.gross_due_at):
        return clock, None
    target, since = clock.gross_basis
    promised = replace(clock, target=target, counted_from=since, exempted=())
    net, gross = (
        each.target.due(calendar, each.counted_from, (*each.stretches_out, *running)) for each in (clock, promised)
    )
    return (promised, net) if net < gross else (clock, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """Cuts the line of time wherever its meaning changes."""

    clock: Clock
    begin: datetime
    until: datetime
    end: datetime
    hours: tuple[Interval, ...]
    pauses: tuple[tuple[Interval, int], ...]
    exempted: tuple[tuple[Interval, int], ...]
    anew: int | None

    def pieces(self) -> Iterator[Stretch]:
        cuts = {self.begin, self.end, self.until, self.clock.counted_from, self.clock.due_at or self.end}
        cuts.update(at for interval in self.hours for at in interval)
        cuts.update(at for interval, _place in (*self.pauses, *self.exempted) for at in interval)
        opens = [begin for begin, _ in self.hours]
        for begin, end in pairwise(sorted(at for at in cuts if self.begin <= at <= self.end)):
            place = bisect_right(opens, begin) - 1
            is_open = place >= 0 and begin < self.hours[place][1]
            kind, cause = self._meaning(begin, is_open)
            length = end - begin if is_open else NOTHING
            counted = length if kind in ADDED_UP else NOTHING
            yield Stretch(kind=kind, begin=begin, end=end, open=length, counted=counted, cause=cause)

    def _meaning(self, at: datetime, is_open: bool) -> tuple[Kind, int | None]:
        clock = self.clock
        if at < clock.counted_from:
            return Kind.DROPPED, self.anew
        for kind, rows in ((Kind.PAUSED, self.pauses), (Kind.EXEMPTED, self.exempted)):
            for (begin, end), place in rows:
                if begin <= at < end:
                    return kind, place
        if not is_open:
            return Kind.CLOSED, None
        if clock.due_at is not None and at >= clock.due_at:
            return Kind.OVER, None
        if at < self.until:
            return Kind.COUNTED, None
        return Kind.AHEAD if clock.is_unanswered else Kind.SPARE, None


def _places(events: Sequence[Event], kind: EventKind, *, having: str = "") -> list[int]:
    return [place for place, event in enumerate(events) if event.kind == kind and (not having or having in event.data)]


def _counted_anew(events: Sequence[Event], since: datetime) -> int | None:
    """The event that let the clock be counted from `since`, if there was one: the last of them."""

    def says_so(event: Event) -> bool:
        return event.data.get("since") == since.isoformat() or ("asked" in event.data and event.at == since)

    return next((place for place in reversed(range(len(events))) if says_so(events[place])), None)


def _merged(pieces: Iterable[Stretch]) -> Iterator[Stretch]:
    """Pieces of the same meaning that touch, as one: a pause over a night is one pause."""
    last: Stretch | None = None
    for piece in pieces:
        if last is not None and (last.kind, last.cause) == (piece.kind, piece.cause):
            last = _joined((last, piece), kind=last.kind, cause=last.cause)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _joined(
    rows: Sequence[Stretch], *, kind: Kind, cause: int | None = None, inside: tuple[Stretch, ...] = ()
) -> Stretch:
    return Stretch(
        kind=kind,
        begin=rows[0].begin,
        end=rows[-1].end,
        open=sum((row.open for row in rows), NOTHING),
        counted=sum((row.counted for row in rows), NOTHING),
        total=rows[-1].total,
        cause=cause,
        inside=inside,
    )


def _summed(rows: Iterable[Stretch], events: Sequence[Event]) -> Iterator[Stretch]:
    """With the running sum, and the event that what counts, or would but for the hours, began with."""
    begun = {event.at: place for place, event in enumerate(events) if event.kind in (EventKind.START, EventKind.RESUME)}
    total = NOTHING
    for row in rows:
        total += row.counted
        cause = begun.get(row.begin) if row.kind in ADDED_UP or row.kind == Kind.CLOSED else row.cause
        yield replace(row, total=total, cause=cause)


def _markers(events: Sequence[Event], clock: Clock, *, until: datetime) -> list[Marker]:
    """The instants to tell of, in order."""
    found = [Marker(mark=Mark.STARTED, at=clock.started_at, event=0)]
    state, due = None, set()
    for place, event in enumerate(events):
        before, state = state, apply(state, event)
        if event.kind in (EventKind.RETARGET, EventKind.EXEMPT):
            mark = Mark.RETARGETED if event.kind == EventKind.RETARGET else Mark.EXEMPTED
            found.append(Marker(mark=mark, at=event.at, event=place))
            if before.due_at is not None:
                due.add(before.due_at)
        elif event.kind in (EventKind.FULFIL, EventKind.CANCEL):
            mark = Mark.ANSWERED if event.kind == EventKind.FULFIL else Mark.ENDED
            found.append(Marker(mark=mark, at=event.at, event=place))
    found += [Marker(mark=Mark.WAS_DUE, at=at) for at in due - {clock.due_at, clock.breached_at}]
    if clock.breached_at not in (None, clock.due_at):
        found.append(Marker(mark=Mark.BREACHED, at=clock.breached_at))
    if clock.due_at is not None:
        found.append(Marker(mark=Mark.DUE, at=clock.due_at))
    if clock.is_unanswered:
        found.append(Marker(mark=Mark.NOW, at=until))
    order = list(Mark)
    return sorted(found, key=lambda marker: (marker.at, order.index(marker.mark)))


def _carried(clock: Clock, calendar: BusinessCalendar, out: tuple[Interval, ...]) -> Carried:
    start, days = clock.counted_from, clock.target.business_days
    opening, landed = calendar.next_opening(start), calendar.add_business_days(start, days)
    zone = ZoneInfo(calendar.timezone)
    # A day that is open to midnight closes behind every wall time, so it never cuts one off at 00:00.
    wall, reached = opening.astimezone(zone).time(), landed.astimezone(zone).time()
    landing = Landing.SAME if reached == wall else Landing.CLOSING if reached < wall else Landing.OPENING
    due = clock.target.due(calendar, start, out)
    return Carried(opening=opening, landed=landed, landing=landing, moved_on=calendar.between(landed, due))


def folded(stretches: Sequence[Stretch], *, most: int, marks: Iterable[datetime] = ()) -> list[Stretch]:
    """At most `most` pieces to show (5 or more): days in the middle that are like each other become one.

    Runs of working days go first, the longest of them first, never over an instant of `marks`; should
    there still be too many pieces, whatever lies in the middle.
    """
    rows, marks = list(stretches), sorted(marks)
    while len(rows) > most:
        first, last = max(_runs(rows, marks), key=lambda run: run[1] - run[0])
        if last - first < 3:
            head = (most - 1) // 2
            first, last = head, len(rows) - (most - 1 - head)
        rows[first:last] = [_fold(rows[first:last])]
    return rows


def _runs(rows: Sequence[Stretch], marks: Sequence[datetime]) -> Iterator[tuple[int, int]]:
    """What can be folded: (first, last) of the inner days of a run of days, its first and its last day left out."""
    begin = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or not _goes_on(rows, begin, place, marks):
            yield begin + 2, place - 2
            begin = place


def _goes_on(rows: Sequence[Stretch], begin: int, place: int, marks: Sequence[datetime]) -> bool:
    """Whether the row at `place` belongs to the run of days that begins at `begin`."""
    before, row = rows[place - 1], rows[place]
    kinds = {rows[begin].kind, rows[begin + 1].kind, row.kind} - {Kind.CLOSED}
    alike = len(kinds) == 1 and kinds <= ADDED_UP
    return alike and not before.inside and not row.inside and not _holds(before, marks)


def _holds(row: Stretch, marks: Sequence[datetime]) -> bool:
    place = bisect_right(marks, row.begin)
    return place < len(marks) and marks[place] <= row.end


def _fold(rows: Sequence[Stretch]) -> Stretch:
    inside = tuple(one for row in rows for one in (row.inside or (row,)))
    kinds = {row.kind for row in inside} - {Kind.CLOSED}
    return _joined(inside, kind=kinds.pop() if len(kinds) == 1 else Kind.CLOSED, inside=inside)


class Shut(StrEnum):
    """Why a calendar is closed."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    DAY = "day"  # a weekday that has no hours
    NIGHT = "night"
    BREAK = "break"


def reasons(calendar: BusinessCalendar, begin: datetime, end: datetime) -> list[tuple[Shut, date]]:
    """Why the calendar is closed from begin to end: the days that are closed all day; a night, or a break, beside."""
    zone = ZoneInfo(calendar.timezone)
    first, last = begin.astimezone(zone), (end - timedelta(microseconds=1)).astimezone(zone)
    weekly, special = dict(calendar.weekly), dict(calendar.special_days)
    days = [first.date() + timedelta(days=n) for n in range((last.date() - first.date()).days + 1)]
    found: list[tuple[Shut, date]] = []
    for day in days:
        hours = special.get(day, weekly.get(DAY_NAMES[day.weekday()], ()))
        if day in calendar.holidays:
            found.append((Shut.HOLIDAY, day))
        elif not hours:
            found.append((Shut.WEEKEND if day.weekday() >= 5 else Shut.DAY, day))
        elif len(days) == 1 and hours[0][1] <= first.hour * 60 + first.minute < hours[-1][0]:
            return [(Shut.BREAK, day)]
    return found if len(found) == len(days) else [*found, (Shut.NIGHT, days[0])]
