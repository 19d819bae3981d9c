"""Days out of an iCalendar file, with their names (SPEC 2.2). Pure, and without trust.

A file may be of any size, charset and intent. Of each event only the few properties below are read, and
only what stands for whole days counts; of the rules that repeat an event yearly ones alone, within a budget.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from icalendar import Event

from helpdesk.sla.holidays import Found, clean_name

MOST_BYTES = 1_000_000
MOST_DAYS = 2_000
MOST_EVENTS = 5_000
MOST_LOOKS = 1_500_000  # days that all events of a file together are worked out for: seconds at most
MOST_TIMES = 1_000  # that a rule says it repeats
DAY = timedelta(days=1)

_PROPERTIES = {
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "UID",
    "SUMMARY",
    "STATUS",
}
_FOLD = re.compile(r"\r?\n[ \t]")
_FOLD_BYTES = re.compile(rb"\r?\n[ \t]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"([A-Z-]+)((?:;[A-Z-]+=(?:\"[^\"]*\"|[^\";:])*)*):(.*)", re.IGNORECASE)
_RULE = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY", "BYSETPOS"}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class Reason(StrEnum):
    """Why a file is refused as a whole."""

    TOO_BIG = "too_big"
    NO_CALENDAR = "no_calendar"
    TOO_MANY = "too_many"


class Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def read(raw: bytes, *, first: date, last: date) -> Found:
    """The whole days from first to last that a file's events stand for. `Refused` for one that is no use at all."""
    if len(raw) > MOST_BYTES:
        raise Refused(Reason.TOO_BIG)
    text = _decoded(raw)
    if "BEGIN:VCALENDAR" not in text.upper():
        raise Refused(Reason.NO_CALENDAR)
    return _Reading(first, last).read([_event(lines) for lines in _events(text)])


def _decoded(raw: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else what the bytes can be: UTF-8, the Japanese charsets, Windows'."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _FOLD.sub("", raw.decode("utf-16", "replace"))
    raw = _FOLD_BYTES.sub(b"", raw.removeprefix(b"\xef\xbb\xbf"))  # a fold may cut a letter of several bytes
    if b"\x1b$" in raw:
        return raw.decode("iso2022_jp", "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
    # Bytes of western text can look like Japanese ones, but not like whole words of them.
    foreign = re.findall(r"[^\x00-\x7f]+", text)
    is_japanese = all(len(run) > 1 for run in foreign) and not re.search(r"[\uff61-\uff9f\ue000-\uf8ff]", text)
    return text if is_japanese else raw.decode("cp1252", "replace")


def _events(text: str) -> Iterator[list[str]]:
    """The lines of each event that are read; what is nested in it (alarms) is left out."""
    lines: list[str] | None = None
    depth = count = 0
    for line in _LINE_END.split(text):
        word = line.strip().upper()
        if lines is None:
            lines = [] if word == "BEGIN:VEVENT" else None
        elif word == "END:VEVENT" and not depth:
            count += 1
            if count > MOST_EVENTS:
                raise Refused(Reason.TOO_MANY)
            yield lines
            lines = None
        elif word.startswith("BEGIN:"):
            depth += 1
        elif word.startswith("END:"):
            depth = max(0, depth - 1)
        elif not depth and (found := _LINE.fullmatch(line)) and found[1].upper() in _PROPERTIES:
            # Of the parameters only this one matters: where whole days are told by the clock, any zone's will do.
            kind = ";VALUE=DATE" if ";VALUE=DATE;" in f"{found[2].upper()};" else ""
            lines.append(f"{found[1]}{kind}:{found[3]}")


def _event(lines: list[str]) -> Event | None:
    try:
        return Event.from_ical("\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""]))
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Yearly:
    """A yearly rule: the days of a year that fit each of its parts; empty parts fit all (RFC 5545, 3.3.10)."""

    interval: int
    count: int | None
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    weekdays: frozenset[tuple[int, int]]  # (which of the month or year, or 0 for each; weekday)
    places: frozenset[int]  # of the days found in a year, those at these places

    @classmethod
    def of(cls, rule: Any, begin: date) -> "_Yearly | None":
        """None for a rule that isn't yearly, or has parts that no holiday needs; ValueError for a broken one."""
        if [str(value).upper() for value in rule.get("FREQ", [])] != ["YEARLY"] or rule.keys() - _RULE:
            return None

        def numbers(name: str) -> list[int]:
            return [int(value) for value in rule.get(name, [])]

        yearly = cls(
            interval=min(numbers("INTERVAL"), default=1),
            count=min(numbers("COUNT"), default=None),
            months=frozenset(numbers("BYMONTH")),
            month_days=frozenset(numbers("BYMONTHDAY")),
            year_days=frozenset(numbers("BYYEARDAY")),
            weekdays=frozenset(_weekday(str(value)) for value in rule.get("BYDAY", [])),
            places=frozenset(numbers("BYSETPOS")),
        )
        if not yearly.months <= set(range(1, 13)):
            raise ValueError("a year has twelve months")
        if yearly.interval < 1 or (yearly.count is not None and not 0 < yearly.count <= MOST_TIMES):
            raise ValueError("a rule repeats at least once")
        if yearly.month_days or yearly.year_days or yearly.weekdays:
            return yearly
        months = yearly.months or frozenset([begin.month])
        return replace(yearly, months=months, month_days=frozenset([begin.day]))

    def days(self, year: int) -> list[date]:
        days = [day for month in sorted(self.months or range(1, 13)) for day in self._of_month(year, month)]
        return [
            day for place, day in enumerate(days) if not self.places or {place + 1, place - len(days)} & self.places
        ]

    def _of_month(self, year: int, month: int) -> Iterator[date]:
        last, whole = monthrange(year, month)[1], 366 if isleap(year) else 365
        before = date(year, month, 1).timetuple().tm_yday - 1
        for number in range(1, last + 1):
            in_year = before + number
            place, length = (number, last) if self.months else (in_year, whole)
            if (
                (not self.month_days or {number, number - last - 1} & self.month_days)
                and (not self.year_days or {in_year, in_year - whole - 1} & self.year_days)
                and (not self.weekdays or self._falls(date(year, month, number).weekday(), place, length))
            ):
                yield date(year, month, number)

    def _falls(self, weekday: int, place: int, length: int) -> bool:
        """Whether a day, at its place in the month or year, is one of the weekdays named."""
        which = (0, (place - 1) // 7 + 1, -((length - place) // 7 + 1))
        return any((each, weekday) in self.weekdays for each in which)


def _weekday(text: str) -> tuple[int, int]:
    found = _BYDAY.fullmatch(text.upper())
    if not found:
        raise ValueError(f"{text!r} is not a weekday")
    return int(found[1] or 0), _WEEKDAYS.index(found[2])


@dataclass(slots=True)
class _Reading:
    first: date
    last: date
    budget: int = MOST_LOOKS
    days: dict[date, str] = field(default_factory=dict)

    def read(self, events: list[Event | None]) -> Found:
        found = Found(self.days)
        moved = {
            (str(event.get("UID", "")), day) for event in events if event and (day := _day(event, "RECURRENCE-ID"))
        }
        for event in events:
            span = _span(event) if event else None
            if span is None:
                found.timed += 1
            elif str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            elif (starts := self.starts(event, span[0], moved)) is None:
                found.otherwise += 1
            else:
                found.outside += not self.take(starts, span[1], clean_name(_text(event, "SUMMARY")))
        found.days = dict(sorted(self.days.items()))
        return found

    def starts(self, event: Event, begin: date, moved: set[tuple[str, date]]) -> set[date] | None:
        """The days on which an event begins; None when it repeats in another way than yearly."""
        starts = {begin}
        if "RRULE" in event:
            repeated = self.repeated(event["RRULE"], begin, span=_span(event)[1])
            if repeated is None:
                return None
            starts |= repeated
        starts |= set(_dates(event, "RDATE"))
        if "RECURRENCE-ID" in event:
            return starts
        uid = str(event.get("UID", ""))
        return {day for day in starts - set(_dates(event, "EXDATE")) if (uid, day) not in moved}

    def repeated(self, rule: Any, begin: date, *, span: int) -> set[date] | None:
        """The starts that a yearly rule gives within the days wanted (and a span before them)."""
        try:
            yearly = _Yearly.of(rule, begin)
            until = min([self.last, *(_as_date(value) for value in rule.get("UNTIL", []))])
        except (AttributeError, TypeError, ValueError):
            return None
        if yearly is None:
            return None
        # Without a count the years before those wanted need not be worked out.
        oldest = date.fromordinal(max(1, self.first.toordinal() - span + 1))
        skipped = 0 if yearly.count else max(0, oldest.year - begin.year)
        years = range(begin.year + skipped // yearly.interval * yearly.interval, until.year + 1, yearly.interval)
        self.spend(366 * len(years))
        starts = (day for year in years for day in yearly.days(year) if begin <= day)
        return {day for day in islice(starts, yearly.count) if day <= until}

    def spend(self, looks: int) -> None:
        self.budget -= looks
        if self.budget < 0:
            raise Refused(Reason.TOO_MANY)

    def take(self, starts: Iterable[date], length: int, name: str) -> bool:
        """Write down the days wanted; False when there are none."""
        taken = False
        for start in starts:
            begin = max(start, self.first)
            end = min(start.toordinal() + length - 1, self.last.toordinal())
            self.spend(max(1, end - begin.toordinal() + 1))
            for ordinal in range(begin.toordinal(), end + 1):
                taken = True
                self.name(date.fromordinal(ordinal), name)
        return taken

    def name(self, day: date, name: str) -> None:
        names = self.days.get(day, "")
        if name and name not in names:
            names = clean_name(f"{names}; {name}" if names else name)
        self.days[day] = names
        if len(self.days) > MOST_DAYS:
            raise Refused(Reason.TOO_MANY)


def _one(event: Event, name: str) -> Any:
    """A property's value; the first where it stands more than once; None where it cannot be read."""
    value = event.get(name)
    return _read(value[0] if isinstance(value, list) else value, "dt")


def _read(value: Any, what: str) -> Any:
    try:
        return getattr(value, what, None)
    except ValueError:  # icalendar keeps a broken property, and says so when it is asked
        return None


def _text(event: Event, name: str) -> str:
    value = event.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _as_date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _day(event: Event, name: str) -> date | None:
    value = _one(event, name)
    return _as_date(value) if isinstance(value, date) else None


def _dates(event: Event, name: str) -> Iterator[date]:
    values = event.get(name, [])
    for value in values if isinstance(values, list) else [values]:
        for entry in _read(value, "dts") or ():
            if isinstance(entry.dt, date):
                yield _as_date(entry.dt)


def _span(event: Event) -> tuple[date, int] | None:
    """First day and number of days of an event of whole days, from midnight to midnight; None for others."""
    begin, end, length = _one(event, "DTSTART"), _one(event, "DTEND"), _one(event, "DURATION")
    if not isinstance(begin, date):
        return None
    if isinstance(length, timedelta):
        whole = length
    elif isinstance(end, date) and isinstance(end, datetime) == isinstance(begin, datetime):
        whole = _wall(end) - _wall(begin)
    elif isinstance(begin, datetime):
        return None
    else:
        whole = DAY
    if isinstance(begin, datetime) and (begin.time() != time() or whole < DAY or whole % DAY):
        return None
    return _as_date(begin), max(1, whole // DAY)


def _wall(at: date | datetime) -> datetime:
    """What the clock on the wall shows, whatever the zone."""
    return at.replace(tzinfo=UTC) if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
