"""Calendars that tests of opening hours ask, and how they say instants and hours."""

from datetime import datetime, timedelta

from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar

ALL_DAY = [["00:00", "24:00"]]


def calendar(zone: str, days: str = "mon tue wed thu fri", hours=(("09:00", "17:00"),), **others) -> BusinessCalendar:
    return BusinessCalendar.from_dict({"timezone": zone, "weekly": dict.fromkeys(days.split(), hours), **others})


def at(text: str) -> datetime:
    """An instant as it is spoken of where it happens, with its offset."""
    return datetime.fromisoformat(text)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


EVERY_DAY = " ".join(DAY_NAMES)

BERLIN = calendar(
    "Europe/Berlin",
    hours=[["09:00", "12:00"], ["13:00", "17:00"]],
    holidays=["2026-12-25", "2027-01-01", "2026-12-31"],
    special_days={
        "2026-12-24": [["09:00", "12:00"]],
        "2026-12-31": [["09:00", "12:00"]],
        "2026-07-04": [["10:00", "11:00"]],
    },
)

PLAIN = calendar("Europe/Berlin", hours=[["09:00", "12:00"], ["13:00", "17:00"]])

NIGHT = BusinessCalendar.from_dict(
    {"timezone": "America/New_York", "weekly": {"sat": [["22:00", "24:00"]], "sun": [["00:00", "06:00"]]}}
)

NEW_YORK = calendar("America/New_York", EVERY_DAY, ALL_DAY)

BERLIN_ALWAYS = calendar("Europe/Berlin", EVERY_DAY, ALL_DAY)
