"""Days out of a calendar file: named, each once, and only whole ones; the rest is counted."""

from datetime import date

import pytest

from helpdesk.sla import ics
from tests.sla.calendar_files import CHRISTMAS, FIRST, LAST, days, file, read

EACH_MONTH = ",".join(map(str, range(1, 13)))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (CHRISTMAS, ["2026-12-25"]),
        (f"{CHRISTMAS}\r\nDTEND;VALUE=DATE:20261226", ["2026-12-25"]),
        (f"{CHRISTMAS}\r\nDTEND;VALUE=DATE:20261225", ["2026-12-25"]),
        (f"{CHRISTMAS}\r\nDTEND;VALUE=DATE:20261227", ["2026-12-25", "2026-12-26"]),
        (f"{CHRISTMAS}\r\nDURATION:P2D", ["2026-12-25", "2026-12-26"]),
        ("DTSTART;TZID=Nowhere:20261224T000000\r\nDTEND;TZID=Nowhere:20261225T000000", ["2026-12-24"]),
        ("DTSTART;VALUE=DATE:20001225\r\nRRULE:FREQ=YEARLY", ["2026-12-25", "2027-12-25", "2028-12-25"]),
        ("DTSTART;VALUE=DATE:20200229\r\nRRULE:FREQ=YEARLY", ["2028-02-29"]),
        ("DTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=YEARLY;INTERVAL=4", ["2028-01-01"]),
        ("DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=YEARLY;COUNT=3", ["2026-01-01"]),
        ("DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=YEARLY;UNTIL=20270101", ["2026-01-01", "2027-01-01"]),
        (
            "DTSTART;VALUE=DATE:20001123\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            ["2026-11-26", "2027-11-25", "2028-11-23"],
        ),
        (
            "DTSTART;VALUE=DATE:20010528\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
            ["2026-05-25", "2027-05-31", "2028-05-29"],
        ),
        (
            "DTSTART;VALUE=DATE:20251231\r\nDTEND;VALUE=DATE:20260102\r\nRRULE:FREQ=YEARLY;COUNT=2",
            ["2026-01-01", "2026-12-31", "2027-01-01"],
        ),
        (
            "DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20270101",
            ["2026-01-01", "2028-01-01"],
        ),
        (f"{CHRISTMAS}\r\nRDATE;VALUE=DATE:20271224,20281222", ["2026-12-25", "2027-12-24", "2028-12-22"]),
        (f"{CHRISTMAS}\r\nBEGIN:VALARM\r\nTRIGGER:-P1D\r\nDURATION:P3D\r\nEND:VALARM", ["2026-12-25"]),
        (f"{CHRISTMAS}\r\nSTATUS:CANCELLED", []),
        (f"{CHRISTMAS}\r\nSTATUS:CONFIRMED", ["2026-12-25"]),
        ("DTSTART:20261224T000000\r\nDTEND:20261226T000000", ["2026-12-24", "2026-12-25"]),
        (f"{CHRISTMAS}\r\nDTSTART;VALUE=DATE:20261231", ["2026-12-25"]),
        ("DTSTART;VALUE=DATE:20000101\r\nRRULE:FREQ=YEARLY;INTERVAL=3", ["2027-01-01"]),
        ("DTSTART;VALUE=DATE:20001231\r\nDURATION:P2D\r\nRRULE:FREQ=YEARLY;INTERVAL=5", ["2026-01-01"]),
        (
            "DTSTART;VALUE=DATE:20000301\r\nRRULE:FREQ=YEARLY;BYYEARDAY=60,-1",
            ["2026-03-01", "2026-12-31", "2027-03-01", "2027-12-31", "2028-02-29", "2028-12-31"],
        ),
        (
            "DTSTART;VALUE=DATE:20000301\r\nRRULE:FREQ=YEARLY;BYYEARDAY=-307",
            ["2026-02-28", "2027-02-28", "2028-02-29"],
        ),
        (
            "DTSTART;VALUE=DATE:20200210\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=2MO",
            ["2026-02-09", "2027-02-08", "2028-02-14"],
        ),
        (
            "DTSTART;VALUE=DATE:20200217\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=-2MO",
            ["2026-02-16", "2027-02-15", "2028-02-21"],
        ),
        (
            "DTSTART;VALUE=DATE:20200217\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=MO;BYSETPOS=3",
            ["2026-02-16", "2027-02-15", "2028-02-21"],
        ),
        (
            "DTSTART;VALUE=DATE:20200225\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=MO,TU;BYSETPOS=1,-1",
            ["2026-02-02", "2026-02-24", "2027-02-01", "2027-02-23", "2028-02-01", "2028-02-29"],
        ),
        (
            "DTSTART;VALUE=DATE:20201224\r\nRRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
            ["2026-12-24", "2027-12-24", "2028-12-24"],
        ),
        (
            "DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=1,7;BYMONTHDAY=1;COUNT=3",
            ["2026-01-01", "2026-07-01", "2027-01-01"],
        ),
        (
            "DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=1,7;BYMONTHDAY=1;UNTIL=20270101",
            ["2026-01-01", "2026-07-01", "2027-01-01"],
        ),
        ("DTSTART;VALUE=DATE:20270501\r\nRRULE:FREQ=YEARLY", ["2027-05-01", "2028-05-01"]),
        (f"{CHRISTMAS}\r\nRRULE:FREQ=YEARLY;COUNT=1", ["2026-12-25"]),
        ("DTSTART;VALUE=DATE:20060101\r\nRRULE:FREQ=YEARLY;INTERVAL=2", ["2026-01-01", "2028-01-01"]),
        (
            f"DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;COUNT=12;BYMONTHDAY=1;BYMONTH={EACH_MONTH}",
            [f"2026-{month:02}-01" for month in range(1, 13)],
        ),
        (
            "DTSTART;VALUE=DATE:20200210\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=MO;BYSETPOS=2",
            ["2026-02-09", "2027-02-08", "2028-02-14"],
        ),
        ("DTSTART:20261224T000000\r\nDTEND:20261225T000000Z", ["2026-12-24"]),
        (f"{CHRISTMAS}\r\nDTEND:20261228T120000", ["2026-12-25"]),  # an end of another kind is no end
        (f"{CHRISTMAS}\r\nEXDATE;VALUE=DATE:20261224", ["2026-12-25"]),
        (f"{CHRISTMAS}\r\nRRULE:FREQ=YEARLY;COUNT={ics.MOST_TIMES};UNTIL=20261226", ["2026-12-25"]),
    ],
)
def test_whole_days_of_a_file(event, expected):
    assert days(event) == expected


def test_a_single_time_that_was_moved_or_called_off():
    yearly = "UID:a\r\nDTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY"
    moved = "UID:a\r\nRECURRENCE-ID;VALUE=DATE:20270101\r\nDTSTART;VALUE=DATE:20270104"
    gone = "UID:a\r\nRECURRENCE-ID;VALUE=DATE:20280101\r\nDTSTART;VALUE=DATE:20280101\r\nSTATUS:CANCELLED"
    assert days(yearly, moved, gone) == ["2026-01-01", "2027-01-04"]
    renamed = "UID:a\r\nRECURRENCE-ID;VALUE=DATE:20270101\r\nDTSTART;VALUE=DATE:20270101\r\nSUMMARY:Feast"
    assert days(yearly, renamed) == ["2026-01-01", "2027-01-01", "2028-01-01"]
    assert days(f"{CHRISTMAS}\r\nSTATUS:CANCELLED", "DTSTART;VALUE=DATE:20261231") == ["2026-12-31"]


@pytest.mark.parametrize(
    "nested",
    [
        "END:VALARM",  # of none that began
        "BEGIN:A\r\nBEGIN:B\r\nEND:B\r\nDURATION:P3D\r\nEND:A",
        "BEGIN:A\r\nBEGIN:B\r\nBEGIN:C\r\nEND:C\r\nEND:B\r\nDURATION:P3D\r\nEND:A",
    ],
)
def test_what_is_nested_in_an_event_is_left_out_however_deep(nested):
    assert days(f"{CHRISTMAS}\r\n{nested}", "DTSTART;VALUE=DATE:20261231") == ["2026-12-25", "2026-12-31"]


def test_of_what_stands_twice_the_first_counts():
    assert read(f"{CHRISTMAS}\r\nSUMMARY:Yule\r\nSUMMARY:Feast").days == {date(2026, 12, 25): "Yule"}


@pytest.mark.parametrize(
    ("event", "left_out"),
    [
        ("DTSTART:20261224T090000\r\nDTEND:20261224T100000", (1, 0, 0)),
        ("DTSTART:20261224T000000\r\nDTEND:20261224T100000", (1, 0, 0)),
        ("DTSTART:20261224T090000\r\nDTEND:20261225T090000", (1, 0, 0)),
        ("DTSTART:20261224T000000\r\nDTEND:20261225T100000", (1, 0, 0)),
        ("DTSTART:20261224T000000\r\nDTEND;VALUE=DATE:20261226", (1, 0, 0)),
        ("DTSTART;VALUE=DATE:20260230", (1, 0, 0)),
        ("SUMMARY:without a beginning", (1, 0, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=WEEKLY", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=SECONDLY", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYHOUR=1,2,3", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYDAY=XX", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=13", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=0", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;INTERVAL=0", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;COUNT=0", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;COUNT=-1", (0, 1, 0)),
        (f"DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;COUNT={ics.MOST_TIMES + 1}", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY,YEARLY", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\nRRULE:FREQ=YEARLY", (0, 1, 0)),
        ("DTSTART;VALUE=DATE:20251231", (0, 0, 1)),
        ("DTSTART;VALUE=DATE:20290101", (0, 0, 1)),
    ],
)
def test_what_is_no_holiday_is_left_out_and_counted(event, left_out):
    found = read(event)
    assert (found.timed, found.otherwise, found.outside) == left_out
    assert found.days == {}
    both = read(event, CHRISTMAS)
    assert (list(both.days), both.timed, both.otherwise, both.outside) == ([date(2026, 12, 25)], *left_out)


def test_what_the_library_stumbles_over_is_left_out_and_counted_and_the_rest_is_read(monkeypatch):
    """Another version of it may throw where this one takes a note: no reason to refuse a whole file."""

    def throw(text: str) -> ics.Event:
        if "Broken" in text:
            raise ValueError("no event")
        return whole(text)

    whole = ics.Event.from_ical
    monkeypatch.setattr(ics.Event, "from_ical", throw)
    found = read("DTSTART;VALUE=DATE:20260101\r\nSUMMARY:Broken", CHRISTMAS)
    assert (list(found.days), found.timed, found.otherwise) == ([date(2026, 12, 25)], 1, 0)
    with pytest.raises(ValueError, match="'XX' is not a weekday"):
        ics._Yearly.of({"FREQ": ["YEARLY"], "BYDAY": ["XX"]}, FIRST)


def test_names_are_one_line_and_events_of_one_day_share_it():
    long = f"{CHRISTMAS}\r\nSUMMARY:Yule\\, and\\n more \x07" + "x" * 200
    assert read(long).days[date(2026, 12, 25)] == ("Yule, and more " + "x" * 200)[:80]
    both = read(*(f"{CHRISTMAS}\r\nSUMMARY;LANGUAGE=en:{name}" for name in ("Yule", "Feast", "Yule")))
    assert both.days == {date(2026, 12, 25): "Yule; Feast"}


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        ("Fête du Travail, Größe", "utf-8"),
        ("Fête du Travail, Größe", "utf-8-sig"),
        ("Fête du Travail, Größe", "cp1252"),
        ("Österreich", "latin-1"),
        ("Fête", "cp1252"),
        ("元日", "utf-16"),
        ("元日 成人の日", "cp932"),
        ("元日", "iso2022_jp"),
    ],
)
def test_charsets(name, charset):
    text = file(f"{CHRISTMAS}\r\nSUMMARY:{name}").decode()
    assert list(ics.read(text.encode(charset), first=FIRST, last=LAST).days.values()) == [name]


def test_a_line_that_is_folded_within_a_letter():
    raw = file(f"{CHRISTMAS}\r\nSUMMARY:F\u00eate").replace(b"\xc3\xaa", b"\xc3\r\n \xaa")
    assert list(ics.read(raw, first=FIRST, last=LAST).days.values()) == ["Fête"]
