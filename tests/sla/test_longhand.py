"""The auditor's longhand comes to the product's deadlines, at the corners of time above all (SPEC 2.2).

Where it differed, a true clock would be reported each night, and soon nobody would look.
"""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla import longhand
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.longhand import AlwaysOpen, Hours, Length
from helpdesk.sla.target import Target

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
OFFICE = {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(WEEKDAYS, [["09:00", "12:00"], ["13:00", "17:00"]])}
NIGHTS = {"timezone": "Europe/Berlin", "weekly": dict.fromkeys([*WEEKDAYS, "sat", "sun"], [["00:00", "06:00"]])}
SHORT_FRIDAY = OFFICE | {"special_days": {"2026-11-27": [["09:00", "12:00"]]}}
LAST_DAY = {"timezone": "UTC", "special_days": {"2026-11-24": [["09:00", "17:00"]]}}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


TUESDAY = utc("2026-11-24 12:05")  # 13:05 in Berlin


@pytest.mark.parametrize(
    ("definition", "start", "target", "out", "due"),
    [
        (OFFICE, "2026-11-24 12:05", Target(seconds=4 * 3600), [], "2026-11-25 08:05"),
        (OFFICE, "2026-11-24 12:05", Target(seconds=4 * 3600), [(0, 30), (10, 40), (5, 5)], "2026-11-25 08:45"),
        # A pause from before an opening until behind it, and one over a whole stretch.
        (OFFICE, "2026-11-24 12:05", Target(seconds=4 * 3600), [(10 * 60, 21 * 60)], "2026-11-25 09:10"),
        (OFFICE, "2026-11-24 12:05", Target(seconds=4 * 3600), [(-600, -60), (19 * 60, 24 * 60)], "2026-11-25 12:10"),
        (OFFICE, "2026-11-24 12:05", Target(business_days=1), [], "2026-11-25 12:05"),
        (OFFICE, "2026-11-24 12:05", Target(business_days=4), [(30, 60)], "2026-11-30 12:35"),
        # Behind the deadline: no matter.
        (OFFICE, "2026-11-24 12:05", Target(business_days=1), [(24 * 60, 25 * 60)], "2026-11-25 12:05"),
        # Sent in the evening, due at an opening, and paused over it: due at the next opening after the pause.
        (OFFICE, "2026-11-24 19:00", Target(business_days=1), [(36 * 60, 49 * 60)], "2026-11-27 08:00"),
        # Sent in the afternoon, due on a day that closes at noon: no later than its closing.
        (SHORT_FRIDAY, "2026-11-26 15:30", Target(business_days=1), [], "2026-11-27 11:00"),
        # Half past two does not exist on the 28th of March, and comes twice on the 31st of October.
        (NIGHTS, "2027-03-27 01:30", Target(business_days=1), [], "2027-03-28 01:00"),
        (NIGHTS, "2027-10-30 00:30", Target(business_days=1), [], "2027-10-31 00:30"),
        (NIGHTS, "2027-10-30 23:30", Target(seconds=4 * 3600), [], "2027-10-31 03:30"),
        # A calendar that ends: day and night, then.
        (LAST_DAY, "2026-11-24 12:05", Target(seconds=4 * 3600), [], "2026-11-24 16:05"),
        (LAST_DAY, "2026-11-24 12:05", Target(seconds=8 * 3600), [(30, 90)], "2026-11-24 21:05"),
        (LAST_DAY, "2026-11-24 12:05", Target(business_days=1), [(30, 90)], "2026-11-25 13:05"),
        (None, "2026-11-24 12:05", Target(seconds=3600), [(30, 90), (121, 180)], "2026-11-24 14:05"),
        (None, "2026-11-24 12:05", Target(business_days=2), [(-60, 30), (48 * 60 + 31, 50 * 60)], "2026-11-26 12:35"),
    ],
)
def test_both_ways_come_to_the_same_deadline(definition, start, target, out, due):
    begin = utc(start)
    stretches = [(begin + first * MINUTE, begin + last * MINUTE) for first, last in out]
    hours = Hours(definition) if definition else AlwaysOpen()
    length = Length(target.seconds, target.business_days)
    calendar = BusinessCalendar.from_dict(definition) if definition else ALWAYS_OPEN
    product = target.due(calendar, begin, [each for each in stretches if each[0] < each[1]])
    assert (hours.due(length, begin, stretches), product) == (utc(due), utc(due))


def test_a_step_past_the_deadline_is_reckoned_in_open_time_while_there_is_any():
    assert Hours(OFFICE).due_after(TUESDAY, 4 * HOUR) == utc("2026-11-25 08:05")
    assert Hours(LAST_DAY).due_after(TUESDAY, 8 * HOUR) == TUESDAY + 8 * HOUR
    assert AlwaysOpen().due_after(TUESDAY, 8 * HOUR) == TUESDAY + 8 * HOUR
    assert Hours(OFFICE).add(TUESDAY, timedelta(0)) == TUESDAY


def test_open_time_between_two_instants_without_what_is_left_out():
    out = [(TUESDAY + 30 * MINUTE, TUESDAY + 90 * MINUTE), (TUESDAY + 10 * HOUR, TUESDAY + 11 * HOUR)]
    assert Hours(OFFICE).between(TUESDAY, TUESDAY + DAY, out) == 6 * HOUR
    assert AlwaysOpen().between(TUESDAY, TUESDAY + 2 * HOUR, out) == HOUR
    assert Hours(OFFICE).between(TUESDAY, TUESDAY) == timedelta(0)


def test_a_calendar_of_centuries_takes_no_more_memory_than_one_of_years(monkeypatch):
    """The auditor goes through all clocks that ever were, in a process that stays."""
    monkeypatch.setattr(longhand, "MOST_DAYS", 10)
    hours = Hours(OFFICE)
    assert hours.due(Length(None, 30), TUESDAY) == utc("2027-01-05 12:05")
    assert len(hours._seen) <= 10
