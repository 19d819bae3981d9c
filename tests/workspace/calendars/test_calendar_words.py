"""Hours and dates as people write them, and changes told in words."""

import pytest

from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.workspace.calendar_form import Plan, Wrong, parse_date, parse_hours
from helpdesk.workspace.calendar_words import changes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text", ["9", "9-", "9-10-11", "9:60-10", "24:01-25", "13 pm - 14 pm", "0 am-5", "9-12,,13-14", "-"]
)
def test_hours_that_are_none(text):
    with pytest.raises(Wrong):
        parse_hours(text)


@pytest.mark.parametrize("text", ["2026-12-25", "2026/12/25", "25.12.2026", "2026年12月25日", "２０２６－１２－２５"])
def test_dates_as_people_write_them(text):
    assert parse_date(text).isoformat() == "2026-12-25"


def test_what_changed_is_told_in_words():
    office = [["09:00", "17:00"]]
    week = {day: office for day in DAY_NAMES[:5]}
    before = Plan.of(
        {
            "timezone": "UTC",
            "weekly": week,
            "holidays": ["2026-12-25", "2026-12-26"],
            "special_days": {"2026-12-26": office},
        },
        {"2026-12-25": "Christmas"},
    )
    after = Plan.of(
        {
            "timezone": "Europe/Berlin",
            "weekly": {**{day: [["09:00", "18:00"]] for day in DAY_NAMES[:4]}, "fri": office, "sun": office},
            "holidays": ["2026-12-25", *(f"2027-01-{day:02}" for day in range(1, 6))],
            "special_days": {"2026-12-24": [["09:00", "12:00"]]},
        },
        {"2026-12-25": "Christmas Day", "2026-12-24": "Eve"},
    )
    assert changes(before, after) == [
        "Time zone: UTC → Europe/Berlin",
        "Monday to Thursday: 09:00–17:00 → 09:00–18:00",
        "Sunday: closed → 09:00–17:00",
        "6 days added: 24 December 2026 to 5 January 2027",
        "26 December 2026: as any other day",
        "25 December 2026: Christmas → Christmas Day",
    ]
    assert changes(after, after) == []
    assert changes(after, before)[-2:] == [
        "6 days removed: 24 December 2026 to 5 January 2027",
        "25 December 2026: Christmas Day → Christmas",
    ]
