"""What a calendar is made from: a mistake is refused by the name of its field, and what is right comes back."""

import copy
import pickle
from datetime import date

import pytest

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar

DEFINITION = {
    "timezone": "Europe/Berlin",
    "weekly": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], "sat": []},
    "holidays": ["2026-12-25"],
    "special_days": {"2026-12-24": [["09:00", "12:00"]], "2026-12-31": []},
}

REFUSED = [
    # what is wrong in the definition, where the message says it is
    ({"colour": "red"}, "colour: is unknown"),
    ({"timezone": "Europe/Atlantis"}, "timezone: 'Europe/Atlantis'"),
    ({"timezone": "../etc/passwd"}, "timezone: "),
    ({"timezone": "Europe"}, "timezone: "),
    ({"timezone": ""}, "timezone: "),
    ({"timezone": None}, "timezone: "),
    ({"timezone": 1}, "timezone: "),
    ({"weekly": {"monday": []}}, "weekly.monday: is unknown"),
    ({"weekly": [["09:00", "17:00"]]}, "weekly: must be a mapping"),
    ({"weekly": {"mon": "09:00-17:00"}}, "weekly.mon: must be a list"),
    ({"weekly": {"mon": ["09:00", "17:00"]}}, "weekly.mon: '09:00' is not a pair"),
    ({"weekly": {"mon": [["09:00"]]}}, "weekly.mon: ['09:00'] is not a pair"),
    ({"weekly": {"mon": [["09:00", "12:00", "13:00"]]}}, "weekly.mon: ['09:00', '12:00', '13:00'] is not a pair"),
    ({"weekly": {"mon": [["9:00", "17:00"]]}}, "weekly.mon: '9:00' is not a time"),
    ({"weekly": {"mon": [["09:00", "24:01"]]}}, "weekly.mon: '24:01' is not a time"),
    ({"weekly": {"mon": [["09:60", "17:00"]]}}, "weekly.mon: '09:60' is not a time"),
    ({"weekly": {"mon": [["09:00", "17:00\n"]]}}, "weekly.mon: '17:00\\n' is not a time"),
    ({"weekly": {"mon": [["٠٩:٠٠", "17:00"]]}}, "weekly.mon: '٠٩:٠٠' is not a time"),
    ({"weekly": {"mon": [[9, 17]]}}, "weekly.mon: 9 is not a time"),
    ({"weekly": {"mon": [["17:00", "09:00"]]}}, "weekly.mon: 17:00 is not before 09:00"),
    ({"weekly": {"mon": [["09:00", "09:00"]]}}, "weekly.mon: 09:00 is not before 09:00"),
    ({"weekly": {"mon": [["09:00", "12:00"], ["11:59", "13:00"]]}}, "weekly.mon: intervals overlap at 11:59"),
    ({"weekly": {"mon": [["11:00", "12:00"], ["09:00", "17:00"]]}}, "weekly.mon: intervals overlap at 11:00"),
    ({"holidays": "2026-12-25"}, "holidays: must be a list"),
    ({"holidays": ["25.12.2026"]}, "holidays: '25.12.2026' is not a date"),
    ({"holidays": ["2026-02-29"]}, "holidays: '2026-02-29' is not a date"),
    ({"holidays": ["20261225"]}, "holidays: '20261225' is not a date"),
    ({"holidays": ["2020-W53-7"]}, "holidays: '2020-W53-7' is not a date"),  # 3 January 2021
    ({"holidays": ["0226-12-25"]}, "holidays: '0226-12-25' is not a date"),
    ({"holidays": [date(2026, 12, 25)]}, "holidays: datetime.date(2026, 12, 25) is not a date"),
    ({"holidays": ["2200-01-01"]}, "holidays: '2200-01-01' is not a date"),
    ({"holidays": ["2201-01-01"]}, "holidays: '2201-01-01' is not a date"),
    ({"holidays": [None]}, "holidays: None is not a date"),
    ({"special_days": ["2026-12-24"]}, "special_days: must be a mapping"),
    ({"special_days": {"Christmas": []}}, "special_days: 'Christmas' is not a date"),
    ({"special_days": {"2026-12-24": [["12:00", "09:00"]]}}, "special_days.2026-12-24: 12:00 is not before 09:00"),
    ({"weekly": {}, "special_days": {}}, "weekly: the calendar never opens"),
    ({"weekly": {"mon": []}, "special_days": {"2026-12-24": []}}, "weekly: the calendar never opens"),
    ({"weekly": {}, "special_days": {"2026-12-25": [["09:00", "12:00"]]}}, "weekly: the calendar never opens"),
    ({"weekly": {}, "special_days": {"2026-03-29": [["02:10", "02:50"]]}}, "weekly: the calendar never opens"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_wrong_definition_is_refused_by_the_name_of_the_field(change, message):
    with pytest.raises(ValueError, match=".") as refusal:
        BusinessCalendar.from_dict({**DEFINITION, **change})
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("definition", [None, [], "Europe/Berlin", 24])
def test_what_is_no_definition_at_all_is_refused(definition):
    with pytest.raises(ValueError, match="^calendar: must be a mapping$"):
        BusinessCalendar.from_dict(definition)


def test_a_definition_comes_back_as_it_was_given():
    assert BusinessCalendar.from_dict(DEFINITION).to_dict() == DEFINITION
    assert BusinessCalendar.from_dict(ALWAYS_OPEN.to_dict()) == ALWAYS_OPEN
    least = BusinessCalendar.from_dict({"timezone": "UTC", "weekly": {"mon": (("09:00", "17:00"),)}})
    assert least.to_dict() == {
        "timezone": "UTC",
        "weekly": {"mon": [["09:00", "17:00"]]},
        "holidays": [],
        "special_days": {},
    }


def test_equal_definitions_share_one_calendar_and_its_table():
    """A calendar is read with every row; building its table each time would cost a thousand times the answer."""
    first = BusinessCalendar.from_dict(DEFINITION)
    again = BusinessCalendar.from_dict(copy.deepcopy(dict(reversed(DEFINITION.items()))))
    assert again is first
    assert pickle.loads(pickle.dumps(first)) is first  # noqa: S301
    assert {first: 1}[copy.deepcopy(first)] == 1


def test_changing_a_stored_definition_does_not_change_calendars_made_from_it():
    definition = copy.deepcopy(DEFINITION)
    opening = BusinessCalendar.from_dict(definition)
    definition["weekly"]["mon"].clear()
    opening.to_dict()["weekly"]["mon"].clear()
    assert opening.to_dict() == DEFINITION
