"""One look at the page of a calendar: its versions, what is typed, and what was asked for."""

from dataclasses import dataclass, field
from datetime import datetime

from babel.core import get_global
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.sla import holidays
from helpdesk.sla.models import Calendar, CalendarVersion
from helpdesk.workspace.calendar_form import FIRST_YEAR, LAST_YEAR, WHOLE, Checked, Plan, Typed, check
from helpdesk.workspace.calendar_words import changes
from helpdesk.workspace.dry_runs import tried

MOST_YEARS_AT_ONCE = 10
MOST_VERSIONS = 200  # that are told; more than a calendar ever has


@dataclass(slots=True, kw_only=True)
class Choice:
    """What holidays to bring in: of which country and region, and of which years."""

    country: str
    region: str
    first: str
    last: str

    @classmethod
    def of(cls, data: QueryDict, *, zone: str, now: datetime) -> "Choice":
        """What was chosen; at first the country of the time zone, this year and the next."""
        year = timezone.localtime(now).year
        country = data.get("country", get_global("zone_territories").get(zone, ""))
        region = data.get("region", "")
        return cls(
            country=country,
            region=region if region in dict(holidays.regions(country)) else "",
            first=data.get("years-from", str(year)).strip(),
            last=data.get("years-to", str(year + 1)).strip(),
        )

    @property
    def language(self) -> str:
        return (get_language() or "en")[:2]

    @property
    def countries(self) -> list[tuple[str, str]]:
        return holidays.countries(self.language)

    @property
    def regions(self) -> list[tuple[str, str]]:
        return holidays.regions(self.country)

    def years(self) -> range | None:
        """The years; None where they can't be meant (see `complaint`)."""
        return None if self.complaint() else range(int(self.first), int(self.last) + 1)

    def complaint(self) -> str:
        """What is wrong with the years; empty when nothing is."""
        if not all(text.isdecimal() and len(text) == 4 for text in (self.first, self.last)):
            return _("Give the years in four digits.")
        first, last = int(self.first), int(self.last)
        if not FIRST_YEAR <= first <= LAST_YEAR or not FIRST_YEAR <= last <= LAST_YEAR:
            words = {"first": FIRST_YEAR, "last": LAST_YEAR}
            return _("Give a date of the years %(first)d to %(last)d.") % words
        if last < first:
            return _("The last year comes before the first one.")
        if last - first >= MOST_YEARS_AT_ONCE:
            return _("Take %(count)d years at a time at most.") % {"count": MOST_YEARS_AT_ONCE}
        return ""


def draft_mark(calendar: Calendar | None) -> str:
    """Tells one draft from another."""
    return calendar.draft_at.isoformat() if calendar and calendar.draft_at else ""


def plan_of(version: CalendarVersion) -> Plan:
    return Plan.of(version.definition, version.day_names)


@dataclass(slots=True, kw_only=True)
class Desk:
    """What a request is about."""

    calendar: Calendar | None  # None: a new one
    versions: list[CalendarVersion]  # the newest first
    typed: Typed
    choice: Choice
    now: datetime
    reader: User
    sent: str  # when the example's ticket is sent; empty: now
    move: bool  # open tickets too
    late_seen: int  # deadlines that the person was told would be late at once
    draft_seen: str  # the draft that the person has seen
    spare: str = ""  # where one more pair of fields, or row, is asked for
    counting: bool = False  # what would move, however long it takes
    notes: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    checked: Checked = field(default_factory=Checked)

    @classmethod
    def begin(cls, request: HttpRequest, calendar: Calendar | None) -> "Desk":
        now, data, is_sent = timezone.now(), request.POST, request.method == "POST"
        versions = _versions(calendar) if calendar else []
        typed = Typed.of_post(data) if is_sent else _opening(calendar, versions, request)
        late = data.get("late_seen", "")
        desk = cls(
            calendar=calendar,
            versions=versions,
            typed=typed,
            choice=Choice.of(data, zone=typed.timezone, now=now),
            now=now,
            reader=request.user,
            sent=data.get("sent", "").strip(),
            move="move" in data,
            late_seen=int(late) if late.isdecimal() and len(late) < 9 else 0,
            draft_seen=data.get("draft_seen", "") if is_sent else draft_mark(calendar),
        )
        desk.check()
        if not is_sent and calendar is None:
            desk.errors = {}  # nobody has been asked for anything yet
        return desk

    def check(self) -> None:
        """Read what is typed anew; errors of the last reading go."""
        self.checked = check(self.typed, calendar=self.calendar)
        self.errors = {name: list(rows) for name, rows in self.checked.errors.items()}

    def refuse(self, name: str, text: str) -> None:
        self.errors.setdefault(name, []).append(text)

    def look_again(self) -> None:
        """After somebody else was faster: what stands there now is what the next attempt begins with."""
        self.versions = _versions(self.calendar)
        self.typed.based_on = self.versions[0].number

    @property
    def whole(self) -> list[str]:
        """What is wrong with no field in particular."""
        return self.errors.get(WHOLE, [])

    @property
    def current(self) -> CalendarVersion | None:
        return next((row for row in self.versions if row.is_current), None)

    @property
    def next_number(self) -> int:
        return self.versions[0].number + 1 if self.versions else 1

    @property
    def changes(self) -> list[str]:
        """What would be different from the version in force."""
        if self.current is None or self.checked.plan is None:
            return []
        return changes(plan_of(self.current), self.checked.plan)


def _versions(calendar: Calendar) -> list[CalendarVersion]:
    return list(calendar.versions.select_related("calendar", "created_by").order_by("-number")[:MOST_VERSIONS])


def _opening(calendar: Calendar | None, versions: list[CalendarVersion], request: HttpRequest) -> Typed:
    """What the page shows at first: the draft, else the version in force; office hours for a new calendar.

    On the way back from a dry run, what was tried.
    """
    reader = request.user
    if calendar is None:
        return Typed.new(reader.time_zone)
    if run := tried(request, calendar=calendar):
        return Typed.of_draft(run.typed)
    if calendar.draft is not None:
        return Typed.of_draft(calendar.draft)
    current = next((row for row in versions if row.is_current), None)
    return Typed.of_version(current) if current else Typed.new(reader.time_zone)
