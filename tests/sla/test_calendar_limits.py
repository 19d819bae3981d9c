"""Where calendars end: the first and the last years, targets that are never reached, arguments that mean nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from tests.sla.openings import EVERY_DAY, PLAIN, at, calendar, hours


def test_day_and_night_has_no_first_and_no_last_year():
    """Where a calendar never opens again a target counts day and night, however far it reaches."""
    assert ALWAYS_OPEN.add(at("2300-01-01T00:00+00:00"), hours(8)) == at("2300-01-01T08:00+00:00")
    assert ALWAYS_OPEN.between(at("1600-01-01T00:00+00:00"), at("1600-01-02T00:00+00:00")) == hours(24)


@pytest.mark.parametrize("year", [2025, 2026])
def test_special_days_are_found_years_ahead(year):
    special = {"timezone": "Asia/Tokyo", "special_days": {f"{year}-12-31": [["09:00", "17:00"]]}}
    opening = BusinessCalendar.from_dict(special)
    assert opening.add(at("2020-01-01T00:00+00:00"), hours(8)) == at(f"{year}-12-31T17:00+09:00")


def test_nothing_opens_after_the_last_year():
    with pytest.raises(OverflowError):
        PLAIN.next_opening(at("2199-12-31T18:00+01:00"))


def test_a_target_may_begin_before_1970():
    assert PLAIN.add_business_days(at("1960-12-30T09:30+01:00"), 1) == at("1961-01-02T09:30+01:00")
    assert PLAIN.add(at("1960-12-30T09:00+01:00"), hours(7)) == at("1960-12-30T17:00+01:00")
    assert PLAIN.add(at("1960-12-30T09:00+01:00"), hours(7 * 800)) == at("1964-01-23T17:00+01:00")


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


def test_an_answer_may_lie_in_years_that_nobody_has_asked_for_yet():
    """The first ticket after a restart must not be refused because its deadline lies behind New Year."""
    start = at("2026-11-24T12:00:00+00:00")
    assert calendar("UTC", holidays=["2027-05-17"]).add_business_days(start, 300) == at("2028-01-19T12:00:00+00:00")
    evening = at("2026-12-31T22:00:00+00:00")
    assert calendar("UTC", holidays=["2027-05-18"]).is_open(evening) is False
    assert calendar("UTC", holidays=["2027-05-19"]).next_opening(evening) == at("2027-01-01T09:00:00+00:00")


def test_the_first_and_the_last_year_are_answered_and_the_next_is_not():
    assert PLAIN.is_open(at("1900-01-02T10:00+01:00"))
    assert PLAIN.is_open(at("2199-12-31T10:00+01:00"))
    with pytest.raises(OverflowError):
        PLAIN.is_open(at("2200-06-02T10:00+02:00"))
    for day in "1900-01-01", "2199-12-31":
        assert calendar("UTC", holidays=[day]).to_dict()["holidays"] == [day]


def test_day_and_night_has_no_last_year_however_it_is_written():
    opening = calendar("UTC", EVERY_DAY, [["00:00", "12:00"], ["12:00", "24:00"]])
    assert opening.add(at("2300-01-01T20:00+00:00"), hours(8)) == at("2300-01-02T04:00+00:00")


def test_an_hour_closed_after_midnight_is_closed():
    opening = calendar("UTC", EVERY_DAY, [["01:00", "24:00"]])
    assert not opening.is_open(at("2026-03-02T00:30+00:00"))
    assert opening.add(at("2026-03-02T23:30+00:00"), hours(1)) == at("2026-03-03T01:30+00:00")


def test_behind_utc_and_before_1970_days_are_found_too():
    opening = calendar("America/New_York")
    assert opening.add(at("1960-12-30T16:00-05:00"), hours(2)) == at("1961-01-02T10:00-05:00")
    assert opening.add(at("1960-12-30T09:00-05:00"), hours(8 * 2600)) == at("1970-12-17T17:00-05:00")
    assert calendar("America/Chicago").add(at("1969-06-02T09:00-05:00"), hours(8 * 780)) == at("1972-05-26T17:00-05:00")


def test_a_microsecond_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        PLAIN.add(at("2026-03-02T10:00+01:00"), timedelta(microseconds=-1))
