"""What the buttons on the page of a calendar do. What is refused stands with its field, and nothing typed is lost."""

from dataclasses import dataclass
from datetime import date

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.core.moments import moment
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.sla import holidays, ics, versions
from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.sla.holidays import Found
from helpdesk.sla.models import Calendar
from helpdesk.tickets.services import Refused
from helpdesk.tickets.services.rollouts import start_rollout
from helpdesk.workspace import dry_runs
from helpdesk.workspace.calendar_desk import Desk, draft_mark
from helpdesk.workspace.calendar_form import WHOLE
from helpdesk.workspace.calendar_page import history, preview

NAME_ONCE = "helpdesk_calendar_name"  # how the name of the constraint begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    calendar: Calendar
    text: str


def save(desk: Desk) -> Done | None:
    """Put what is typed in force, as a new version."""
    if desk.errors or _draft_is_new(desk) or _late_is_new(desk):
        return None
    try:
        with transaction.atomic():
            return _create(desk) if desk.calendar is None else _change(desk, desk.calendar)
    except versions.Overtaken as overtaken:
        desk.look_again()
        desk.refuse(WHOLE, str(overtaken))
        newest = history(desk, {}, 1)[0]
        desk.refuse(WHOLE, _("What it changed: %(changes)s") % {"changes": "; ".join(newest["changes"]) or "–"})
    except IntegrityError as error:
        if not error.__cause__.diag.constraint_name.startswith(NAME_ONCE):
            raise
        desk.refuse("name", _("Another calendar has this name already."))
    return None


def _create(desk: Desk) -> Done:
    calendar = versions.create_calendar(
        name=desk.typed.name,
        definition=desk.checked.definition,
        day_names=desk.checked.day_names,
        note=desk.typed.note,
        is_default=desk.typed.is_default,
        actor=desk.reader,
        now=desk.now,
    )
    return Done(calendar=calendar, text=_("The calendar can be used from now on. Choose it on an account’s page."))


def _change(desk: Desk, calendar: Calendar) -> Done:
    texts = []
    if versions.describe_calendar(calendar=calendar, name=desk.typed.name, is_default=desk.typed.is_default):
        _log(desk, calendar)
        texts.append(_("The name and standing of the calendar are saved."))
    number = desk.current.number if desk.current else 0
    if desk.changes or desk.current is None:
        version = versions.publish_calendar(
            calendar=calendar,
            definition=desk.checked.definition,
            day_names=desk.checked.day_names,
            note=desk.typed.note,
            based_on=desk.typed.based_on,
            actor=desk.reader,
            now=desk.now,
        )
        number = version.number
        texts.append(_("Version %(number)d is in force for new tickets.") % {"number": number})
    if desk.move:
        reason = desk.typed.note or _("Version %(number)d") % {"number": number}
        start_rollout(calendar=calendar, reason=reason, actor=desk.reader, now=desk.now)
        texts.append(_("Open tickets are being moved to it, in the background."))
    return Done(calendar=calendar, text=" ".join(texts) or _("Nothing was different, so nothing was saved."))


def _log(desk: Desk, calendar: Calendar) -> None:
    """Who named it, or made it the standard: that is no part of a version, so the admin's own log keeps it."""
    changed = []
    if calendar.name != desk.typed.name:
        changed.append({"name": "name", "object": f"{calendar.name} → {desk.typed.name}", "fields": ["name"]})
    if desk.typed.is_default and not calendar.is_default:
        changed.append({"name": "calendar", "object": desk.typed.name, "fields": ["standard calendar"]})
    LogEntry.objects.log_actions(
        desk.reader.pk, [calendar], CHANGE, [{"changed": entry} for entry in changed], single_object=True
    )


def save_draft(desk: Desk) -> Done | None:
    """Keep what is typed as it is, right or wrong, for somebody to go on with."""
    if desk.calendar is None or _draft_is_new(desk):
        return None
    versions.save_calendar_draft(calendar=desk.calendar, draft=desk.typed.to_draft(), actor=desk.reader, now=desk.now)
    return Done(calendar=desk.calendar, text=_("The draft is saved. Nothing changes until you put it in force."))


def discard_draft(desk: Desk) -> Done | None:
    if desk.calendar is None or _draft_is_new(desk):
        return None
    versions.save_calendar_draft(calendar=desk.calendar, draft=None, actor=desk.reader, now=desk.now)
    return Done(calendar=desk.calendar, text=_("The draft is gone. This is the version in force."))


def _draft_is_new(desk: Desk) -> bool:
    """Whether somebody else has saved a draft that this person hasn't seen, and would throw away."""
    calendar, mark = desk.calendar, draft_mark(desk.calendar)
    if not mark or mark == desk.draft_seen or calendar.draft_by == desk.reader:
        return False
    desk.draft_seen = mark
    words = {"who": calendar.draft_by, "at": moment(calendar.draft_at, desk.now)}
    desk.refuse(WHOLE, _("%(who)s saved a draft at %(at)s. Save again, and it is thrown away.") % words)
    return True


def _late_is_new(desk: Desk) -> bool:
    """Whether moving open tickets would make more of them late than the person was told."""
    if not desk.move or desk.calendar is None:
        return False
    late, desk.counting = preview(desk).late, True
    if late <= desk.late_seen:
        return False
    text = ngettext(
        "%(count)d deadline would be late at once. Look at it, then save again.",
        "%(count)d deadlines would be late at once. Look at them, then save again.",
        late,
    )
    desk.refuse("move", text % {"count": late})
    return True


def try_out(desk: Desk, request: HttpRequest) -> DryRun | None:
    """Replay what is typed over past tickets; None: it is refused, beside its field."""
    if desk.calendar is None or desk.errors:
        return None
    try:
        return dry_runs.begin(
            request,
            now=desk.now,
            name=desk.typed.name,
            calendar=desk.calendar,
            definition=desk.checked.definition,
            typed=desk.typed.to_draft(),
            version=desk.next_number,
        )
    except Refused as refused:
        desk.refuse(WHOLE, str(refused))
        return None


def count(desk: Desk) -> None:
    desk.counting = True


def add_spare(desk: Desk, where: str) -> None:
    """One more pair of fields for a weekday, or more rows for days."""
    desk.spare = where if where in (*DAY_NAMES, "day") else ""


def add_national(desk: Desk) -> None:
    """Bring in the public holidays that were chosen; days that stand there already stay as they are."""
    years, country = desk.choice.years(), desk.choice.country
    if country not in dict(desk.choice.countries):
        desk.refuse("country", _("Choose a country."))
    elif years is None:
        desk.refuse("years", desk.choice.complaint())
    else:
        found = holidays.national(
            country=country, region=desk.choice.region, years=years, language=desk.choice.language
        )
        _bring_in(desk, found)


def add_file(desk: Desk, file: UploadedFile | None) -> None:
    """Bring in the whole days of an iCalendar file."""
    years = desk.choice.years()
    if file is None:
        desk.refuse("file", _("Choose a file first."))
    elif years is None:
        desk.refuse("years", desk.choice.complaint())
    elif file.size > ics.MOST_BYTES:
        desk.refuse("file", _REFUSED[ics.Reason.TOO_BIG]())
    else:
        try:
            found = ics.read(file.read(), first=date(years[0], 1, 1), last=date(years[-1], 12, 31))
        except ics.Refused as refused:
            desk.refuse("file", _REFUSED[refused.reason]())
        else:
            _bring_in(desk, found)


_REFUSED = {
    ics.Reason.TOO_BIG: lambda: _("The file is larger than 1 MB. A calendar of holidays is much smaller."),
    ics.Reason.NO_CALENDAR: lambda: _("This is no iCalendar file. Such files begin with BEGIN:VCALENDAR."),
    ics.Reason.TOO_MANY: lambda: (
        _("The file holds more than %(count)d days, or too many events. Take one of holidays only, or fewer years.")
        % {"count": ics.MOST_DAYS}
    ),
}


def _bring_in(desk: Desk, found: Found) -> None:
    added = desk.typed.add_days(found.days)
    desk.check()
    if added:
        text = ngettext("%(count)d day was added.", "%(count)d days were added.", added) % {"count": added}
        desk.notes.append(text + " " + _("Look through them, remove what isn’t wanted, then save."))
    else:
        desk.notes.append(_("No day was added."))
    known, left = len(found.days) - added, found.timed + found.otherwise
    if known:
        text = ngettext("%(count)d stood there already.", "%(count)d stood there already.", known)
        desk.notes.append(text % {"count": known})
    if left:
        text = ngettext(
            "%(count)d event was left out: it is not of whole days, or repeats in another way than each year.",
            "%(count)d events were left out: they are not of whole days, or repeat in another way than each year.",
            left,
        )
        desk.notes.append(text % {"count": left})
    if found.outside:
        text = ngettext("%(count)d event is of other years.", "%(count)d events are of other years.", found.outside)
        desk.notes.append(text % {"count": found.outside})
