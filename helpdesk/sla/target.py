"""How long a promise leaves, and which instant that is on a calendar with stretches left out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Target:
    """How long: a stretch of open time, or a number of business days. Exactly one of the two."""

    seconds: int | None = None
    business_days: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.business_days is None):
            raise ValueError("target: give either seconds or business_days")
        if (self.seconds or self.business_days or 0) <= 0:
            raise ValueError("target: must be longer than nothing")

    def due(self, calendar: BusinessCalendar, start: datetime, pauses: Iterable[Interval] = ()) -> datetime:
        """The deadline of a clock started at `start` (aware; result in UTC).

        A pause moves the deadline of business days by the open time that it took before it. Where the
        calendar never opens again (its special days are over), the target counts day and night: a
        ticket is accepted, and watched, whatever became of a calendar.
        """
        pauses = _merged(pauses)
        try:
            return self._due(calendar, start, pauses)
        except OverflowError:
            return self._due(ALWAYS_OPEN, start, pauses)

    def counts_on(
        self, calendar: BusinessCalendar, start: datetime, pauses: Iterable[Interval] = ()
    ) -> BusinessCalendar:
        """The calendar that `due` reckons on: this one, or day and night."""
        try:
            self._due(calendar, start, _merged(pauses))
        except OverflowError:
            return ALWAYS_OPEN
        return calendar

    def _due(self, calendar: BusinessCalendar, start: datetime, pauses: tuple[Interval, ...]) -> datetime:
        if self.seconds is not None:
            return calendar.add(start, timedelta(seconds=self.seconds), pauses)
        due = calendar.add_business_days(start, self.business_days)
        for begin, end in pauses:
            if begin < due:
                due = calendar.add(due, calendar.between(max(begin, start), end))
                if due < end:  # it was due at an opening, with no open time left before it: at the next one, then
                    due = calendar.next_opening(end)
        return due

    def values(self) -> dict[str, int]:
        """As an event carries it."""
        return {name: value for name in ("seconds", "business_days") if (value := getattr(self, name)) is not None}

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Target":
        return cls(seconds=values.get("seconds"), business_days=values.get("business_days"))


def instant_at(
    *,
    percent: int,
    total: timedelta,
    started_at: datetime,
    due_at: datetime,
    calendar: BusinessCalendar,
    pauses: tuple[Interval, ...] = (),
) -> datetime:
    """When `percent` of `total`, the open time from start to deadline, is used up; past 100 the same pace goes on."""
    if percent < 100:
        return calendar.add(started_at, total * percent / 100, pauses)
    beyond = total * (percent - 100) / 100
    try:
        return calendar.add(due_at, beyond)
    except OverflowError:  # closed for good: day and night, as in `Target.due`
        return due_at + beyond


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """In order, those that overlap or touch made one: a stretch that is left out twice is left out once."""
    merged: list[Interval] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            begin, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((begin, end))
    return tuple(merged)
