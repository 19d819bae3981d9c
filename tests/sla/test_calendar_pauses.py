"""Paused time does not count, and costs its open hours only."""

from datetime import datetime, timedelta

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN
from tests.sla.openings import PLAIN, at, calendar, hours

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


def test_pauses_that_overlap_after_another_one_count_once():
    names = ("09:00", "09:10"), ("09:20", "09:40"), ("09:30", "09:50")
    pauses = [tuple(at(f"2026-03-02T{name}+01:00") for name in pair) for pair in names]
    assert PLAIN.add(at("2026-03-02T09:00+01:00"), hours(1), pauses) == at("2026-03-02T10:40+01:00")
    start, end = at("2026-03-02T09:00+01:00"), at("2026-03-02T12:00+01:00")
    assert PLAIN.between(start, end, pauses) == timedelta(minutes=140)


def test_a_pause_at_the_beginning_of_what_was_laid_out():
    pause = at("2026-01-01T09:30+01:00"), at("2026-01-09T09:30+01:00")
    assert PLAIN.between(at("2026-01-01T09:00+01:00"), at("2026-01-09T10:00+01:00"), [pause]) == hours(1)


def test_a_pause_may_last_for_years():
    opening = calendar("Europe/Berlin", "mon", [["09:00", "10:30"]])
    pause = at("2026-03-02T09:30+01:00"), at("2031-03-02T12:00+01:00")
    assert opening.add(at("2026-03-02T09:00+01:00"), hours(1), [pause]) == at("2031-03-03T09:30+01:00")
