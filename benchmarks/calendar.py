"""What one BusinessCalendar.add costs, beside a plain cumulative table with bisect; run: python -m benchmarks.calendar

Prints nanoseconds for targets of 8, 80 and 800 hours, without holidays and with ten years of them, and with pauses.
The plain table takes and gives datetimes too, is built beforehand, and can do nothing else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from time import perf_counter
from timeit import repeat

from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar

START = datetime(2026, 3, 4, 10, 17, tzinfo=UTC)
ROUNDS, REPEATS = 5_000, 7


def definition(years: int) -> dict:
    """Weekdays from 9 to 12 and 13 to 17 in Berlin, with twenty holidays a year."""
    holidays = [date(2026 + year, month, day) for year in range(years) for month in range(1, 11) for day in (1, 15)]
    return {
        "timezone": "Europe/Berlin",
        "weekly": {name: [["09:00", "12:00"], ["13:00", "17:00"]] for name in DAY_NAMES[:5]},
        "holidays": [day.isoformat() for day in holidays],
    }


class PlainTable:
    """The least that can give the right answer."""

    def __init__(self, calendar: BusinessCalendar):
        stretches = list(calendar.open_intervals(START - timedelta(days=60), START + timedelta(days=700)))
        self.opens = [begin for begin, _ in stretches]
        self.before = list(accumulate((end - begin for begin, end in stretches), initial=timedelta(0)))
        self.lengths = [end - begin for begin, end in stretches]

    def add(self, start: datetime, duration: timedelta) -> datetime:
        index = bisect_right(self.opens, start) - 1
        target = self.before[index] + min(start - self.opens[index], self.lengths[index]) + duration
        index = bisect_left(self.before, target) - 1
        return (self.opens[index] + (target - self.before[index])).astimezone(UTC)


def nanoseconds(call: Callable, *arguments) -> float:
    return min(repeat(lambda: call(*arguments), number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e9


def first_use(zone: str) -> float:
    """Seconds to read a new definition and build the first year of its table."""
    begin = perf_counter()
    BusinessCalendar.from_dict({**definition(10), "timezone": zone}).add(START, timedelta(hours=8))
    return perf_counter() - begin


def main() -> None:
    print(f"{'':24}{'add':>10}{'plain':>10}{'ratio':>8}")
    for years in (0, 10):
        calendar = BusinessCalendar.from_dict(definition(years))
        plain = PlainTable(calendar)
        for hours in (8, 80, 800):
            length = timedelta(hours=hours)
            assert calendar.add(START, length) == plain.add(START, length)
            ours = nanoseconds(calendar.add, START, length)
            theirs = nanoseconds(plain.add, START, length)
            print(f"{hours:4} h, {years:2} y of holidays {ours:8.0f}ns{theirs:8.0f}ns{ours / theirs:8.2f}")
    for count in (1, 10, 100):
        pauses = [(START + timedelta(hours=hour), START + timedelta(hours=hour, minutes=20)) for hour in range(count)]
        cost = nanoseconds(calendar.add, START, timedelta(hours=80), pauses)
        print(f"  80 h, {count:3} pauses {cost:15.0f}ns{cost / count:8.0f}ns each")
    print(f"  definition read again {nanoseconds(BusinessCalendar.from_dict, definition(10)):10.0f}ns")
    first = min(map(first_use, ("Europe/Paris", "Europe/Rome", "Europe/Madrid", "Europe/Vienna", "Europe/Prague")))
    print(f"  first use of a year   {first * 1e9:10.0f}ns")


if __name__ == "__main__":
    main()
