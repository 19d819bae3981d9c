"""Days brought in from elsewhere: named, never twice, and whatever a file holds, a calendar can take them."""

from datetime import date, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.sla import holidays, ics
from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.holidays import Found, national

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
CHRISTMAS = "DTSTART;VALUE=DATE:20261225"
EACH_MONTH = ",".join(map(str, range(1, 13)))


def file(*events: str) -> bytes:
    blocks = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{blocks}END:VCALENDAR\r\n".encode()


def read(*events: str, first: date = FIRST, last: date = LAST) -> Found:
    return ics.read(file(*events), first=first, last=last)


def days(*events: str) -> list[str]:
    return [day.isoformat() for day in read(*events).days]


def takes(found: Found) -> bool:
    """A calendar can be made of these days, and gives them back."""
    written = [day.isoformat() for day in found.days]
    definition = {"timezone": "UTC", "weekly": dict.fromkeys(DAY_NAMES, [["09:00", "17:00"]]), "holidays": written}
    return BusinessCalendar.from_dict(definition).to_dict()["holidays"] == written


def test_countries_and_regions_have_names_in_the_readers_language():
    assert dict(holidays.countries("en"))["DE"] == "Germany"
    assert dict(holidays.countries("ja"))["DE"] == "ドイツ"
    assert dict(holidays.regions("DE"))["BE"] == "Berlin"
    assert dict(holidays.regions("AT"))["3"] == "Niederösterreich"  # which has shorter names, too
    assert holidays.regions("JP") == holidays.regions("Atlantis") == []


def test_countries_and_regions_stand_in_the_order_of_their_names_each_once():
    names = [name for _code, name in holidays.countries("en")]
    order = ["Albania", "Australia", "Austria", "Åland Islands", "Bahrain"]  # AL, AU, AT, AX, BH
    assert [name for name in names if name in order] == order
    assert len(names) == len(set(names))
    assert [name for _code, name in holidays.regions("DE")][3:5] == ["Berlin", "Brandenburg"]  # BE, BB
    assert holidays.regions("DEU") == []


def test_a_region_has_the_days_of_its_country_and_its_own():
    country, region = (national(country="DE", region=region, years=[2026]).days for region in ("", "BE"))
    assert {day: name for day, name in region.items() if day not in country} == {date(2026, 3, 8): "Women's Day"}
    assert country.items() <= region.items()


@pytest.mark.parametrize(
    ("country", "language", "name"),
    [
        ("JP", "ja", "元日"),
        ("JP", "en", "New Year's Day"),
        ("JP", "sv", "New Year's Day"),
        ("ES", "en", "New Year's Day"),  # not in Spanish (es), nor in Catalan, which comes first
    ],
)
def test_days_are_named_in_the_readers_language_or_else_in_english(country, language, name):
    assert national(country=country, years=[2026], language=language).days[date(2026, 1, 1)] == name


def test_english_is_that_of_one_country_wherever_a_holiday_is():
    assert "Labor Day" in national(country="US", years=[2026]).days.values()
    languages = []

    def note(country, *, language=None, **_rest):
        languages.append(language)
        return whole(country, language=language)

    whole = holidays.holidays.country_holidays
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holidays.holidays, "country_holidays", note)
        for country in ("GB", "AO"):  # the one is known in British English first, the other in Portuguese
            national(country=country, years=[2026])
    assert languages == [None, "en_US", None, "en_US"]


def test_a_day_observed_in_another_year_is_not_brought_in_with_this_one():
    """New Year's Day of 2028 falls on a Saturday, and is observed on 31 December 2027."""
    assert date(2027, 12, 31) in national(country="US", years=[2027, 2028]).days
    assert {day.year for day in national(country="US", years=[2028]).days} == {2028}


@settings(max_examples=40, deadline=None)
@given(country=st.sampled_from([code for code, _name in holidays.countries("en")]), year=st.integers(1990, 2060))
def test_a_calendar_can_take_the_days_of_any_country(country, year):
    assert takes(national(country=country, years=[year, year + 1], language="ja"))


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


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "BYMONTH": st.sets(st.integers(1, 12), min_size=1, max_size=3),
        "BYYEARDAY": st.sets(st.sampled_from([1, 60, 366, -1, -306]), min_size=1, max_size=2),
        "BYMONTHDAY": st.sets(st.sampled_from([1, 13, 28, -1, -7]), min_size=1, max_size=3),
        # Not both kinds in one rule: there dateutil demands both.
        "BYDAY": st.sets(st.sampled_from(["1TU", "-1FR", "3SU", "5WE", "-2SA"]), min_size=1, max_size=2)
        | st.sets(st.sampled_from(["MO", "FR", "SU"]), min_size=1, max_size=2),
        "BYSETPOS": st.sets(st.sampled_from([1, 2, -1]), min_size=1, max_size=2),
        "COUNT": st.sets(st.integers(1, 40), min_size=1, max_size=1),
        "INTERVAL": st.sets(st.integers(1, 4), min_size=1, max_size=1),
    },
)


@settings(max_examples=150, deadline=None)
@given(begin=st.dates(date(2015, 1, 1), date(2027, 6, 1)), parts=PARTS)
def test_yearly_rules_fall_where_dateutil_has_them(begin, parts):
    if not parts.keys() & {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY"}:
        parts.pop("BYSETPOS", None)  # dateutil wants another part beside it
    rule = ";".join(["FREQ=YEARLY", *(f"{key}={','.join(map(str, sorted(parts[key], key=str)))}" for key in parts)])
    oracle = rrulestr(rule, dtstart=datetime.combine(begin, datetime.min.time()))
    end = datetime.combine(LAST, datetime.min.time())
    expected = {at.date() for at in oracle.between(datetime(2026, 1, 1), end, inc=True)}
    expected |= {begin} if FIRST <= begin <= LAST else set()  # an event always takes place when it begins
    assert set(read(f"DTSTART;VALUE=DATE:{begin:%Y%m%d}\r\nRRULE:{rule}").days) == expected


LINES = [
    CHRISTMAS,
    "DTEND;VALUE=DATE:20261228",
    "RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=-1FR;COUNT=4;UNTIL=20301231",
    "RDATE;VALUE=DATE:20270102,20270103",
    "RDATE;VALUE=PERIOD:20270102T000000Z/P1D",
    "EXDATE:20261225",
    "SUMMARY;X=a;LANGUAGE=de:Weihnachten\\, ja",
    "DURATION:P3DT4H",
    "DURATION:P99999999999999999999D",
    "RECURRENCE-ID;TZID=Europe:20261225T000000",
    "DTSTART:00000000",
    "RRULE:FREQ=YEARLY;BYMONTHDAY=-1,99999999999999999;INTERVAL=999999999999",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=6), max_size=4), st.binary(max_size=40)
)
def test_whatever_a_file_holds_a_calendar_can_take_what_is_read(events, noise):
    raw = file(*("\r\n".join(lines) for lines in events)) + noise
    try:
        found = ics.read(raw, first=FIRST, last=LAST)
    except ics.Refused:
        return
    assert takes(found)
    assert all(FIRST <= day <= LAST and len(name) <= holidays.LONGEST_NAME for day, name in found.days.items())
