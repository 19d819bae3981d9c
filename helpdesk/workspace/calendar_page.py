"""What the page of a calendar shows beside the fields: an example, what would move, versions."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account
from helpdesk.core.durations import target_words
from helpdesk.core.moments import moment
from helpdesk.core.zones import zone_of
from helpdesk.sla.calendar import DAY_NAMES, BusinessCalendar
from helpdesk.sla.models import Calendar, CalendarVersion, Clock, Rollout
from helpdesk.sla.target import Target
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services.rollouts import Preview, preview_calendar
from helpdesk.workspace.calendar_desk import Desk, draft_mark, plan_of
from helpdesk.workspace.calendar_form import zone_names
from helpdesk.workspace.calendar_words import changes, day_words, strip, week_words, weekday

EXAMPLES = (Target(business_days=1), Target(seconds=4 * 3600))
MOST_WHILE_TYPING = 2_000  # open deadlines that are reckoned anew at each change; more only when asked
VERSIONS_BESIDE = 4


def page_context(desk: Desk) -> dict[str, Any]:
    open_on = open_deadlines(desk.calendar)
    return {
        "desk": desk,
        "zones": zone_names().values(),
        "week": list(_week(desk)),
        "years": list(_years(desk)),
        "spare_rows": _spare_rows(desk),
        "example": _example(desk),
        "moving": _moving(desk, open_on),
        "history": history(desk, open_on, VERSIONS_BESIDE),
        "open_now": sum(open_on.values()),
        "rollout": _rollout(desk.calendar),
        "accounts": _accounts(desk.calendar),
        "draft_mark": draft_mark(desk.calendar),
        "faults": list(_faults(desk)),
    }


def open_deadlines(calendar: Calendar | None) -> dict[int, int]:
    """How many open deadlines run on each version."""
    if calendar is None:
        return {}
    clocks = Clock.objects.open().filter(calendar_version__calendar=calendar)
    return dict(clocks.values_list("calendar_version").annotate(count=Count("pk")))


def history(desk: Desk, open_on: dict[int, int], most: int) -> list[dict[str, Any]]:
    """Versions, the newest first: what each changed, and how many open deadlines run on it."""
    plans = [plan_of(version) for version in desk.versions[: most + 1]]
    return [
        {
            "version": version,
            "changes": changes(before, plan) if before else [_("First version")],
            "open": open_on.get(version.pk, 0),
            "timezone": plan.timezone,
            "week": week_words(plan.week),
            "days": [day_words(day, *plan.days[day]) for day in plan.days],
        }
        for version, plan, before in zip(desk.versions[:most], plans, [*plans[1:], None], strict=False)
    ]


def preview(desk: Desk) -> Preview:
    """What would become of the open deadlines. Needs a definition that works."""
    return preview_calendar(calendar=desk.calendar, definition=desk.checked.definition, now=desk.now)


def _week(desk: Desk) -> Iterator[dict[str, Any]]:
    for day in DAY_NAMES:
        pairs = desk.typed.week[day]
        yield {
            "key": day,
            "label": weekday(day),
            "pairs": [*pairs, ["", ""]] if desk.spare == day else pairs,
            "errors": desk.errors.get(day, []),
            "strip": strip(desk.checked.weekly.get(day, [])),
        }


def _years(desk: Desk) -> Iterator[dict[str, Any]]:
    """The rows of days by year. This year stands open, others where something wants to be seen."""
    known = plan_of(desk.current).days if desk.current else None
    groups: dict[int | None, list[dict[str, Any]]] = {}
    for index, row in enumerate(desk.typed.days):
        wrong = desk.errors.get(f"day{index}", [])
        entry = {"index": index, "row": row, "errors": wrong, "error_id": f"id_day{index}"}
        entry["is_new"] = known is not None and row.on is not None and row.on not in known
        groups.setdefault(row.on.year if row.on else None, []).append(entry)
    this_year = timezone.localdate(desk.now).year
    for year, rows in groups.items():
        stands_out = any(entry["errors"] or entry["is_new"] for entry in rows)
        yield {"year": year, "rows": rows, "open": stands_out or year in (None, this_year)}


def _spare_rows(desk: Desk) -> range:
    """Numbers of the empty rows under the others."""
    first = len(desk.typed.days)
    return range(first, first + (3 if desk.spare == "day" else 1))


def _example(desk: Desk) -> dict[str, Any] | None:
    """Deadlines of one ticket by the hours in force and by those typed; None while those don't work."""
    if desk.checked.definition is None:
        return None
    zone = zone_of(desk.checked.definition["timezone"])
    try:
        sent = datetime.fromisoformat(desk.sent).replace(tzinfo=zone) if desk.sent else desk.now
    except ValueError:
        sent = desk.now
        desk.refuse("sent", _("Write the day and the time: 2026-12-24 09:00."))
    typed, in_force = BusinessCalendar.from_dict(desk.checked.definition), _hours(desk.current)
    with timezone.override(zone):
        rows = []
        for target in EXAMPLES:
            due, before = _due(typed, target, sent), _due(in_force, target, sent)
            rows.append(
                {
                    "target": target_words(seconds=target.seconds, business_days=target.business_days),
                    "due": moment(due, sent) if due else "–",
                    "before": moment(before, sent) if before and before != due else "",
                    "is_sooner": bool(due and before and due < before),
                }
            )
        return {"sent": moment(sent, desk.now), "rows": rows, "zone": str(zone)}


def _hours(version: CalendarVersion | None) -> BusinessCalendar | None:
    try:
        return version.hours if version else None
    except ValueError:  # its time zone left the data, say: then there is nothing to compare with
        return None


def _due(hours: BusinessCalendar | None, target: Target, sent: datetime) -> datetime | None:
    try:
        return target.due(hours, sent) if hours else None
    except OverflowError:  # not in any year that calendars answer for
        return None


def _moving(desk: Desk, open_on: dict[int, int]) -> dict[str, Any] | None:
    """What would become of the open deadlines; None where none would be looked at."""
    total = sum(open_on.values())
    behind = total - (open_on.get(desk.current.pk, 0) if desk.current else 0)
    if desk.checked.definition is None or not total or not (behind or desk.changes):
        return None
    if total > MOST_WHILE_TYPING and not desk.counting:
        return {"total": total, "preview": None}
    found = preview(desk)
    late = Ticket.objects.visible_to(desk.reader).filter(pk__in=[row.pk for row in found.late_tickets])
    return {"total": total, "preview": found, "late_tickets": list(late.order_by("next_due_at", "pk"))}


def _rollout(calendar: Calendar | None) -> Rollout | None:
    """Open tickets that are being moved just now."""
    if calendar is None:
        return None
    return calendar.rollouts.filter(state__in=Rollout.State.unfinished()).order_by("-pk").first()


def _accounts(calendar: Calendar | None) -> int:
    """How many accounts count their aims in these hours."""
    if calendar is None:
        return 0
    own = Account.objects.filter(calendar=calendar)
    return (own | Account.objects.filter(calendar=None) if calendar.is_default else own).count()


def _faults(desk: Desk) -> Iterator[tuple[str, str]]:
    """What has to be corrected, each with the field that it stands beside."""
    labels = {"name": _("Name"), "timezone": _("Time zone"), "week": _("Weekly hours"), "note": _("What changed")}
    labels |= {day: weekday(day) for day in DAY_NAMES} | {"days": _("Holidays and special days")}
    labels |= {f"day{index}": row.day or _("Day") for index, row in enumerate(desk.typed.days)}
    for name, texts in desk.errors.items():
        if name in labels:
            yield labels[name], texts[0]
