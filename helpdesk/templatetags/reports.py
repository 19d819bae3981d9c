"""Tags of the report's templates: links to the tickets behind a number, durations, changes."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.urls import reverse

from helpdesk.core.durations import compact

register = template.Library()

# What a group without a key is called in an address.
_NO_KEY = {"specialist": "nobody", "cause": "none"}


@register.simple_tag(takes_context=True)
def drill(context: Context, dimension: str = "", key: Any = "", **also: Any) -> str:
    """Address of the tickets behind a number: the page's filters, a dimension's key, and what else narrows it."""
    parameters = {**context["address"], **also}
    if dimension == "team" and key is None:  # the team is a filter, and no filter has a word for none
        parameters["noteam"] = "yes"
    elif dimension:
        parameters[dimension] = key if key not in (None, "") else _NO_KEY[dimension]
    given = {name: str(value) for name, value in parameters.items() if value not in ("", None)}
    return f"{reverse('admin:breach_list')}?{urlencode(given)}"


@register.filter
def brief(duration: timedelta | None) -> str:
    """`45s`, `9m`, `2h 06m`, `2d 3h`; an en dash for none."""
    if duration is None:
        return "–"
    seconds = int(duration.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    return f"{seconds // 60}m" if seconds < 3600 else compact(seconds)


@register.filter
def per_cent(value: Decimal | None) -> str:
    """One decimal; an en dash where there is nothing to divide by."""
    return "–" if value is None else f"{value:.1f}"


@register.filter
def signed(value: Decimal | None) -> str:
    """`+0.2`, `−1.8`, `0.0`; an en dash for none."""
    if value is None:
        return "–"
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{abs(value):.1f}"


@register.filter
def count(value: int) -> str:
    """A count with a comma between the thousands."""
    return f"{value:,}"


@register.filter
def lookup(values: Mapping[str, int], key: str) -> int:
    return values.get(key, 0)


@register.filter
def minus(value: Any, other: Any) -> Any:
    """The difference, or None where one of the two is missing."""
    return None if value is None or other is None else value - other


@register.filter
def share_of(part: int, whole: int) -> int:
    """A whole per cent, cut; 0 of nothing."""
    return part * 100 // whole if whole else 0


@register.filter
def as_day(text: str | None) -> date | None:
    """The day of a signed record, which holds it as `2026-08-27`, to be written as the reader writes days."""
    return date.fromisoformat(text) if text else None
