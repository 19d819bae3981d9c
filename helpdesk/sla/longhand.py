"""Deadlines reckoned longhand, by a slow and obvious way: an auditor's, not the product's (SPEC 2.2).

Nothing of `calendar` or `clock` is used here: opening hours are found by looking at the clock on the
wall minute by minute, targets are used up stretch by stretch, business days are walked date by date.
What both ways agree on is right, or wrong for a reason that two people shared.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Interval = tuple[datetime, datetime]

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_DAYS = 20_000  # that are remembered by one calendar


class NeverOpens(Exception):
    """The calendar has no open time left."""


class Length(NamedTuple):
    """How long a target is. Exactly one of the two is given."""

    seconds: int | None
    business_days: int | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Length":
        return cls(data.get("seconds"), data.get("business_days"))


class Stretch(NamedTuple):
    """Open time without a break, on one local date."""

    begin: datetime
    end: datetime
    day: date


class AlwaysOpen:
    """Day and night: plain addition."""

    def due(self, length: Length, start: datetime, out: Iterable[Interval] = ()) -> datetime:
        if length.seconds is not None:
            return self.add(start, timedelta(seconds=length.seconds), out)
        due = start + length.business_days * DAY
        for begin, end in joined(out):
            if begin < due:
                due += max(end - max(begin, start), timedelta(0))
        return due

    def add(self, start: datetime, length: timedelta, out: Iterable[Interval] = ()) -> datetime:
        due = start + length
        for begin, end in joined(out) if out and length else ():
            if begin < due:
                due += max(end - max(begin, start), timedelta(0))
        return due

    def due_after(self, due: datetime, length: timedelta) -> datetime:
        """So long after a deadline."""
        return due + length

    def between(self, start: datetime, end: datetime, out: Iterable[Interval] = ()) -> timedelta:
        return sum((until - begin for begin, until in without(start, end, joined(out))), timedelta(0))


class Hours:
    """The opening hours of a calendar's definition."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.zone = ZoneInfo(definition["timezone"])
        weekly = definition.get("weekly", {})
        self.week = [_minutes(weekly.get(name, [])) for name in WEEK]
        self.special = {
            date.fromisoformat(day): _minutes(rows) for day, rows in definition.get("special_days", {}).items()
        }
        self.special |= {date.fromisoformat(day): [] for day in definition.get("holidays", [])}
        self._seen: dict[date, list[Stretch]] = {}

    def due(self, length: Length, start: datetime, out: Iterable[Interval] = ()) -> datetime:
        """The deadline; by day and night where the calendar never opens again."""
        out = joined(out)
        try:
            if length.seconds is not None:
                return self.add(start, timedelta(seconds=length.seconds), out)
            due = self.add_days(start, length.business_days)
            for begin, end in out:  # the open time that a pause took before the deadline comes behind it
                if begin < due:
                    due = self.add(due, self.between(max(begin, start), end))
                    if due < end:  # no open time was left: it is due when open again after the pause
                        due = next(self.open_from(end)).begin
        except NeverOpens:
            return AlwaysOpen().due(length, start, out)
        return due

    def add(self, start: datetime, length: timedelta, out: Iterable[Interval] = ()) -> datetime:
        """When `length` of open time has passed, without what is left `out`."""
        if not length:
            return start
        out = joined(out)
        left = (part for stretch in self.open_from(start) for part in without(stretch.begin, stretch.end, out))
        begin, end = next(left)
        while length > end - begin:
            length -= end - begin
            begin, end = next(left)
        return begin + length

    def between(self, start: datetime, end: datetime, out: Iterable[Interval] = ()) -> timedelta:
        """Open time from start to end, without what is left `out`."""
        total, out, day = timedelta(0), joined(out), start.date()
        while start < end and day <= end.date():
            for stretch in self.on(day):
                for begin, until in without(max(stretch.begin, start), min(stretch.end, end), out):
                    total += until - begin
            day += DAY
        return total

    def due_after(self, due: datetime, length: timedelta) -> datetime:
        """So much open time after a deadline; day and night where there is none any more."""
        try:
            return self.add(due, length)
        except NeverOpens:
            return due + length

    def add_days(self, start: datetime, days: int) -> datetime:
        """The same time on the wall so many working days later, no later than that day's closing."""
        first = next(self.open_from(start))
        wall = first.begin.astimezone(self.zone).replace(tzinfo=None) - datetime.combine(first.day, datetime.min.time())
        day, stretch, stretches = first.day, first, self.open_from(first.begin)
        while days:
            stretch = next(stretches)
            if stretch.day > day:
                day, days = stretch.day, days - 1
        around = (stretch.begin.date() + step * DAY for step in range(-1, 3))
        hours = [row for utc_day in around for row in self.on(utc_day) if row.day == day]
        same = self.reading(datetime.combine(day, datetime.min.time()) + wall)
        for row in hours:
            if same <= row.end:
                return max(same, row.begin)
        return hours[-1].end

    def reading(self, wall: datetime) -> datetime:
        """When the clock on the wall first shows this (naive) time, or has skipped it."""
        at = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if at.astimezone(self.zone).replace(tzinfo=None) == wall:
            return at
        at = at.replace(second=0, microsecond=0) - 4 * 60 * MINUTE
        while at.astimezone(self.zone).replace(tzinfo=None) < wall:
            at += MINUTE
        return at

    def open_from(self, start: datetime) -> Iterator[Stretch]:
        """Open stretches from an instant on, in order. NeverOpens where they end."""
        start = start.astimezone(UTC)
        day = start.date()
        while True:
            for stretch in self.on(day):
                if stretch.end > start:
                    yield stretch._replace(begin=max(stretch.begin, start))
            if not any(self.week) and day > max(self.special, default=date.min) + 2 * DAY:
                raise NeverOpens
            day += DAY

    def on(self, day: date) -> list[Stretch]:
        """The open stretches of one day of UTC."""
        if day not in self._seen:
            if len(self._seen) >= MOST_DAYS:
                self._seen.clear()
            self._seen[day] = self._look(day)
        return self._seen[day]

    def _look(self, day: date) -> list[Stretch]:
        """Look at the wall each minute of a day of UTC."""
        found: list[Stretch] = []
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for number in range(24 * 60):
            at = midnight + number * MINUTE
            wall = at.astimezone(self.zone)
            today, minute = wall.date(), wall.hour * 60 + wall.minute
            if any(begin <= minute < end for begin, end in self.special.get(today, self.week[today.weekday()])):
                if found and found[-1].end == at and found[-1].day == today:
                    found[-1] = found[-1]._replace(end=at + MINUTE)
                else:
                    found.append(Stretch(at, at + MINUTE, today))
        return found


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """In order, those that overlap or touch made one, empty ones left out."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def without(begin: datetime, end: datetime, out: Iterable[Interval]) -> Iterator[Interval]:
    """What is left of a stretch when others (joined) are taken out."""
    for out_begin, out_end in out:
        if out_end <= begin:
            continue
        if out_begin >= end:
            break
        if begin < out_begin:
            yield begin, out_begin
        begin = out_end
    if begin < end:
        yield begin, end


def _minutes(rows: Iterable[Iterable[str]]) -> list[tuple[int, int]]:
    return [tuple(int(text[:2]) * 60 + int(text[3:]) for text in row) for row in rows]
