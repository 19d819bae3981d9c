"""Quiet hours are local wall time; what waits for their end waits no longer than that (SPEC 2.5)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from helpdesk.core.quiet import quiet_length, quiet_until

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "Asia/Tokyo",  # never changes its clocks
    "Australia/Lord_Howe",  # changes them by half an hour
    "Pacific/Apia",  # left out a day in 2011
    "America/Havana",  # changes them at midnight
]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = {"begins": time(22), "ends": time(7), "zone": BERLIN}


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def is_quiet(instant: datetime, begins: time, ends: time, zone: ZoneInfo) -> bool:
    """Said in another way than the code says it: the minutes of a day that are quiet, written out."""
    first, last = begins.hour * 60 + begins.minute, ends.hour * 60 + ends.minute
    length = (last - first) % (24 * 60)
    local = instant.astimezone(zone)
    return local.hour * 60 + local.minute in {(first + minute) % (24 * 60) for minute in range(length)}


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (at(2026, 11, 24, 20, 59), None),
        (at(2026, 11, 24, 21, 0), at(2026, 11, 25, 6)),  # 22:00 in Berlin
        (at(2026, 11, 25, 3, 30), at(2026, 11, 25, 6)),  # the night has begun the day before
        (at(2026, 11, 25, 5, 59, 59), at(2026, 11, 25, 6)),
        (at(2026, 11, 25, 6, 0), None),  # at 07:00 they are over
    ],
)
def test_a_night_across_midnight(now, until):
    assert quiet_until(now, **NIGHT) == until


def test_a_night_in_which_the_clocks_change_ends_at_the_same_wall_time():
    assert quiet_until(at(2026, 3, 28, 22), **NIGHT) == at(2026, 3, 29, 5)  # an hour shorter
    assert quiet_until(at(2026, 10, 24, 21), **NIGHT) == at(2026, 10, 25, 6)  # an hour longer


def test_an_end_that_comes_twice_is_taken_as_it_comes():
    quiet = {"begins": time(1), "ends": time(2, 30), "zone": BERLIN}
    assert quiet_until(at(2026, 10, 25, 0, 10), **quiet) == at(2026, 10, 25, 0, 30)  # 02:10, the first time
    assert quiet_until(at(2026, 10, 25, 0, 45), **quiet) is None
    assert quiet_until(at(2026, 10, 25, 1, 10), **quiet) == at(2026, 10, 25, 1, 30)  # 02:10 again


def test_an_end_that_the_clocks_skip_comes_after_the_gap():
    quiet = {"begins": time(1), "ends": time(2, 30), "zone": BERLIN}
    assert quiet_until(at(2026, 3, 29, 0, 30), **quiet) == at(2026, 3, 29, 1, 30)  # 03:30, instead of 02:30


def test_a_break_within_a_day_and_none_at_all():
    quiet = {"begins": time(12), "ends": time(13), "zone": BERLIN}
    assert quiet_until(at(2026, 11, 24, 11, 30), **quiet) == at(2026, 11, 24, 12)
    assert quiet_until(at(2026, 11, 24, 12), **quiet) is None
    assert quiet_until(at(2026, 11, 24, 12), begins=time(13), ends=time(13), zone=BERLIN) is None


@settings(max_examples=300, deadline=None)
@given(
    now=st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)).map(lambda day: day.replace(tzinfo=UTC)),
    begins=st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    minutes=st.integers(1, 20 * 60),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
@example(now=at(2011, 12, 30, 9, 0), begins=time(22), minutes=540, zone=ZoneInfo("Pacific/Apia"))
@example(now=at(2026, 10, 24, 23, 30), begins=time(1), minutes=90, zone=BERLIN)
@example(now=at(2026, 3, 8, 4, 59), begins=time(0), minutes=30, zone=ZoneInfo("America/Havana"))
def test_it_is_never_inside_and_at_most_a_day_later_and_not_longer_than_needed(now, begins, minutes, zone):
    ends = (datetime.combine(now, begins) + minutes * MINUTE).time()
    until = quiet_until(now, begins=begins, ends=ends, zone=zone)
    assert (until is not None) == is_quiet(now, begins, ends, zone)
    assume(until is not None)
    assert not is_quiet(until, begins, ends, zone)
    assert now < until <= now + DAY
    # Every minute before it is quiet, but for those that an end within a gap of the clocks comes later.
    between = (now + minute * MINUTE for minute in range(int((until - now) / MINUTE) + 1))
    loud = [instant for instant in between if instant < until and not is_quiet(instant, begins, ends, zone)]
    assert len(loud) <= 60
    if loud:
        assert (loud[0] - MINUTE).astimezone(zone).utcoffset() != loud[0].astimezone(zone).utcoffset()


def test_how_long_they_are():
    assert quiet_length(time(22), time(7)) == 9 * HOUR
    assert quiet_length(time(12), time(13, 30)) == 90 * MINUTE
    assert quiet_length(time(12), time(12)) == timedelta()
