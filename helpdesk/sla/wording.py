"""Calendars in words."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from helpdesk.core import moments
from helpdesk.sla.calendar import DAY_NAMES


def business_hours(definition: Mapping[str, Any]) -> str:
    """A calendar in words: `Monday to Friday, 09:00 to 18:00, Berlin time`; of special days only, the zone."""
    weekly = definition.get("weekly", {})
    runs = []
    for hours, days in groupby(range(7), key=lambda day: weekly.get(DAY_NAMES[day], [])):
        if hours:
            runs.append(f"{_days(list(days))}, {_hours(hours)}")
    city = moments.city(definition["timezone"])
    zone = city if city == "UTC" else _("%(city)s time") % {"city": city}
    return f"{'; '.join(runs)}, {zone}" if runs else zone


def _days(days: list[int]) -> str:
    if len(days) == 1:
        return str(WEEKDAYS[days[0]])
    return _("%(first)s to %(last)s") % {"first": WEEKDAYS[days[0]], "last": WEEKDAYS[days[-1]]}


def _hours(intervals: list[list[str]]) -> str:
    return ", ".join(_("%(first)s to %(last)s") % {"first": begin, "last": end} for begin, end in intervals)
