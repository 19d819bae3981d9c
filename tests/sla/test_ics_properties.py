"""Yearly rules against another's reckoning, and whatever a calendar file may hold."""

from datetime import date, datetime

from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.sla import holidays, ics
from tests.sla.calendar_files import CHRISTMAS, FIRST, LAST, file, read, takes

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
