"""Targets of business days: the same time of day, on a day that is worked."""

from datetime import UTC

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, DAY_NAMES, BusinessCalendar
from tests.sla.openings import ALL_DAY, BERLIN, BERLIN_ALWAYS, EVERY_DAY, NIGHT, PLAIN, at, calendar, hours


def test_a_date_that_was_skipped_has_no_hours():
    apia = calendar("Pacific/Apia", EVERY_DAY, ALL_DAY)
    assert apia.add(at("2011-12-29T23:00-10:00"), hours(2)) == at("2011-12-31T01:00+14:00")
    assert apia.add_business_days(at("2011-12-29T10:00-10:00"), 1) == at("2011-12-31T10:00+14:00")
    with pytest.raises(ValueError, match="^weekly: the calendar never opens"):
        BusinessCalendar.from_dict({"timezone": "Pacific/Apia", "special_days": {"2011-12-30": ALL_DAY}})


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


def test_a_business_day_that_is_due_at_midnight_waits_for_the_opening_though_the_day_before_was_open_until_then():
    week = {"mon": ALL_DAY, "tue": ALL_DAY, "wed": [["09:00", "17:00"]]}
    opening = BusinessCalendar.from_dict({"timezone": "Europe/Berlin", "weekly": week})
    assert opening.add_business_days(at("2026-03-02T00:00+01:00"), 2) == at("2026-03-04T09:00+01:00")


def test_day_and_night_in_a_zone_of_its_own_keeps_to_its_wall():
    """Its name comes behind UTC in the alphabet, and its clocks go forward on 29 March."""
    western = calendar("WET", days=" ".join(DAY_NAMES), hours=ALL_DAY)
    assert western.add_business_days(at("2026-03-27T12:00+00:00"), 3) == at("2026-03-30T11:00+00:00")
