"""Calendars in words and pictures: hours of a day, and what changed between two versions."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from helpdesk.core.moments import full_date
from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.workspace.calendar_form import Pairs, Plan, hours_text

ONE_BY_ONE = 3  # days that are told one by one; more of a kind are counted


def hours_words(hours: Iterable[Iterable[str]]) -> str:
    return hours_text(hours) or pgettext("opening hours", "closed")


def weekday(name: str) -> str:
    return capfirst(str(WEEKDAYS[DAY_NAMES.index(name)]))


def week_words(week: Mapping[str, Pairs]) -> list[str]:
    """`Monday to Thursday: 09:00–17:00`, for the days that are open."""
    by_hours: dict[Pairs, list[str]] = {}
    for day in DAY_NAMES:
        if week[day]:
            by_hours.setdefault(week[day], []).append(day)
    return [f"{_weekdays(days)}: {hours_text(hours)}" for hours, days in by_hours.items()]


def day_words(day: date, hours: Pairs, name: str) -> str:
    """`25 December 2026 (Christmas Day): closed`."""
    return f"{_named(day, name)}: {hours_words(hours)}"


def _named(day: date, name: str) -> str:
    return f"{full_date(day)} ({name})" if name else full_date(day)


def _weekdays(days: list[str]) -> str:
    places = [DAY_NAMES.index(day) for day in days]
    if len(days) > 2 and places == list(range(places[0], places[-1] + 1)):
        return _("%(first)s to %(last)s") % {"first": weekday(days[0]), "last": weekday(days[-1])}
    return ", ".join(weekday(day) for day in days)


def changes(before: Plan, after: Plan) -> list[str]:
    """What is different, in sentences; empty when nothing is."""
    rows = []
    if before.timezone != after.timezone:
        rows.append(_("Time zone: %(before)s → %(after)s") % {"before": before.timezone, "after": after.timezone})
    return [*rows, *_week_changes(before.week, after.week), *_day_changes(before.days, after.days)]


def _week_changes(before: Mapping[str, Pairs], after: Mapping[str, Pairs]) -> list[str]:
    by_change: dict[tuple[Pairs, Pairs], list[str]] = {}
    for day in DAY_NAMES:
        if before[day] != after[day]:
            by_change.setdefault((before[day], after[day]), []).append(day)
    return [f"{_weekdays(days)}: {hours_words(old)} → {hours_words(new)}" for (old, new), days in by_change.items()]


Days = Mapping[date, tuple[Pairs, str]]


def _day_changes(before: Days, after: Days) -> list[str]:
    both = [day for day in after if day in before]
    return [
        *_told(
            [day for day in after if day not in before],
            lambda day: _("New: %(day)s") % {"day": day_words(day, *after[day])},
            lambda count: ngettext("%(count)d day added", "%(count)d days added", count),
        ),
        *_told(
            [day for day in before if day not in after],
            lambda day: _("%(day)s: as any other day") % {"day": _named(day, before[day][1])},
            lambda count: ngettext("%(count)d day removed", "%(count)d days removed", count),
        ),
        *_told(
            [day for day in both if before[day][0] != after[day][0]],
            lambda day: f"{_named(day, after[day][1])}: {hours_words(before[day][0])} → {hours_words(after[day][0])}",
            lambda count: ngettext("hours of %(count)d day changed", "hours of %(count)d days changed", count),
        ),
        *_told(
            [day for day in both if before[day][0] == after[day][0] and before[day][1] != after[day][1]],
            lambda day: f"{full_date(day)}: {before[day][1] or '–'} → {after[day][1] or '–'}",
            lambda count: ngettext("%(count)d day renamed", "%(count)d days renamed", count),
        ),
    ]


def _told(days: list[date], one: Callable[[date], str], many: Callable[[int], str]) -> list[str]:
    if len(days) <= ONE_BY_ONE:
        return [one(day) for day in days]
    span = {"first": full_date(days[0]), "last": full_date(days[-1])}
    return [capfirst(many(len(days)) % {"count": len(days)}) + ": " + _("%(first)s to %(last)s") % span]


def strip(pairs: Iterable[Iterable[str]]) -> SafeString:
    """A day as a bar from midnight to midnight, what is open filled; the fields beside it say the same."""
    spans = [tuple(_minutes(text) / 14.4 for text in pair) for pair in pairs]
    return format_html(
        '<svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="c" width="100" height="14"/>{}</svg>',
        format_html_join(
            "",
            '<rect class="o" x="{}" width="{}" height="14"/>',
            ((f"{begin:.2f}", f"{end - begin:.2f}") for begin, end in spans),
        ),
    )


def _minutes(text: Any) -> int:
    return int(text[:2]) * 60 + int(text[3:5])
