"""A ticket's whole history, for an audit: every event of it and of its clocks, with who, before, after and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.sla.models import ClockEvent, ExceptionCode
from helpdesk.tickets.explained import reason_words
from helpdesk.tickets.models import Priority, Status, Ticket, TicketEvent
from helpdesk.workspace.conversation import Conversation
from helpdesk.workspace.organise_words import shown_value
from helpdesk.workspace.wording import clock_line, instant, ticket_line

IN_RAIL = 8
ON_PAGE = 200
OWNED, STANDS, PRESSES = (
    (TicketEvent.Kind.ASSIGNED,),
    (TicketEvent.Kind.STATUS, TicketEvent.Kind.REOPENED),
    (TicketEvent.Kind.PRIORITY,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event. `by` is empty when the system acted; `kind` says whether it is of the ticket or of a clock."""

    at: datetime
    text: str
    by: str
    is_clock: bool
    before: str = ""
    after: str = ""
    reason: str = ""


class HistoryPage:
    """For the ticket's admin: `<ticket>/history/`, under the name that Django gives it."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket = self.find(request, object_id)
        page = int(text) if (text := request.GET.get("page", "")).isdecimal() and len(text) < 5 else 1
        rows, more = history(ticket, page=max(page, 1))
        context = {"rows": rows, "newer": page - 1 if page > 1 else 0, "older": page + 1 if more else 0}
        return self.organise_page(request, ticket, "history", _("History"), context)


def history(ticket: Ticket, *, page: int = 1) -> tuple[list[Row], bool]:
    """A page of it, the newest first, and whether there is more. Four queries."""
    until = page * ON_PAGE + 1
    events = list(ticket.events.select_related("actor").order_by("-at", "-id")[:until])
    ticked = ClockEvent.objects.filter(clock__ticket=ticket).select_related("actor", "clock").order_by("-at", "-id")
    codes = {row.code: str(row) for row in ExceptionCode.objects.all()}
    names = _names(events)
    rows = [_ticket_row(event, codes, names) for event in events]
    rows += _clock_rows(list(ticked[:until]), codes)
    rows.sort(key=lambda row: row.at, reverse=True)
    start = (page - 1) * ON_PAGE
    return rows[start : start + ON_PAGE], len(rows) > start + ON_PAGE


def _names(events: Iterable[TicketEvent]) -> Mapping[int, str]:
    """The people that events name by their id."""
    ids = {event.data.get(name) for event in events if event.kind in OWNED for name in ("before", "after")}
    return dict(User.objects.filter(pk__in=ids - {None}).values_list("pk", "full_name"))


def _ticket_row(event: TicketEvent, codes: Mapping[str, str], names: Mapping[int, str]) -> Row:
    line, data = ticket_line(event, codes), event.data
    labels: Mapping[Any, Any] = {}
    if event.kind in OWNED:
        labels = {**names, None: _("nobody")}
    elif event.kind in STANDS:
        labels = dict(Status.choices)
    elif event.kind in PRESSES:
        labels = dict(Priority.choices)
    before, after = (_shown(data[name], labels) if name in data else "" for name in ("before", "after"))
    reason = str(data.get("reason") or data.get("note") or data.get("text") or "")
    has_columns = (before or after) and event.kind not in OWNED
    text = event.get_kind_display() if has_columns else line.text.removesuffix(reason).rstrip(": ")
    return Row(at=event.at, text=text, by=line.by, is_clock=False, before=before, after=after, reason=reason)


def _clock_rows(newest_first: list[ClockEvent], codes: Mapping[str, str]) -> list[Row]:
    """With the deadline before and after, where an event moved it."""
    due: dict[int, str] = {}
    rows = []
    for event in reversed(newest_first):
        line, reason = clock_line(event, codes), event.data.get("reason", "")
        new = instant(event.data["due_at"]) if event.data.get("due_at") else ""
        old = due.get(event.clock_id, "") if new else ""
        due[event.clock_id] = new or due.get(event.clock_id, "")
        moved = bool(old) and old != new
        why = codes.get(reason) or reason_words(reason) if reason else ""
        before, after = (old, new) if moved else ("", "")
        rows.append(Row(at=event.at, text=line.text, by=line.by, is_clock=True, before=before, after=after, reason=why))
    return rows[::-1]


def _shown(value: Any, labels: Mapping[Any, Any]) -> str:
    if isinstance(value, dict):  # the fields of a form, by their codes
        return ", ".join(f"{code}: {shown_value(one)}" for code, one in value.items())
    return str(labels.get(value, shown_value(value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """A line of the rail."""

    at: datetime
    text: str
    by: str


def latest(talk: Conversation) -> list[Latest]:
    """The last few, of what the page has read for its conversation already."""
    lines: list[Latest] = []
    for entry in reversed(talk.entries):
        if entry.message is not None:
            author = entry.message.author.full_name if entry.message.author else ""
            lines.append(Latest(at=entry.message.created_at, text=entry.message.get_kind_display(), by=author))
        else:
            lines += [Latest(at=line.at, text=line.text, by=line.by) for line in reversed(entry.lines)]
        if len(lines) >= IN_RAIL:
            break
    return lines[:IN_RAIL]
