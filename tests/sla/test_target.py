"""A deadline is reckoned once, whatever was left out before it, and in whatever order (SPEC 2.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.target import Target, instant_at

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = BusinessCalendar.from_dict(
    {"timezone": "UTC", "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["09:00", "17:00"]])}
)
TUESDAY = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = Target(business_days=1)  # from TUESDAY: due on Wednesday at noon
LAST_DAY = BusinessCalendar.from_dict({"timezone": "UTC", "special_days": {"2026-11-24": [["09:00", "17:00"]]}})


def stretch(*minutes: int) -> tuple[datetime, datetime]:
    """From and to so many minutes after TUESDAY."""
    begin, end = minutes
    return TUESDAY + begin * MINUTE, TUESDAY + end * MINUTE


@pytest.mark.parametrize(
    ("out", "moved"),
    [
        ([(0, 60), (10, 20)], 60),  # one within another
        ([(10, 20), (0, 60)], 60),
        ([(0, 30), (20, 40)], 40),  # overlapping
        ([(0, 10), (10, 20)], 20),  # touching
        ([(0, 10), (20, 40), (30, 50)], 40),  # an earlier one beside two that overlap
        ([(0, 10), (20, 30), (25, 27), (40, 50)], 30),
    ],
)
def test_what_is_left_out_twice_moves_a_deadline_once(out, moved):
    """A pause within an exception's pause would else promise the customer an answer later than agreed."""
    stretches = [stretch(*each) for each in out]
    assert DAY.due(OFFICE, TUESDAY, stretches) == TUESDAY + 24 * HOUR + moved * MINUTE
    assert Target(seconds=2 * 3600).due(OFFICE, TUESDAY, stretches) == TUESDAY + 2 * HOUR + moved * MINUTE


@pytest.mark.parametrize("begins", [24 * 60, 24 * 60 + 1, 24 * 60 + 180])
def test_a_pause_at_the_deadline_or_after_it_moves_nothing(begins):
    assert DAY.due(OFFICE, TUESDAY, [stretch(begins, begins + 60)]) == TUESDAY + 24 * HOUR


@pytest.mark.parametrize(
    ("out", "due"),
    [
        ([(-60, 60)], "2026-11-26 10:00"),
        ([(-60, 60), (60, 180)], "2026-11-26 12:00"),  # two that touch are one
        ([(-60, 480)], "2026-11-26 17:00"),  # gone on at closing: used up exactly then
        ([(-60, 481)], "2026-11-27 09:00"),
    ],
)
def test_due_at_an_opening_and_paused_over_it_no_open_time_is_left_behind_the_pause(out, due):
    evening, opening = datetime(2026, 11, 24, 19, 0, tzinfo=UTC), datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    stretches = [(opening + begin * MINUTE, opening + end * MINUTE) for begin, end in out]
    assert DAY.due(OFFICE, evening, stretches) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_of_a_pause_that_began_before_the_clock_only_what_the_clock_saw_counts():
    """A claim is declined in the middle of a pause, and the promise counts anew from there."""
    assert DAY.due(OFFICE, TUESDAY, [stretch(-60, 30)]) == TUESDAY + 24 * HOUR + 30 * MINUTE


def test_a_calendar_that_ends_leaves_the_customer_day_and_night():
    four_hours, six_hours = Target(seconds=4 * 3600), Target(seconds=6 * 3600)
    assert four_hours.due(LAST_DAY, TUESDAY) == TUESDAY + 4 * HOUR
    assert four_hours.counts_on(LAST_DAY, TUESDAY) == LAST_DAY
    assert six_hours.due(LAST_DAY, TUESDAY) == TUESDAY + 6 * HOUR
    assert six_hours.counts_on(LAST_DAY, TUESDAY) == ALWAYS_OPEN
    # With a pause of two hours there are three of the four left on that day, and none after it.
    pause = [stretch(0, 120)]
    assert four_hours.due(LAST_DAY, TUESDAY, pause) == TUESDAY + 6 * HOUR
    assert four_hours.counts_on(LAST_DAY, TUESDAY, pause) == ALWAYS_OPEN


@pytest.mark.parametrize(
    ("percent", "minutes"), [(1, 61), (50, 180), (99, 297), (100, 300), (101, 24 * 60 - 180), (150, 24 * 60 - 60)]
)
def test_a_step_lies_at_its_share_of_open_time_before_and_after_the_deadline(percent, minutes):
    """Four hours from noon with an hour of pause are used up at closing; what comes after waits for the morning."""
    out = (stretch(0, 60),)
    due = Target(seconds=4 * 3600).due(OFFICE, TUESDAY, out)
    at = instant_at(percent=percent, total=4 * HOUR, started_at=TUESDAY, due_at=due, calendar=OFFICE, pauses=out)
    extra = {1: 84, 99: 36, 101: 144}.get(percent, 0)  # the seconds of a hundredth of four hours
    assert (due, at) == (TUESDAY + 5 * HOUR, TUESDAY + minutes * MINUTE + timedelta(seconds=extra))


def test_the_step_at_the_deadline_is_at_the_deadline_though_no_open_time_lies_before_it():
    """Sent in the evening, due at an opening: told at the closing before, people would go home with it."""
    opening = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    evening = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
    values = {"total": 8 * HOUR, "started_at": evening, "due_at": DAY.due(OFFICE, evening), "calendar": OFFICE}
    assert [instant_at(percent=percent, **values) for percent in (100, 50)] == [opening, opening - 20 * HOUR]


@pytest.mark.parametrize(("percent", "minutes"), [(100, 240), (101, 242.4), (150, 360), (250, 600)])
def test_a_step_past_the_deadline_comes_although_the_calendar_has_ended(percent, minutes):
    """Nobody would hear of a breach of a calendar's last day otherwise."""
    values = {"total": 4 * HOUR, "started_at": TUESDAY, "due_at": TUESDAY + 5 * HOUR, "calendar": LAST_DAY}
    assert instant_at(percent=percent, **values) == TUESDAY + 1 * HOUR + minutes * MINUTE
