"""Business calendars: open time between two instants, and the instant at which it has passed (SPEC 2.2).

A calendar is open exactly while the clock on its wall shows a time inside one of that date's intervals. Everything
about daylight saving follows from this one sentence: a wall time that is skipped opens nothing, one that occurs twice
counts twice, and a day that is open from 00:00 to 24:00 is as long as that day really was. Intervals that touch, also
across midnight, are one stretch; hours across midnight are written as two intervals, each on its own date.

The arithmetic runs on whole microseconds since 1970 in UTC, by bisection of one cumulative table per calendar, built by
whole years when they are first asked for: an answer costs the same for 8 hours as for 800, with or without holidays.

Calendars answer for the years 1900 to 2199: an instant outside them, and a target that would be used up after them or
after a calendar's last opening, raise OverflowError; only ALWAYS_OPEN is unbounded. Naive datetimes raise TypeError.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from operator import sub
from threading import Lock
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS = ("timezone", "weekly", "holidays", "special_days")

Interval = tuple[int, int]
Hours = tuple[Interval, ...]  # opening hours of one date, in minutes since midnight on the wall
Span = tuple[int, int, int]  # ordinal of a local date, and from when to when in UTC it is open
Pause = tuple[datetime, datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_SECOND, _MINUTE, _DAY = 1_000_000, 60_000_000, 86_400_000_000
_FIRST_YEAR, _END_YEAR, _YEARS = 1900, 2200, "1900 to 2199"
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _year_start(year: int) -> int:
    return (date(year, 1, 1).toordinal() - _EPOCH_ORDINAL) * _DAY


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted intervals, those that touch or overlap made one."""
    joined: list[Interval] = []
    for begin, end in intervals:
        if joined and begin <= joined[-1][1]:
            begin, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((begin, end))
    return joined


class _Table(NamedTuple):
    """What is open between two instants; never changed once made, so that threads can share it."""

    lo: int
    hi: int
    spans: list[Span]  # as the dates have them
    opens: list[int]  # the same as stretches that do not touch
    closes: list[int]
    before: list[int]  # open time between lo and each opening, and at the end the total
    behind: list[int]  # opens - before: how far a clock that runs while open only is behind during a stretch
    days: Sequence[int]  # ordinals of the local dates that have open time

    @classmethod
    def of(cls, lo: int, hi: int, spans: list[Span]) -> "_Table":
        joined = _joined(span[1:] for span in spans)
        opens, closes = [begin for begin, _ in joined], [end for _, end in joined]
        before = list(accumulate(map(sub, closes, opens), initial=0))
        return cls(lo, hi, spans, opens, closes, before, list(map(sub, opens, before)), sorted({s[0] for s in spans}))

    def open_until(self, at: int) -> int:
        """Open time from lo to an instant inside the table."""
        index = bisect_right(self.opens, at)
        if not index:
            return 0
        passed, most = at - self.behind[index - 1], self.before[index]
        return passed if passed < most else most

    def reached(self, target: int) -> int | None:
        """The earliest instant with so much open time (more than none) since lo; None beyond the table."""
        if target > self.before[-1]:
            return None
        return target + self.behind[bisect_left(self.before, target) - 1]

    def due(self, start: int, length: int, pauses: list[Interval]) -> int | None:
        """The earliest instant with so much open, unpaused time since start; None beyond the table."""
        target = self.open_until(start) + length
        due = self.reached(target)
        for begin, end in pauses:
            if due is None or due <= begin:  # used up when this pause begins: it and the later ones change nothing
                break
            # Should the pause end beyond the table, the target is then beyond it too.
            target += self.open_until(end) - self.open_until(begin)
            due = self.reached(target)
        return due

    def opening(self, at: int) -> int | None:
        """The earliest open instant from `at` on; None beyond the table."""
        index = bisect_right(self.closes, at)
        return max(at, self.opens[index]) if index < len(self.opens) else None

    def working_day(self, ordinal: int, n: int) -> int | None:
        """The n-th date with open time after a date, as ordinals; None beyond the table."""
        index = bisect_right(self.days, ordinal) + n - 1
        return self.days[index] if index < len(self.days) else None


_MIN, _MAX = _micros(datetime.min.replace(tzinfo=UTC)), _micros(datetime.max.replace(tzinfo=UTC))
_ALWAYS = _Table.of(_MIN, _MAX, [(1, _MIN, _MAX)])._replace(days=range(1, date.max.toordinal()))


class _Timeline:
    """Opening hours laid out in UTC; keeps the table of the years asked for so far."""

    def __init__(self, calendar: "BusinessCalendar"):
        weekly = dict(calendar.weekly)
        self.zone = ZoneInfo(calendar.timezone)
        self.week = [weekly.get(name, ()) for name in DAY_NAMES]
        self.dates = {day.toordinal(): hours for day, hours in calendar.special_days}
        self.dates |= {day.toordinal(): () for day in calendar.holidays}  # a holiday wins over special hours
        # A calendar of special days only is closed for good after the last of them.
        last = _END_YEAR if any(self.week) else max((day.year + 2 for day, _ in calendar.special_days), default=1)
        self.horizon = _year_start(min(_END_YEAR, last))
        closes = any(_joined(hours) != [(0, 24 * 60)] for hours in (*self.week, *self.dates.values()))
        self.table = None if closes or calendar.timezone != "UTC" else _ALWAYS
        self.growing = Lock()

    def offset(self, at: int) -> int:
        """How far the clock on the wall is ahead of UTC at an instant."""
        return _instant(at).astimezone(self.zone).utcoffset() // _MICROSECOND

    def pieces(self, lo: int, hi: int) -> Iterator[tuple[int, int, int]]:
        """Cut [lo, hi), whole days, where the UTC offset changes: (from, to, offset)."""
        offset = self.offset(lo)  # one look a day will do: since 1900 no zone has changed twice within three days
        for day in range(lo, hi, _DAY):
            if self.offset(day + _DAY) != offset:
                seconds = range(day, day + _DAY, _SECOND)
                change = day + _SECOND * bisect_left(seconds, True, key=lambda at: self.offset(at) != offset)
                yield lo, change, offset
                lo, offset = change, self.offset(change)
        yield lo, hi, offset

    def spans(self, lo: int, hi: int) -> Iterator[Span]:
        """The open stretches of each local date in [lo, hi), in order."""
        for piece_begin, piece_end, offset in self.pieces(lo, hi) if lo < hi else ():
            first, last = (piece_begin + offset) // _DAY, (piece_end + offset - 1) // _DAY
            for day in range(first, last + 1):
                midnight = day * _DAY - offset
                ordinal = day + _EPOCH_ORDINAL
                for begin, end in self.dates.get(ordinal, self.week[(ordinal - 1) % 7]):
                    opening = max(midnight + begin * _MINUTE, piece_begin)
                    closing = min(midnight + end * _MINUTE, piece_end)
                    if opening < closing:
                        yield ordinal, opening, closing

    def on(self, ordinal: int) -> list[Interval]:
        """The open stretches of one local date."""
        midnight = (ordinal - _EPOCH_ORDINAL) * _DAY
        return [span[1:] for span in self.spans(midnight - _DAY, midnight + 2 * _DAY) if span[0] == ordinal]

    def reading(self, ordinal: int, wall: int) -> int:
        """The first instant at which the clock on the wall shows a time of a date, or has skipped it."""
        midnight = (ordinal - _EPOCH_ORDINAL) * _DAY
        pieces = self.pieces(midnight - _DAY, midnight + 2 * _DAY)
        return next(at for begin, end, offset in pieces if (at := max(begin, midnight + wall - offset)) < end)

    def covering(self, first: int, last: int) -> _Table:
        """A table that holds both instants."""
        table = self.table
        if table is not None and table.lo <= first and last <= table.hi:
            return table
        first_year, last_year = _instant(first).year, _instant(last).year
        if first_year < _FIRST_YEAR or last_year >= _END_YEAR:
            raise OverflowError(f"calendars answer for the years {_YEARS}")
        with self.growing:
            start = _year_start(first_year)
            old = self.table or _Table.of(start, start, [])
            lo, hi = min(old.lo, start), max(old.hi, _year_start(last_year + 1))
            self.table = _Table.of(lo, hi, [*self.spans(lo, old.lo), *old.spans, *self.spans(old.hi, hi)])
            return self.table

    def beyond(self, table: _Table) -> _Table:
        """A table that reaches further into the future, twice as far each time; OverflowError when nothing opens."""
        if table.hi >= self.horizon:
            raise OverflowError("the calendar has no open time left: it would never be reached")
        return self.covering(table.lo, min(2 * table.hi - table.lo, _year_start(_END_YEAR)) - 1)


@dataclass(frozen=True)
class BusinessCalendar:
    """Opening hours in a time zone. Made by from_dict, which checks them; equal when defined equally; thread-safe."""

    timezone: str
    weekly: tuple[tuple[str, Hours], ...]
    holidays: tuple[date, ...]
    special_days: tuple[tuple[date, Hours], ...]

    @classmethod
    def from_dict(cls, definition: Mapping[str, Any]) -> "BusinessCalendar":
        """The calendar of a definition; equal definitions share one instance, and with it the table.

        Keys: `timezone` (IANA), `weekly` ("mon" to "sun": ["HH:MM", "HH:MM"] pairs, "24:00" ends the day), `holidays`
        ("YYYY-MM-DD"), `special_days` (date: pairs, in place of the week's; none closes it). All but the time zone
        may be left out. ValueError names the field, as in "weekly.mon: …"; also when the calendar would never open.
        """
        try:
            key = json.dumps(definition, sort_keys=True)
        except TypeError:  # not even JSON: the check says where
            return _checked(definition)
        return _from_json(key)

    def to_dict(self) -> dict[str, Any]:
        """The definition, as from_dict takes it: days and intervals in order, all four keys present."""
        return {
            "timezone": self.timezone,
            "weekly": {name: _written(hours) for name, hours in self.weekly},
            "holidays": [day.isoformat() for day in self.holidays],
            "special_days": {day.isoformat(): _written(hours) for day, hours in self.special_days},
        }

    def add(self, start: datetime, duration: timedelta, pauses: Iterable[Pause] = ()) -> datetime:
        """The earliest instant, in UTC, at which `duration` of open, unpaused time has passed (SPEC 2.2).

        A target used up exactly at closing is due at closing; zero is due at the start itself, open or not. Pauses are
        (from, to) pairs in any order and may overlap. ValueError for a negative duration; OverflowError when the
        calendar never has so much open time again.
        """
        begin, length = _micros(start), duration // _MICROSECOND
        if length < 0:
            raise ValueError("duration: must not be negative")
        if not length:
            return _instant(begin)
        paused = _merged(pauses, begin) if pauses else []
        timeline = self._timeline
        table = timeline.covering(begin, begin)
        while (due := table.due(begin, length, paused)) is None:
            table = timeline.beyond(table)
        return _instant(due)

    def between(self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> timedelta:
        """Open, unpaused time from start to end; zero when end is not after start (SPEC 2.2)."""
        begin, until = _micros(start), _micros(end)
        if until <= begin:
            return timedelta(0)
        table = self._timeline.covering(begin, until)
        passed = table.open_until(until) - table.open_until(begin)
        for paused, resumed in _merged(pauses, begin, until) if pauses else ():
            passed -= table.open_until(resumed) - table.open_until(paused)
        return timedelta(microseconds=passed)

    def add_business_days(self, start: datetime, n: int) -> datetime:
        """The same wall time on the n-th working day after the start, no later than its closing, in UTC (SPEC 2.2).

        A start outside hours is first moved forward to the next opening. A working day is a local date with open time.
        A shorter day on the way does not shorten the days after it. A wall time before that day's opening or in a break
        is due at the next opening, one exactly at a closing there; a skipped one at the end of the gap, one that comes
        twice at the first. Zero days are due at the start. ValueError if negative, OverflowError if no days are left.
        """
        if n < 0:
            raise ValueError("n: must not be negative")
        if not n:
            return _instant(_micros(start))
        timeline = self._timeline
        begin = _micros(self.next_opening(start))
        day, wall = divmod(begin + timeline.offset(begin), _DAY)
        table = timeline.covering(begin, begin)
        while (ordinal := table.working_day(day + _EPOCH_ORDINAL, n)) is None:
            table = timeline.beyond(table)
        same, hours = timeline.reading(ordinal, wall), timeline.on(ordinal)
        return _instant(next((max(same, opening) for opening, closing in hours if same <= closing), hours[-1][1]))

    def is_open(self, at: datetime) -> bool:
        """Whether the calendar is open at an instant; it is at its opening, and is not at its closing."""
        instant = _micros(at)
        return self._timeline.covering(instant, instant).opening(instant) == instant

    def next_opening(self, at: datetime) -> datetime:
        """The earliest open instant from `at` on, in UTC: `at` itself while open. OverflowError when there is none."""
        instant, timeline = _micros(at), self._timeline
        table = timeline.covering(instant, instant)
        while (opening := table.opening(instant)) is None:
            table = timeline.beyond(table)
        return _instant(opening)

    def open_intervals(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open stretches between two instants as (from, to) in UTC, in order, merged across midnight."""
        begin, until = _micros(start), _micros(end)
        if until <= begin:
            return
        table = self._timeline.covering(begin, until)
        for index in range(bisect_right(table.closes, begin), bisect_left(table.opens, until)):
            yield _instant(max(begin, table.opens[index])), _instant(min(until, table.closes[index]))

    @cached_property
    def _timeline(self) -> _Timeline:
        return _Timeline(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as the definition: the table stays behind, and is found again."""
        return BusinessCalendar.from_dict, (self.to_dict(),)


def _merged(pauses: Iterable[Pause], start: int, end: int = _MAX) -> list[Interval]:
    """Pauses from start to end, in order, overlapping ones made one, empty ones left out."""
    clipped = ((max(_micros(begin), start), min(_micros(until), end)) for begin, until in pauses)
    return _joined(sorted(pause for pause in clipped if pause[0] < pause[1]))


@lru_cache(maxsize=256)
def _from_json(key: str) -> BusinessCalendar:
    return _checked(json.loads(key))


def _checked(definition: object) -> BusinessCalendar:
    if not isinstance(definition, Mapping):
        raise ValueError("calendar: must be a mapping")
    weekly, special_days = definition.get("weekly", {}), definition.get("special_days", {})
    for name, value in {"weekly": weekly, "special_days": special_days}.items():
        if not isinstance(value, Mapping):
            raise ValueError(f"{name}: must be a mapping of days to opening hours")
    for prefix, names, known in ("", definition, FIELDS), ("weekly.", weekly, DAY_NAMES):
        for name in names:
            if name not in known:
                raise ValueError(f"{prefix}{name}: is unknown; known are {', '.join(known)}")
    holidays = definition.get("holidays", [])
    if not isinstance(holidays, list | tuple):
        raise ValueError("holidays: must be a list of dates")
    special = {_date("special_days", day): _hours(f"special_days.{day}", special_days[day]) for day in special_days}
    calendar = BusinessCalendar(
        timezone=_zone_name(definition.get("timezone")),
        weekly=tuple((name, _hours(f"weekly.{name}", weekly[name])) for name in DAY_NAMES if name in weekly),
        holidays=tuple(sorted({_date("holidays", day) for day in holidays})),
        special_days=tuple(sorted(special.items())),
    )
    # Without weekly hours a special day has to open: one that is no holiday, and not skipped by daylight saving.
    if not any(calendar._timeline.week) and not any(calendar._timeline.on(day.toordinal()) for day in special):
        raise ValueError("weekly: the calendar never opens; give at least one day opening hours")
    return calendar


def _zone_name(value: object) -> str:
    try:
        return ZoneInfo(value).key
    except (LookupError, OSError, TypeError, ValueError):
        raise ValueError(f"timezone: {value!r} is not an IANA time zone like 'Europe/Berlin'") from None


def _date(name: str, value: object) -> date:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != value or not _FIRST_YEAR <= day.year < _END_YEAR:
        raise ValueError(f"{name}: {value!r} is not a date like '2026-12-25' of the years {_YEARS}")
    return day


def _hours(name: str, value: object) -> Hours:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name}: must be a list of pairs like ['09:00', '17:00']")
    hours = tuple(sorted(_interval(name, pair) for pair in value))
    for (_, end), (begin, _) in pairwise(hours):
        if begin < end:
            raise ValueError(f"{name}: intervals overlap at {begin // 60:02}:{begin % 60:02}")
    return hours


def _interval(name: str, value: object) -> Interval:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{name}: {value!r} is not a pair like ['09:00', '17:00']")
    for time in value:
        if not isinstance(time, str) or not _TIME.fullmatch(time):
            raise ValueError(f"{name}: {time!r} is not a time like '09:00', from '00:00' to '24:00'")
    begin, end = (int(time[:2]) * 60 + int(time[3:]) for time in value)
    if begin >= end:
        raise ValueError(f"{name}: {value[0]} is not before {value[1]}; hours across midnight go on two days")
    return begin, end


def _written(hours: Hours) -> list[list[str]]:
    return [[f"{minutes // 60:02}:{minutes % 60:02}" for minutes in interval] for interval in hours]


ALWAYS_OPEN = BusinessCalendar.from_dict({"timezone": "UTC", "weekly": dict.fromkeys(DAY_NAMES, [["00:00", "24:00"]])})
