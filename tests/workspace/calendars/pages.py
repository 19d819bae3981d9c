"""The pages of calendars as a manager meets them."""

import re

from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.sla.models import Calendar
from helpdesk.workspace.calendar_form import Typed

LIST = "/admin/helpdesk/calendar/"


def page_of(calendar: Calendar) -> str:
    return f"{LIST}{calendar.pk}/change/"


def form_of(calendar: Calendar | None = None, **changed) -> dict:
    """What the page sends when nothing is changed on it, and what is changed."""
    if calendar is None:
        typed = Typed.new("Europe/Berlin")
    else:
        typed = Typed.of_version(calendar.versions.get(is_current=True))
    data = {"name": typed.name, "timezone": typed.timezone, "note": "", "based_on": typed.based_on, "draft_seen": ""}
    for day in DAY_NAMES:
        data[f"{day}-from"] = [begin for begin, _end in typed.week[day]]
        data[f"{day}-to"] = [end for _begin, end in typed.week[day]]
    rows = [(row.day, row.name, row.hours) for row in typed.days] + changed.pop("days", [])
    for index, column in enumerate(("day-date", "day-name", "day-hours")):
        data[column] = [row[index] for row in rows] + [""]
    return data | {name.replace("_from", "-from").replace("_to", "-to"): value for name, value in changed.items()}


def errors_of(text: str) -> dict[str, list[str]]:
    """Errors by the field that they stand with; each has to be told to who cannot see it, too."""
    lists = re.findall(r'<ul class="errorlist" id="id_(\w+)_error">(.*?)</ul>', text, re.DOTALL)
    found = {}
    for name, rows in lists:
        said = [row.strip() for row in re.findall(r"</svg>(.*?)</li>", rows, re.DOTALL)]
        found[name] = [row.replace("&#x27;", "'").replace("&quot;", '"') for row in said]
        if name not in ("week", "days"):
            assert f"id_{name}_error" in text.replace(f'id="id_{name}_error"', "")
    return found
