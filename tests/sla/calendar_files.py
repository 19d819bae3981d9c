"""Calendar files as a test writes them, and what is read of them."""

from datetime import date

from helpdesk.sla import ics
from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.holidays import Found

FIRST, LAST = date(2026, 1, 1), date(2028, 12, 31)
CHRISTMAS = "DTSTART;VALUE=DATE:20261225"


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
