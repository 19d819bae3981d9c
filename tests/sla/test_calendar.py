"""Opening hours as people mean them: what a customer was promised has to be right on the odd days too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, DAY_NAMES, BusinessCalendar
from tests.sla.openings import ALL_DAY, BERLIN, BERLIN_ALWAYS, NEW_YORK, NIGHT, PLAIN, at, calendar, hours

DUE = [
    # name, calendar, start, target in hours, due
    ("within the morning", PLAIN, "2026-03-02T10:00+01:00", 1, "2026-03-02T11:00+01:00"),
    ("over lunch", PLAIN, "2026-03-02T11:30+01:00", 1, "2026-03-02T13:30+01:00"),
    ("used up as lunch begins", PLAIN, "2026-03-02T09:00+01:00", 3, "2026-03-02T12:00+01:00"),
    ("used up at closing", PLAIN, "2026-03-02T09:00+01:00", 7, "2026-03-02T17:00+01:00"),
    ("begun at opening", PLAIN, "2026-03-02T09:00+01:00", 1, "2026-03-02T10:00+01:00"),
    ("begun at closing", PLAIN, "2026-03-02T17:00+01:00", 1, "2026-03-03T10:00+01:00"),
    ("begun before opening", PLAIN, "2026-03-02T06:00+01:00", 1, "2026-03-02T10:00+01:00"),
    ("begun at lunch", PLAIN, "2026-03-02T12:15+01:00", 1, "2026-03-02T14:00+01:00"),
    ("begun on Sunday", PLAIN, "2026-03-01T12:00+01:00", 1, "2026-03-02T10:00+01:00"),
    ("begun far away", PLAIN, "2026-03-02T18:00+09:00", 1, "2026-03-02T11:00+01:00"),
    ("over a weekend when clocks go forward", PLAIN, "2026-03-27T16:00+01:00", 2, "2026-03-30T10:00+02:00"),
    ("over a weekend when clocks go back", PLAIN, "2026-10-23T16:00+02:00", 2, "2026-10-26T10:00+01:00"),
    ("into the short Christmas Eve", BERLIN, "2026-12-23T16:00+01:00", 2, "2026-12-24T10:00+01:00"),
    ("up to its closing", BERLIN, "2026-12-23T16:00+01:00", 4, "2026-12-24T12:00+01:00"),
    ("past Christmas", BERLIN, "2026-12-23T16:00+01:00", 5, "2026-12-28T10:00+01:00"),
    ("a holiday beats special hours", BERLIN, "2026-12-30T16:00+01:00", 2, "2027-01-04T10:00+01:00"),
    ("special hours open a Saturday", BERLIN, "2026-07-03T16:30+02:00", 1, "2026-07-04T10:30+02:00"),
    # 7 hours a day: 28, 29, 30 December, 4 to 8, 11 to 13 January are 11 days, and 3 hours more
    ("80 hours over a year's end", BERLIN, "2026-12-28T09:00+01:00", 80, "2027-01-14T12:00+01:00"),
    # 114 days and 2 hours: 22 weeks from Monday, and from the next Monday 4 days
    ("800 hours over summer time", PLAIN, "2026-03-02T09:00+01:00", 800, "2026-08-07T11:00+02:00"),
    ("over 29 February", PLAIN, "2028-02-28T16:00+01:00", 9, "2028-03-01T10:00+01:00"),
    ("over the end of a February without", PLAIN, "2027-02-26T16:00+01:00", 9, "2027-03-02T10:00+01:00"),
    ("across midnight", NIGHT, "2026-02-28T21:00-05:00", 8, "2026-03-01T06:00-05:00"),
    ("across midnight, an hour skipped", NIGHT, "2026-03-07T22:00-05:00", 7, "2026-03-08T06:00-04:00"),
    ("across midnight, an hour twice", NIGHT, "2026-10-31T22:00-04:00", 9, "2026-11-01T06:00-05:00"),
    ("across midnight, up to the next week", NIGHT, "2026-03-01T05:00-05:00", 2, "2026-03-07T23:00-05:00"),
    ("round the clock, an hour skipped", BERLIN_ALWAYS, "2026-03-29T01:30+01:00", 1, "2026-03-29T03:30+02:00"),
    ("round the clock, in the hour that comes twice", NEW_YORK, "2026-11-01T01:30-04:00", 1, "2026-11-01T01:30-05:00"),
    ("guaranteed, on Christmas night", ALWAYS_OPEN, "2026-12-24T23:45+00:00", 0.5, "2026-12-25T00:15+00:00"),
]


@pytest.mark.parametrize(
    ("opening", "start", "target", "due"), [case[1:] for case in DUE], ids=[case[0] for case in DUE]
)
def test_the_promised_instant(opening, start, target, due):
    found = opening.add(at(start), hours(target))
    assert (found, found.tzinfo) == (at(due), UTC)
    assert opening.between(at(start), at(due)) == hours(target)


def test_a_microsecond_more_than_the_morning_is_due_after_lunch():
    start, tick = at("2026-03-02T09:00+01:00"), timedelta(microseconds=1)
    assert PLAIN.add(start, hours(3) + tick) == at("2026-03-02T13:00+01:00") + tick
    assert PLAIN.add(start, hours(3) - tick) == at("2026-03-02T12:00+01:00") - tick


@pytest.mark.parametrize("start", ["2026-03-01T12:00+01:00", "2026-03-02T12:30+01:00", "2026-03-02T10:00+01:00"])
def test_zero_is_due_at_once_even_while_closed(start):
    for due in PLAIN.add(at(start), timedelta(0)), PLAIN.add_business_days(at(start), 0):
        assert (due, due.tzinfo) == (at(start), UTC)


def test_the_customers_second_one_thirty_is_not_the_first():
    """The hour that comes twice is told apart by fold, whatever zone the start is given in."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert BERLIN_ALWAYS.add(first, hours(1)) == at("2026-10-25T02:30+01:00")
    assert BERLIN_ALWAYS.add(first.replace(fold=1), hours(1)) == at("2026-10-25T03:30+01:00")


DAY_LENGTHS = [
    # zone, date, hours it really had
    ("Europe/Berlin", "2026-03-29", 23),
    ("Europe/Berlin", "2026-10-25", 25),
    ("America/New_York", "2026-03-08", 23),
    ("America/New_York", "2026-11-01", 25),
    ("Australia/Lord_Howe", "2026-10-04", 23.5),
    ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ("Australia/Sydney", "2026-10-04", 23),
    ("Australia/Sydney", "2026-04-05", 25),
    ("America/Sao_Paulo", "2018-11-04", 23),  # has no midnight
    ("America/Sao_Paulo", "2018-02-17", 25),  # has its last hour twice
    ("Asia/Beirut", "2022-03-27", 23),
    ("Africa/Cairo", "2023-04-28", 23),
    ("Africa/Cairo", "2023-10-26", 25),
    ("America/Havana", "2026-11-01", 25),
    ("America/St_Johns", "2006-10-28", 24 + 59 / 60),  # at 00:01 of the 29th it was 23:01 of the 28th again
    ("America/St_Johns", "2006-10-29", 24 + 1 / 60),
    ("Pacific/Apia", "2011-12-29", 24),
    ("Pacific/Kiritimati", "1995-01-01", 24),
    ("Asia/Kathmandu", "2026-03-29", 24),
]


@pytest.mark.parametrize(("zone", "day", "length"), DAY_LENGTHS)
def test_a_day_open_round_the_clock_is_as_long_as_it_was(zone, day, length):
    only = BusinessCalendar.from_dict({"timezone": zone, "special_days": {day: ALL_DAY}})
    noon = at(f"{day}T12:00+00:00")
    assert only.between(noon - timedelta(days=3), noon + timedelta(days=3)) == timedelta(minutes=round(length * 60))


SPRING, AUTUMN = "2026-03-29", "2026-10-25"  # in Berlin 02:00 to 03:00 is skipped, and comes twice

ODD_HOURS = [
    (SPRING, "02:30", "04:00", [("03:00+02:00", "04:00+02:00")]),
    (SPRING, "01:00", "02:30", [("01:00+01:00", "02:00+01:00")]),
    (SPRING, "01:00", "04:00", [("01:00+01:00", "04:00+02:00")]),
    (AUTUMN, "01:00", "04:00", [("01:00+02:00", "04:00+01:00")]),
    (AUTUMN, "02:15", "02:45", [("02:15+02:00", "02:45+02:00"), ("02:15+01:00", "02:45+01:00")]),
    (AUTUMN, "01:00", "02:30", [("01:00+02:00", "02:30+02:00"), ("02:00+01:00", "02:30+01:00")]),
    (AUTUMN, "02:30", "04:00", [("02:30+02:00", "02:00+01:00"), ("02:30+01:00", "04:00+01:00")]),
]


@pytest.mark.parametrize(("day", "begin", "end", "stretches"), ODD_HOURS)
def test_hours_that_begin_or_end_where_the_clock_jumps(day, begin, end, stretches):
    """Open is when the wall shows an open time: never when it is skipped, each time when it comes twice."""
    only = BusinessCalendar.from_dict({"timezone": "Europe/Berlin", "special_days": {day: [[begin, end]]}})
    found = list(only.open_intervals(at(f"{day}T00:00+01:00") - hours(24), at(f"{day}T00:00+01:00") + hours(48)))
    assert found == [(at(f"{day}T{opening}"), at(f"{day}T{closing}")) for opening, closing in stretches]


def test_no_time_passes_backwards():
    start = at("2026-03-02T10:00+01:00")
    assert PLAIN.between(start, start) == timedelta(0)
    assert PLAIN.between(start, start - hours(5)) == timedelta(0)
    assert list(PLAIN.open_intervals(start, start - hours(5))) == []


def test_open_now_and_next():
    closing, lunch = at("2026-03-02T17:00+01:00"), at("2026-03-02T12:00+01:00")
    assert PLAIN.is_open(at("2026-03-02T09:00+01:00"))
    assert PLAIN.is_open(closing - timedelta(microseconds=1))
    assert not PLAIN.is_open(closing)
    assert PLAIN.next_opening(lunch) == at("2026-03-02T13:00+01:00")
    assert PLAIN.next_opening(closing) == at("2026-03-03T09:00+01:00")
    assert PLAIN.next_opening(at("2026-03-02T09:30+01:00")) == at("2026-03-02T09:30+01:00")
    assert not BERLIN.is_open(at("2026-12-31T10:00+01:00"))


def test_stretches_for_the_picture_of_a_deadline():
    start, end = at("2026-03-02T11:00+01:00"), at("2026-03-03T10:00+01:00")
    assert list(PLAIN.open_intervals(start, end)) == [
        (start, at("2026-03-02T12:00+01:00")),
        (at("2026-03-02T13:00+01:00"), at("2026-03-02T17:00+01:00")),
        (at("2026-03-03T09:00+01:00"), end),
    ]
    night = at("2026-02-28T22:00-05:00"), at("2026-03-01T06:00-05:00")
    assert list(NIGHT.open_intervals(night[0] - hours(5), night[1] + hours(5))) == [night]
    assert list(ALWAYS_OPEN.open_intervals(start, end)) == [(start, end)]
    assert list(ALWAYS_OPEN.open_intervals(end, start)) == list(ALWAYS_OPEN.open_intervals(end, end)) == []


@pytest.mark.parametrize("closing", ["23:00", "10:00"])
def test_hours_from_midnight_on_are_not_day_and_night(closing):
    """In UTC, where day and night needs no table of years."""
    every_day = {"timezone": "UTC", "weekly": dict.fromkeys(DAY_NAMES, [["00:00", closing]])}
    opening = BusinessCalendar.from_dict(every_day)
    assert not opening.is_open(at("2026-03-02T23:30+00:00"))
    assert opening.add(at("2026-03-02T09:00+00:00"), hours(15)) > at("2026-03-03T00:00+00:00")
    with pytest.raises(OverflowError):
        opening.is_open(at("2300-01-01T09:00+00:00"))


def test_hours_that_touch_are_one_stretch():
    touching = calendar("Europe/Berlin", hours=[["09:00", "12:00"], ["12:00", "17:00"]])
    assert list(touching.open_intervals(at("2026-03-02T08:00+01:00"), at("2026-03-02T18:00+01:00"))) == [
        (at("2026-03-02T09:00+01:00"), at("2026-03-02T17:00+01:00"))
    ]
