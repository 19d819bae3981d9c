"""Opening hours as people mean them: what a customer was promised has to be right on the odd days too."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, DAY_NAMES, BusinessCalendar

ALL_DAY = [["00:00", "24:00"]]


def calendar(zone: str, days: str = "mon tue wed thu fri", hours=(("09:00", "17:00"),), **others) -> BusinessCalendar:
    return BusinessCalendar.from_dict({"timezone": zone, "weekly": dict.fromkeys(days.split(), hours), **others})


def at(text: str) -> datetime:
    """An instant as it is spoken of where it happens, with its offset."""
    return datetime.fromisoformat(text)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


EVERY_DAY = " ".join(DAY_NAMES)
BERLIN = calendar(
    "Europe/Berlin",
    hours=[["09:00", "12:00"], ["13:00", "17:00"]],
    holidays=["2026-12-25", "2027-01-01", "2026-12-31"],
    special_days={
        "2026-12-24": [["09:00", "12:00"]],
        "2026-12-31": [["09:00", "12:00"]],
        "2026-07-04": [["10:00", "11:00"]],
    },
)
PLAIN = calendar("Europe/Berlin", hours=[["09:00", "12:00"], ["13:00", "17:00"]])
NIGHT = BusinessCalendar.from_dict(
    {"timezone": "America/New_York", "weekly": {"sat": [["22:00", "24:00"]], "sun": [["00:00", "06:00"]]}}
)
NEW_YORK = calendar("America/New_York", EVERY_DAY, ALL_DAY)
BERLIN_ALWAYS = calendar("Europe/Berlin", EVERY_DAY, ALL_DAY)

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


def test_a_date_that_was_skipped_has_no_hours():
    apia = calendar("Pacific/Apia", EVERY_DAY, ALL_DAY)
    assert apia.add(at("2011-12-29T23:00-10:00"), hours(2)) == at("2011-12-31T01:00+14:00")
    assert apia.add_business_days(at("2011-12-29T10:00-10:00"), 1) == at("2011-12-31T10:00+14:00")
    with pytest.raises(ValueError, match="^weekly: the calendar never opens"):
        BusinessCalendar.from_dict({"timezone": "Pacific/Apia", "special_days": {"2011-12-30": ALL_DAY}})


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


PAUSED = [
    # name, start, hours, pauses, due
    ("one", "09:00", 2, [("10:00", "10:30")], "11:30"),
    (
        "unsorted, overlapping, repeated",
        "09:00",
        1,
        [("09:40", "10:10"), ("09:30", "10:00"), ("09:40", "10:10")],
        "10:40",
    ),
    ("one inside another", "09:00", 1, [("09:30", "11:00"), ("09:45", "10:00")], "11:30"),
    ("that touch", "09:00", 1, [("09:30", "10:00"), ("10:00", "10:30")], "11:00"),
    ("before the start", "10:00", 1, [("09:00", "09:30")], "11:00"),
    ("running at the start", "10:00", 1, [("09:30", "10:30")], "11:30"),
    ("empty and reversed", "09:00", 1, [("09:30", "09:30"), ("09:50", "09:20")], "10:00"),
    ("begun as it is due", "09:00", 1, [("10:00", "11:00")], "10:00"),
    ("after it is due", "09:00", 1, [("10:30", "11:00")], "10:00"),
    ("at lunch only", "11:30", 1, [("12:05", "12:55")], "13:30"),
    ("into lunch", "11:00", 1, [("11:30", "12:30")], "13:30"),
    ("used up at closing, paused over lunch", "09:00", 3, [("12:00", "13:00")], "12:00"),
    ("that puts it off to a later pause", "09:00", 1, [("09:30", "10:00"), ("10:15", "10:45")], "11:00"),
]


@pytest.mark.parametrize(
    ("start", "target", "pauses", "due"), [case[1:] for case in PAUSED], ids=[c[0] for c in PAUSED]
)
def test_paused_time_does_not_count(start, target, pauses, due):
    def clock(time: str) -> datetime:
        return at(f"2026-03-02T{time}+01:00")

    pairs = [(clock(begin), clock(end)) for begin, end in pauses]
    assert PLAIN.add(clock(start), hours(target), pairs) == clock(due)
    assert PLAIN.add(clock(start), hours(target), iter(pairs)) == clock(due)
    assert PLAIN.between(clock(start), clock(due), pairs) == hours(target)


def test_a_pause_over_night_costs_its_open_hours_only():
    start, paused, resumed = at("2026-03-02T16:00+01:00"), at("2026-03-02T16:30+01:00"), at("2026-03-03T09:30+01:00")
    assert PLAIN.add(start, hours(2), [(paused, resumed)]) == at("2026-03-03T11:00+01:00")
    assert PLAIN.between(start, at("2026-03-03T17:00+01:00"), [(paused, resumed)]) == hours(7)
    assert ALWAYS_OPEN.add(start, hours(2), [(paused, resumed)]) == at("2026-03-03T11:00+01:00")


def test_no_time_passes_backwards():
    start = at("2026-03-02T10:00+01:00")
    assert PLAIN.between(start, start) == timedelta(0)
    assert PLAIN.between(start, start - hours(5)) == timedelta(0)
    assert list(PLAIN.open_intervals(start, start - hours(5))) == []


UNEVEN = BusinessCalendar.from_dict(
    {
        "timezone": "Europe/Berlin",
        "weekly": {
            "mon": [["08:00", "18:00"]],
            "tue": [["10:00", "12:00"], ["13:00", "15:00"]],
            "wed": [["08:00", "18:00"]],
        },
    }
)
BUSINESS_DAYS = [
    # name, calendar, start, days, due
    ("tomorrow", PLAIN, "2026-03-02T10:20+01:00", 1, "2026-03-03T10:20+01:00"),
    ("over the weekend", PLAIN, "2026-03-06T10:20+01:00", 1, "2026-03-09T10:20+01:00"),
    ("five are a week", PLAIN, "2026-03-04T10:20+01:00", 5, "2026-03-11T10:20+01:00"),
    ("250 are fifty weeks", PLAIN, "2026-03-04T10:20+01:00", 250, "2027-02-17T10:20+01:00"),
    ("begun on Saturday", PLAIN, "2026-03-07T10:20+01:00", 1, "2026-03-10T09:00+01:00"),
    ("begun at closing", PLAIN, "2026-03-02T17:00+01:00", 1, "2026-03-04T09:00+01:00"),
    ("begun at lunch", PLAIN, "2026-03-02T12:20+01:00", 1, "2026-03-03T13:00+01:00"),
    ("the wall time stays as clocks go forward", PLAIN, "2026-03-27T10:20+01:00", 1, "2026-03-30T10:20+02:00"),
    ("the wall time stays as clocks go back", PLAIN, "2026-10-23T10:20+02:00", 1, "2026-10-26T10:20+01:00"),
    ("no later than closing", BERLIN, "2026-12-23T15:00+01:00", 1, "2026-12-24T12:00+01:00"),
    ("a short day on the way", BERLIN, "2026-12-23T15:00+01:00", 2, "2026-12-28T15:00+01:00"),
    ("from the short day on", BERLIN, "2026-12-24T11:00+01:00", 1, "2026-12-28T11:00+01:00"),
    ("before that day's opening", UNEVEN, "2026-03-02T08:30+01:00", 1, "2026-03-03T10:00+01:00"),
    ("in that day's break", UNEVEN, "2026-03-02T12:30+01:00", 1, "2026-03-03T13:00+01:00"),
    ("as that day's break begins", UNEVEN, "2026-03-02T12:00+01:00", 1, "2026-03-03T12:00+01:00"),
    ("after that day's closing", UNEVEN, "2026-03-02T17:00+01:00", 1, "2026-03-03T15:00+01:00"),
    ("over days without hours", UNEVEN, "2026-03-04T09:00+01:00", 1, "2026-03-09T09:00+01:00"),
    ("at a time that is skipped", BERLIN_ALWAYS, "2026-03-28T02:30+01:00", 1, "2026-03-29T03:00+02:00"),
    ("at a time that comes twice", BERLIN_ALWAYS, "2026-10-24T02:30+02:00", 1, "2026-10-25T02:30+02:00"),
    (
        "at a time right after one that comes twice",
        BERLIN_ALWAYS,
        "2026-10-24T03:00+02:00",
        1,
        "2026-10-25T03:00+01:00",
    ),
    ("from its second time", BERLIN_ALWAYS, "2026-10-25T02:30+01:00", 1, "2026-10-26T02:30+01:00"),
    ("the night before counts on its own date", NIGHT, "2026-02-28T23:00-05:00", 1, "2026-03-01T06:00-05:00"),
    ("round the clock", ALWAYS_OPEN, "2026-02-28T23:00+00:00", 1, "2026-03-01T23:00+00:00"),
]


@pytest.mark.parametrize(
    ("opening", "start", "days", "due"), [case[1:] for case in BUSINESS_DAYS], ids=[case[0] for case in BUSINESS_DAYS]
)
def test_business_days(opening, start, days, due):
    found = opening.add_business_days(at(start), days)
    assert (found, found.tzinfo) == (at(due), UTC)


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


def test_day_and_night_has_no_first_and_no_last_year():
    """Where a calendar never opens again a target counts day and night, however far it reaches."""
    assert ALWAYS_OPEN.add(at("2300-01-01T00:00+00:00"), hours(8)) == at("2300-01-01T08:00+00:00")
    assert ALWAYS_OPEN.between(at("1600-01-01T00:00+00:00"), at("1600-01-02T00:00+00:00")) == hours(24)


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


def test_pauses_that_overlap_after_another_one_count_once():
    names = ("09:00", "09:10"), ("09:20", "09:40"), ("09:30", "09:50")
    pauses = [tuple(at(f"2026-03-02T{name}+01:00") for name in pair) for pair in names]
    assert PLAIN.add(at("2026-03-02T09:00+01:00"), hours(1), pauses) == at("2026-03-02T10:40+01:00")
    start, end = at("2026-03-02T09:00+01:00"), at("2026-03-02T12:00+01:00")
    assert PLAIN.between(start, end, pauses) == timedelta(minutes=140)


def test_a_pause_at_the_beginning_of_what_was_laid_out():
    pause = at("2026-01-01T09:30+01:00"), at("2026-01-09T09:30+01:00")
    assert PLAIN.between(at("2026-01-01T09:00+01:00"), at("2026-01-09T10:00+01:00"), [pause]) == hours(1)


@pytest.mark.parametrize("year", [2025, 2026])
def test_special_days_are_found_years_ahead(year):
    special = {"timezone": "Asia/Tokyo", "special_days": {f"{year}-12-31": [["09:00", "17:00"]]}}
    opening = BusinessCalendar.from_dict(special)
    assert opening.add(at("2020-01-01T00:00+00:00"), hours(8)) == at(f"{year}-12-31T17:00+09:00")


def test_a_business_day_that_is_due_at_midnight_waits_for_the_opening_though_the_day_before_was_open_until_then():
    week = {"mon": ALL_DAY, "tue": ALL_DAY, "wed": [["09:00", "17:00"]]}
    opening = BusinessCalendar.from_dict({"timezone": "Europe/Berlin", "weekly": week})
    assert opening.add_business_days(at("2026-03-02T00:00+01:00"), 2) == at("2026-03-04T09:00+01:00")


def test_day_and_night_in_a_zone_of_its_own_keeps_to_its_wall():
    """Its name comes behind UTC in the alphabet, and its clocks go forward on 29 March."""
    western = calendar("WET", days=" ".join(DAY_NAMES), hours=ALL_DAY)
    assert western.add_business_days(at("2026-03-27T12:00+00:00"), 3) == at("2026-03-30T11:00+00:00")


def test_nothing_opens_after_the_last_year():
    with pytest.raises(OverflowError):
        PLAIN.next_opening(at("2199-12-31T18:00+01:00"))


def test_a_target_may_begin_before_1970():
    assert PLAIN.add_business_days(at("1960-12-30T09:30+01:00"), 1) == at("1961-01-02T09:30+01:00")
    assert PLAIN.add(at("1960-12-30T09:00+01:00"), hours(7)) == at("1960-12-30T17:00+01:00")
    assert PLAIN.add(at("1960-12-30T09:00+01:00"), hours(7 * 800)) == at("1964-01-23T17:00+01:00")


DEFINITION = {
    "timezone": "Europe/Berlin",
    "weekly": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], "sat": []},
    "holidays": ["2026-12-25"],
    "special_days": {"2026-12-24": [["09:00", "12:00"]], "2026-12-31": []},
}
REFUSED = [
    # what is wrong in the definition, where the message says it is
    ({"colour": "red"}, "colour: is unknown"),
    ({"timezone": "Europe/Atlantis"}, "timezone: 'Europe/Atlantis'"),
    ({"timezone": "../etc/passwd"}, "timezone: "),
    ({"timezone": "Europe"}, "timezone: "),
    ({"timezone": ""}, "timezone: "),
    ({"timezone": None}, "timezone: "),
    ({"timezone": 1}, "timezone: "),
    ({"weekly": {"monday": []}}, "weekly.monday: is unknown"),
    ({"weekly": [["09:00", "17:00"]]}, "weekly: must be a mapping"),
    ({"weekly": {"mon": "09:00-17:00"}}, "weekly.mon: must be a list"),
    ({"weekly": {"mon": ["09:00", "17:00"]}}, "weekly.mon: '09:00' is not a pair"),
    ({"weekly": {"mon": [["09:00"]]}}, "weekly.mon: ['09:00'] is not a pair"),
    ({"weekly": {"mon": [["09:00", "12:00", "13:00"]]}}, "weekly.mon: ['09:00', '12:00', '13:00'] is not a pair"),
    ({"weekly": {"mon": [["9:00", "17:00"]]}}, "weekly.mon: '9:00' is not a time"),
    ({"weekly": {"mon": [["09:00", "24:01"]]}}, "weekly.mon: '24:01' is not a time"),
    ({"weekly": {"mon": [["09:60", "17:00"]]}}, "weekly.mon: '09:60' is not a time"),
    ({"weekly": {"mon": [["09:00", "17:00\n"]]}}, "weekly.mon: '17:00\\n' is not a time"),
    ({"weekly": {"mon": [["٠٩:٠٠", "17:00"]]}}, "weekly.mon: '٠٩:٠٠' is not a time"),
    ({"weekly": {"mon": [[9, 17]]}}, "weekly.mon: 9 is not a time"),
    ({"weekly": {"mon": [["17:00", "09:00"]]}}, "weekly.mon: 17:00 is not before 09:00"),
    ({"weekly": {"mon": [["09:00", "09:00"]]}}, "weekly.mon: 09:00 is not before 09:00"),
    ({"weekly": {"mon": [["09:00", "12:00"], ["11:59", "13:00"]]}}, "weekly.mon: intervals overlap at 11:59"),
    ({"weekly": {"mon": [["11:00", "12:00"], ["09:00", "17:00"]]}}, "weekly.mon: intervals overlap at 11:00"),
    ({"holidays": "2026-12-25"}, "holidays: must be a list"),
    ({"holidays": ["25.12.2026"]}, "holidays: '25.12.2026' is not a date"),
    ({"holidays": ["2026-02-29"]}, "holidays: '2026-02-29' is not a date"),
    ({"holidays": ["20261225"]}, "holidays: '20261225' is not a date"),
    ({"holidays": ["0226-12-25"]}, "holidays: '0226-12-25' is not a date"),
    ({"holidays": [date(2026, 12, 25)]}, "holidays: datetime.date(2026, 12, 25) is not a date"),
    ({"holidays": ["2200-01-01"]}, "holidays: '2200-01-01' is not a date"),
    ({"holidays": ["2201-01-01"]}, "holidays: '2201-01-01' is not a date"),
    ({"holidays": [None]}, "holidays: None is not a date"),
    ({"special_days": ["2026-12-24"]}, "special_days: must be a mapping"),
    ({"special_days": {"Christmas": []}}, "special_days: 'Christmas' is not a date"),
    ({"special_days": {"2026-12-24": [["12:00", "09:00"]]}}, "special_days.2026-12-24: 12:00 is not before 09:00"),
    ({"weekly": {}, "special_days": {}}, "weekly: the calendar never opens"),
    ({"weekly": {"mon": []}, "special_days": {"2026-12-24": []}}, "weekly: the calendar never opens"),
    ({"weekly": {}, "special_days": {"2026-12-25": [["09:00", "12:00"]]}}, "weekly: the calendar never opens"),
    ({"weekly": {}, "special_days": {"2026-03-29": [["02:10", "02:50"]]}}, "weekly: the calendar never opens"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_wrong_definition_is_refused_by_the_name_of_the_field(change, message):
    with pytest.raises(ValueError, match=".") as refusal:
        BusinessCalendar.from_dict({**DEFINITION, **change})
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("definition", [None, [], "Europe/Berlin", 24])
def test_what_is_no_definition_at_all_is_refused(definition):
    with pytest.raises(ValueError, match="^calendar: must be a mapping$"):
        BusinessCalendar.from_dict(definition)


def test_a_definition_comes_back_as_it_was_given():
    assert BusinessCalendar.from_dict(DEFINITION).to_dict() == DEFINITION
    assert BusinessCalendar.from_dict(ALWAYS_OPEN.to_dict()) == ALWAYS_OPEN
    least = BusinessCalendar.from_dict({"timezone": "UTC", "weekly": {"mon": (("09:00", "17:00"),)}})
    assert least.to_dict() == {
        "timezone": "UTC",
        "weekly": {"mon": [["09:00", "17:00"]]},
        "holidays": [],
        "special_days": {},
    }


def test_equal_definitions_share_one_calendar_and_its_table():
    """A calendar is read with every row; building its table each time would cost a thousand times the answer."""
    first = BusinessCalendar.from_dict(DEFINITION)
    again = BusinessCalendar.from_dict(copy.deepcopy(dict(reversed(DEFINITION.items()))))
    assert again is first
    assert pickle.loads(pickle.dumps(first)) is first  # noqa: S301
    assert {first: 1}[copy.deepcopy(first)] == 1


def test_changing_a_stored_definition_does_not_change_calendars_made_from_it():
    definition = copy.deepcopy(DEFINITION)
    opening = BusinessCalendar.from_dict(definition)
    definition["weekly"]["mon"].clear()
    opening.to_dict()["weekly"]["mon"].clear()
    assert opening.to_dict() == DEFINITION


ONLY_2024 = BusinessCalendar.from_dict({"timezone": "Asia/Tokyo", "special_days": {"2024-12-31": [["09:00", "17:00"]]}})
NO_SUCH_INSTANT = {
    "hours all in the past": lambda: ONLY_2024.add(at("2026-01-01T00:00+00:00"), hours(1)),
    "more hours than are left": lambda: ONLY_2024.add(at("2024-12-31T16:00+09:00"), hours(1.01)),
    "all of them paused": lambda: ONLY_2024.add(
        at("2024-01-01T00:00+00:00"), hours(1), [(at("2024-01-01T00:00+00:00"), at("2025-01-01T00:00+00:00"))]
    ),
    "no next opening": lambda: ONLY_2024.next_opening(at("2024-12-31T17:00+09:00")),
    "no next working day": lambda: ONLY_2024.add_business_days(at("2024-12-31T10:00+09:00"), 1),
    "a target of centuries": lambda: PLAIN.add(at("2026-01-01T00:00+00:00"), timedelta(days=60_000)),
    "a pause without end": lambda: PLAIN.add(
        at("2026-01-01T00:00+00:00"), hours(1), [(at("2026-01-01T00:00+00:00"), datetime.max.replace(tzinfo=UTC))]
    ),
    "after all calendars": lambda: PLAIN.add(at("2200-01-01T00:00+00:00"), hours(1)),
    "before all calendars": lambda: PLAIN.between(at("1899-12-31T00:00+00:00"), at("2026-01-01T00:00+00:00")),
    "past the last of all days": lambda: ALWAYS_OPEN.add(at("2026-01-01T00:00+00:00"), timedelta.max),
}


@pytest.mark.parametrize("ask", NO_SUCH_INSTANT.values(), ids=NO_SUCH_INSTANT.keys())
def test_a_target_that_is_never_reached_is_an_error_and_no_endless_loop(ask):
    with pytest.raises(OverflowError):
        ask()


def test_the_last_opening_counts_to_its_end():
    assert ONLY_2024.add(at("2024-01-01T00:00+00:00"), hours(8)) == at("2024-12-31T17:00+09:00")
    assert ONLY_2024.between(at("2024-01-01T00:00+00:00"), at("2026-01-01T00:00+00:00")) == hours(8)
    assert ONLY_2024.between(at("2025-01-01T00:00+00:00"), at("2026-01-01T00:00+00:00")) == timedelta(0)


def test_a_last_evening_that_is_next_year_already_in_utc():
    party = BusinessCalendar.from_dict(
        {"timezone": "America/New_York", "special_days": {"2024-12-31": [["20:00", "24:00"]]}}
    )
    assert party.add(at("2024-06-01T00:00+00:00"), hours(4)) == at("2025-01-01T00:00-05:00")


def test_a_target_may_reach_into_the_last_years_of_the_calendars():
    weekly = calendar("Europe/Berlin", "mon", [["09:00", "10:00"]])
    assert weekly.add(at("2150-01-05T00:00+01:00"), hours(2500)) == at("2197-11-27T10:00+01:00")


def test_a_pause_may_last_for_years():
    opening = calendar("Europe/Berlin", "mon", [["09:00", "10:30"]])
    pause = at("2026-03-02T09:30+01:00"), at("2031-03-02T12:00+01:00")
    assert opening.add(at("2026-03-02T09:00+01:00"), hours(1), [pause]) == at("2031-03-03T09:30+01:00")


def test_what_is_meant_by_a_wrong_argument_is_not_guessed():
    start, naive = at("2026-03-02T10:00+01:00"), datetime(2026, 3, 2, 10)
    for wrong in PLAIN.add, PLAIN.add_business_days:
        with pytest.raises(ValueError, match="must not be negative"):
            wrong(start, -1 if wrong == PLAIN.add_business_days else hours(-1))
    for ask in (
        lambda: PLAIN.add(naive, hours(1)),
        lambda: PLAIN.add(naive, hours(0)),
        lambda: PLAIN.between(start, naive),
        lambda: PLAIN.add(start, hours(1), [(naive, start)]),
        lambda: PLAIN.add_business_days(naive, 0),
        lambda: PLAIN.is_open(naive),
    ):
        with pytest.raises(TypeError):
            ask()


def test_threads_share_a_calendar_while_its_table_grows():
    starts = [at("2026-03-02T10:00+01:00") + timedelta(days=700 * n) for n in (0, 5, -5, 9, -9, 3, -12, 14)] * 8
    grown = calendar("Europe/Vienna", hours=[["09:00", "12:00"], ["13:00", "17:00"]])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: grown.add(start, hours(80)), starts))
    assert found == [PLAIN.add(start, hours(80)) for start in starts]


def lines_run(call) -> int:
    """How many lines of Python an answer takes: work that can be counted, on a machine of any speed."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    call()  # the table of these years is there
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_a_long_target_and_ten_years_of_holidays_cost_no_more_than_a_short_target_without():
    start = at("2026-03-02T10:00+01:00")
    holidays = [
        f"{year}-{month:02}-{day:02}" for year in range(2020, 2031) for month in range(1, 13) for day in (3, 17)
    ]
    costs = {
        lines_run(lambda opening=opening, n=n: opening.add(start, hours(n)))
        for opening in (PLAIN, calendar("Europe/Berlin", holidays=holidays), calendar("Europe/Berlin", "mon"))
        for n in (8, 80, 800)
    }
    assert len(costs) == 1
    assert costs.pop() < 30
    assert len({lines_run(lambda n=n: PLAIN.add_business_days(start, n)) for n in (5, 50, 500)}) == 1
    assert len({lines_run(lambda n=n: PLAIN.between(start, start + hours(n))) for n in (8, 80, 800)}) == 1


def test_pauses_cost_in_proportion_to_their_number():
    start = at("2026-03-02T09:00+01:00")

    def cost(count: int) -> int:
        pauses = [(start + hours(2 * n), start + hours(2 * n + 1)) for n in range(count)]
        return lines_run(lambda: PLAIN.add(start, hours(2000), pauses))

    assert cost(200) - cost(100) == cost(300) - cost(200) < 100 * 40


def test_an_answer_may_lie_in_years_that_nobody_has_asked_for_yet():
    """The first ticket after a restart must not be refused because its deadline lies behind New Year."""
    start = at("2026-11-24T12:00:00+00:00")
    assert calendar("UTC", holidays=["2027-05-17"]).add_business_days(start, 300) == at("2028-01-19T12:00:00+00:00")
    evening = at("2026-12-31T22:00:00+00:00")
    assert calendar("UTC", holidays=["2027-05-18"]).is_open(evening) is False
    assert calendar("UTC", holidays=["2027-05-19"]).next_opening(evening) == at("2027-01-01T09:00:00+00:00")
