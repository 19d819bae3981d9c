"""Periods of a report: local days of a time zone, and the instants at which they begin and end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Instants from `start` up to, and without, `end`; in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days from `first` to `last`, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def window(self, *, now: datetime) -> Window:
        """From the first day's beginning to the last day's end, but no further than `now`."""
        start = day_start(self.first, self.zone)
        return Window(start, max(start, min(day_start(self.last + DAY, self.zone), now)))

    def previous(self, *, now: datetime) -> Window:
        """As many days before it. A period that still runs is compared up to the same wall time, not to a whole one."""
        shift = timedelta(days=self.days)
        start = day_start(self.first - shift, self.zone)
        if now >= day_start(self.last + DAY, self.zone):
            return Window(start, day_start(self.first, self.zone))
        # Aware arithmetic within one zone moves the wall clock, which is what is meant here.
        return Window(start, max(start, (now.astimezone(self.zone) - shift).astimezone(UTC)))


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, in UTC; where midnight is skipped, that is the change itself."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def month_start(day: date, months: int = 0) -> date:
    """The first day of a day's month, or of the one that lies so many months after it."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def today(*, now: datetime, zone: ZoneInfo) -> date:
    return now.astimezone(zone).date()


def step_of(period: Period) -> str:
    """How wide a column of the trend is: about as many as a screen shows well."""
    if period.days <= 14:
        return "day"
    return "week" if period.days <= 26 * 7 else "month"


# What a preset's name means on a day: its first and its last day.
PRESETS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda day: (day, day),
    "7d": lambda day: (day - 6 * DAY, day),
    "30d": lambda day: (day - 29 * DAY, day),
    "13w": lambda day: (_monday(day) - timedelta(weeks=12), _monday(day) + 6 * DAY),
    "month": lambda day: _months(day, 0),
    "last_month": lambda day: _months(day, -1),
    "quarter": lambda day: _months(day, -((day.month - 1) % 3), count=3),
}


def preset(name: str, *, now: datetime, zone: ZoneInfo) -> Period:
    """A preset as of `now`. Raises KeyError for a name that is none."""
    first, last = PRESETS[name](today(now=now, zone=zone))
    return Period(first=first, last=last, zone=zone)


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _months(day: date, first: int, *, count: int = 1) -> tuple[date, date]:
    return month_start(day, first), month_start(day, first + count) - DAY
