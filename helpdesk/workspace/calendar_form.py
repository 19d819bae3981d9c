"""What is typed on the page of a calendar: read, checked, kept.

Nothing typed is ever lost: it is kept as text, also as a draft, and becomes a definition only where all
of it can be read. A day is a date with a name and hours of its own; without hours it is closed.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import Any
from zoneinfo import available_timezones

from django.http import QueryDict
from django.utils.translation import gettext as _

from helpdesk.core.moments import full_date
from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.holidays import LONGEST_NAME
from helpdesk.sla.ics import MOST_DAYS
from helpdesk.sla.models import Calendar, CalendarVersion

WHOLE = ""  # where an error stands that belongs to no field
FIRST_YEAR, LAST_YEAR = 1900, 2199
LONGEST = {"name": 80, "note": 200}
_DASH = re.compile(r"\s*[-–—−~〜]\s*|\s+to\s+|から")
_BETWEEN = re.compile(r"\s*[,;、\n]\s*")
_TIME = re.compile(
    r"(\d{1,2})(?:\s*[:.h時]\s*(\d{2})?|(?<=\d\d)(\d{2}))?\s*分?\s*(am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE
)
_DATE = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})")


class Wrong(ValueError):
    """What was typed can't be read; the text says why, for the person."""


@lru_cache(maxsize=1)
def zone_names() -> dict[str, str]:
    """The names of the IANA database, by how people may write them."""
    return {name.casefold(): name for name in sorted(available_timezones())}


@dataclass(slots=True, kw_only=True)
class Day:
    """One row of the table of days."""

    day: str = ""
    name: str = ""
    hours: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.day or self.name or self.hours)

    @property
    def on(self) -> date | None:
        return _date_or_none(self.day)


@dataclass(slots=True, kw_only=True)
class Typed:
    """All that stands on the page, as text."""

    name: str = ""
    timezone: str = ""
    note: str = ""
    is_default: bool = False
    week: dict[str, list[list[str]]] = field(default_factory=lambda: {day: [] for day in DAY_NAMES})
    days: list[Day] = field(default_factory=list)
    based_on: int = 0  # the version that the changes began with

    @classmethod
    def of_post(cls, data: QueryDict) -> "Typed":
        def texts(name: str) -> list[str]:
            return [text.replace("\x00", "").strip() for text in data.getlist(name)]

        def text(name: str) -> str:
            return "".join(texts(name)[-1:])

        columns = zip_longest(texts("day-date"), texts("day-name"), texts("day-hours"), fillvalue="")
        rows = [Day(day=day, name=name, hours=hours) for day, name, hours in columns]
        removed = text("_remove")
        if removed.isdecimal() and len(removed) < 9:
            del rows[int(removed) : int(removed) + 1]
        week = {day: zip_longest(texts(f"{day}-from"), texts(f"{day}-to"), fillvalue="") for day in DAY_NAMES}
        based_on = text("based_on")
        return cls(
            name=text("name"),
            timezone=text("timezone"),
            note=text("note"),
            is_default="is_default" in data,
            week={day: [list(pair) for pair in pairs if any(pair)] for day, pairs in week.items()},
            days=_in_order(row for row in rows if not row.is_blank),
            based_on=int(based_on) if based_on.isdecimal() and len(based_on) < 9 else 0,
        )

    @classmethod
    def of_version(cls, version: CalendarVersion) -> "Typed":
        plan = Plan.of(version.definition, version.day_names)
        return cls(
            name=version.calendar.name,
            timezone=plan.timezone,
            week={day: [list(pair) for pair in plan.week[day]] for day in DAY_NAMES},
            days=[
                Day(day=day.isoformat(), name=name, hours=hours_text(hours)) for day, (hours, name) in plan.days.items()
            ],
            based_on=version.number,
        )

    @classmethod
    def of_draft(cls, draft: Mapping[str, Any]) -> "Typed":
        known = {name: draft[name] for name in cls.__slots__ if name in draft}
        return cls(**{**known, "days": [Day(**row) for row in draft.get("days", [])]})

    @classmethod
    def new(cls, zone: str) -> "Typed":
        """Where a new calendar begins: office hours, in the time zone of who makes it."""
        working = {day: [["09:00", "17:00"]] for day in DAY_NAMES[:5]}
        return cls(timezone=zone, week={day: working.get(day, []) for day in DAY_NAMES})

    def to_draft(self) -> dict[str, Any]:
        return asdict(self)

    def add_days(self, days: Mapping[date, str]) -> int:
        """Add named days where none of their dates stands yet, in order; how many were added."""
        there = {day for row in self.days if (day := row.on)}
        new = [Day(day=day.isoformat(), name=name) for day, name in days.items() if day not in there]
        self.days = _in_order([*self.days, *new])
        return len(new)


def _in_order(rows: Iterable[Day]) -> list[Day]:
    """By date, so that two rows of one date stand together; what is no date comes last."""
    return sorted(rows, key=lambda row: row.on or date.max)


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a definition says, without the ways of saying it: equal where the hours and names are."""

    timezone: str
    week: dict[str, Pairs]
    days: dict[date, tuple[Pairs, str]]  # in order; hours (none: closed) and name

    @classmethod
    def of(cls, definition: Mapping[str, Any], day_names: Mapping[str, str]) -> "Plan":
        days = {day: _pairs(hours) for day, hours in definition.get("special_days", {}).items()}
        days |= {day: () for day in definition.get("holidays", ())}  # a holiday wins over special hours
        weekly = definition.get("weekly", {})
        return cls(
            timezone=definition.get("timezone", ""),
            week={day: _pairs(weekly.get(day, ())) for day in DAY_NAMES},
            days={date.fromisoformat(day): (days[day], day_names.get(day, "")) for day in sorted(days)},
        )


@dataclass(slots=True)
class Checked:
    """What was typed, read: errors by field, and a definition where the hours and days can work."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    weekly: dict[str, list[list[str]]] = field(default_factory=dict)  # of the days that can be read
    definition: dict[str, Any] | None = None
    day_names: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan | None:
        return Plan.of(self.definition, self.day_names) if self.definition else None


def check(typed: Typed, *, calendar: Calendar | None) -> Checked:
    """Read what was typed. Each error stands with its field: `name`, `mon`, `day3`, `week` (all days), …"""
    errors: dict[str, list[str]] = defaultdict(list)
    zone = zone_names().get(typed.timezone.replace(" ", "_").casefold())
    if not zone:
        errors["timezone"].append(_not_a_zone(typed.timezone))
    weekly = {}
    for day in DAY_NAMES:
        try:
            weekly[day] = _intervals(typed.week[day])
        except Wrong as wrong:
            errors[day].append(str(wrong))
    if len(weekly) == len(DAY_NAMES) and not any(weekly.values()):
        errors["week"].append(_("This calendar never opens. Give at least one day of the week opening hours."))
    days = _check_days(typed.days, errors)
    works = not errors
    _check_texts(typed, calendar, errors)
    checked = Checked(errors=dict(errors), weekly=weekly)
    if works:
        definition = {
            "timezone": zone,
            "weekly": weekly,
            "holidays": [day for day, (_row, hours) in days.items() if not hours],
            "special_days": {day: hours for day, (_row, hours) in days.items() if hours},
        }
        checked.definition = BusinessCalendar.from_dict(definition).to_dict()
        checked.day_names = {day: row.name for day, (row, _hours) in days.items() if row.name}
    return checked


def _check_texts(typed: Typed, calendar: Calendar | None, errors: dict[str, list[str]]) -> None:
    if not typed.name:
        errors["name"].append(_("Give the calendar a name."))
    elif Calendar.objects.filter(name=typed.name).exclude(pk=calendar.pk if calendar else None).exists():
        errors["name"].append(_("Another calendar has this name already."))
    for name, limit in LONGEST.items():
        if len(getattr(typed, name)) > limit:
            errors[name].append(_too_long(limit, getattr(typed, name)))


def _too_long(limit: int, text: str) -> str:
    words = {"limit_value": limit, "show_value": len(text)}
    return _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it.") % words


def _not_a_zone(text: str) -> str:
    if not text:
        return _("Choose the time zone that the hours are meant in.")
    return _("“%(value)s” is not a time zone. Use a name such as Europe/Berlin.") % {"value": text}


def _check_days(rows: Iterable[Day], errors: dict[str, list[str]]) -> dict[str, tuple[Day, list[list[str]]]]:
    """The days by ISO date, with their hours."""
    days: dict[str, tuple[Day, list[list[str]]]] = {}
    count: Counter[str] = Counter()
    for index, row in enumerate(rows):
        wrong = errors[f"day{index}"]
        try:
            day = parse_date(row.day)
            count[day.isoformat()] += 1
            if count[day.isoformat()] == 2:
                wrong.append(_("%(day)s stands here twice. Remove one of the two.") % {"day": full_date(day)})
            days[day.isoformat()] = row, parse_hours(row.hours)
        except Wrong as problem:
            wrong.append(str(problem))
        if len(row.name) > LONGEST_NAME:
            wrong.append(_too_long(LONGEST_NAME, row.name))
        if not wrong:
            del errors[f"day{index}"]
    if len(days) > MOST_DAYS:
        errors["days"].append(
            _("A calendar holds %(count)d days at most. Remove those long past.") % {"count": MOST_DAYS}
        )
    return days


def parse_date(text: str) -> date:
    """A date as people write it, the year first; the day first where dots say so. Wrong otherwise."""
    if not text:
        raise Wrong(_("Give the date, or remove the row."))
    plain = unicodedata.normalize("NFKC", text).strip()
    if found := _DATE.fullmatch(plain):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DAY_FIRST.fullmatch(plain):
        day, month, year = (int(part) for part in found.groups())
    else:
        raise Wrong(_("“%(value)s” is not a date. Write year, month, day: 2026-12-25.") % {"value": text})
    try:
        read = date(year, month, day)
    except ValueError:
        raise Wrong(_("There is no such day as “%(value)s”.") % {"value": text}) from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise Wrong(_("Give a date of the years %(first)d to %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR})
    return read


def _date_or_none(text: str) -> date | None:
    try:
        return parse_date(text)
    except Wrong:
        return None


def parse_hours(text: str) -> list[list[str]]:
    """`09:00–12:30, 13:30–18:00` as pairs; none for an empty text. Wrong for what isn't hours."""
    pairs = []
    for part in _BETWEEN.split(unicodedata.normalize("NFKC", text).strip()) if text else ():
        ends = _DASH.split(part.strip())
        if len(ends) != 2:
            raise Wrong(_("“%(value)s” is not a time span. Write it like 09:00–12:30, 13:30–18:00.") % {"value": part})
        pairs.append(ends)
    return _intervals(pairs)


def _intervals(pairs: Iterable[Iterable[str]]) -> list[list[str]]:
    """Pairs of texts as intervals in order. Wrong, for the first thing that can't work."""
    spans = sorted(_span(*pair) for pair in pairs)
    for one, other in pairwise(spans):
        if other[0] < one[1]:
            words = {"one": "–".join(_written(one)), "other": "–".join(_written(other))}
            raise Wrong(_("%(one)s and %(other)s overlap. Each time can be open only once.") % words)
    return [_written(span) for span in spans]


def _span(begin: str, end: str) -> tuple[int, int]:
    if not begin or not end:
        raise Wrong(_("Give both the beginning and the end."))
    opens, closes = _minutes(begin), _minutes(end)
    if opens == closes:
        raise Wrong(
            _("%(time)s to %(time)s is no time at all. For the whole day write 00:00 to 24:00.") % {"time": begin}
        )
    if opens > closes:
        raise Wrong(
            _(
                "The end, %(end)s, comes before the beginning, %(begin)s. For hours across midnight "
                "end this day at 24:00 and begin the next one at 00:00."
            )
            % {"begin": begin, "end": end}
        )
    return opens, closes


def _minutes(text: str) -> int:
    """Minutes since midnight of a time as people write it: 9, 9:30, 0930, 9.30, 9h30, 9 pm, 9時30分."""
    found = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    hours, minutes, half = (
        (int(found[1]), int(found[2] or found[3] or 0), (found[4] or "")[:1].lower()) if found else (99, 0, "")
    )
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half == "p" else 0)
    elif half:
        hours = 99
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise Wrong(_("“%(value)s” is not a time. Write it like 09:00, from 00:00 to 24:00.") % {"value": text})
    return hours * 60 + minutes


def _written(span: tuple[int, int]) -> list[str]:
    return [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in span]


def _pairs(hours: Iterable[Iterable[str]]) -> Pairs:
    return tuple((begin, end) for begin, end in hours)


def hours_text(hours: Iterable[Iterable[str]]) -> str:
    """As the field takes it; empty when closed."""
    return ", ".join("–".join(pair) for pair in hours)
