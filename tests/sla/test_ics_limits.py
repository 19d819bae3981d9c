"""How big a calendar file may be, and how much work: a hostile one is refused as a whole."""

from datetime import date, timedelta

import pytest

from helpdesk.sla import ics
from tests.sla.calendar_files import CHRISTMAS, FIRST, LAST, file, read

NEVER = "DTSTART;VALUE=DATE:19000101\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
ALWAYS = "DTSTART;VALUE=DATE:00010101\r\nDURATION:P9999999D"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"x" * (ics.MOST_BYTES + 1), ics.Reason.TOO_BIG),
        (b"", ics.Reason.NO_CALENDAR),
        (b"PK\x03\x04\x00\xff", ics.Reason.NO_CALENDAR),
        (b"<html>", ics.Reason.NO_CALENDAR),
        (file(*["UID:1"] * (ics.MOST_EVENTS + 1)), ics.Reason.TOO_MANY),
        (file(*[f"{NEVER};COUNT=9"] * 3000), ics.Reason.TOO_MANY),
        (file(*[ALWAYS] * 3000), ics.Reason.TOO_MANY),
    ],
)
def test_a_file_that_is_no_use_is_refused_as_a_whole(raw, reason):
    with pytest.raises(ics.Refused) as refused:
        ics.read(raw, first=FIRST, last=LAST)
    assert refused.value.reason == reason


def test_a_file_may_be_as_big_as_it_is_said(monkeypatch):
    assert (ics.MOST_BYTES, ics.MOST_EVENTS, ics.MOST_TIMES, ics.MOST_DAYS) == (1_000_000, 5_000, 1_000, 2_000)
    text = file(CHRISTMAS)
    assert ics.read(text + b" " * (ics.MOST_BYTES - len(text)), first=FIRST, last=LAST).days
    monkeypatch.setattr(ics, "MOST_EVENTS", 3)
    assert read(*[CHRISTMAS] * 3).days
    with pytest.raises(ics.Refused):
        read(*[CHRISTMAS] * 4)


@pytest.mark.parametrize(
    ("event", "looks"),
    [
        (CHRISTMAS, 1),
        (f"{CHRISTMAS}\r\nDURATION:P20D", 7),  # as many as are wanted: the rest lies in another year
        ("DTSTART;VALUE=DATE:19000601\r\nRRULE:FREQ=YEARLY", 366 + 2),  # its own year, and 2026
        ("DTSTART;VALUE=DATE:19000601\r\nDURATION:P2D\r\nRRULE:FREQ=YEARLY", 2 * 366 + 4),
        ("DTSTART;VALUE=DATE:20200601\r\nRRULE:FREQ=YEARLY;COUNT=9", 7 * 366 + 7),
    ],
)
def test_a_file_may_be_as_much_work_as_it_is_said(event, looks):
    """Years before those wanted are not worked out, so a file of anniversaries since 1900 is no hostile one."""
    events = [ics._event(event.split("\r\n"))]
    last = date(2026, 12, 31)
    assert ics._Reading(FIRST, last, budget=looks).read(events).days
    with pytest.raises(ics.Refused):
        ics._Reading(FIRST, last, budget=looks - 1).read(events)


def test_as_many_days_as_a_calendar_holds_and_no_more():
    last = FIRST + timedelta(days=ics.MOST_DAYS - 1)
    assert len(read(ALWAYS, last=last).days) == ics.MOST_DAYS
    with pytest.raises(ics.Refused) as refused:
        read(ALWAYS, last=last + timedelta(days=1))
    assert refused.value.reason == ics.Reason.TOO_MANY


def test_a_hostile_time_zone_is_not_even_read():
    zone = "BEGIN:VTIMEZONE\r\nTZID:X\r\nBEGIN:STANDARD\r\nDTSTART:19000101T000000\r\nRRULE:FREQ=SECONDLY\r\n"
    ends = "TZOFFSETFROM:+0000\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    midnight = file("DTSTART;TZID=X:20261225T000000\r\nDTEND;TZID=X:20261226T000000")
    raw = midnight.replace(b"VERSION:2.0\r\n", f"VERSION:2.0\r\n{zone}{ends}".encode())
    assert list(ics.read(raw, first=FIRST, last=LAST).days) == [date(2026, 12, 25)]
