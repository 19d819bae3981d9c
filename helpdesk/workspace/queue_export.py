"""The list as a file: the same tickets in the same order as on the screen."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk.accounts.models import RequesterRole
from helpdesk.core.zones import zone_of
from helpdesk.reports.export import BOM, harmless
from helpdesk.tickets.models import Ticket

MOST_ROWS = 10_000
CHUNK = 500
RELATED = ("account", "hub", "owner", "team", "requester")


class ExportPages:
    """Of the ticket's admin: the queue as CSV."""

    ROUTES = [("export/", "export_view", "export")]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """At most 10,000 tickets of what the address shows as a list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        self.expand(request)
        tickets = self.export_list(request).queryset
        lines = csv_lines(tickets, zone=zone_of(request.user.time_zone), language=translation.get_language())
        name = f"tickets-{timezone.localtime():%Y-%m-%d-%H%M}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(_flow(lines), content_type="text/csv; charset=utf-8", headers=headers)


async def _flow(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces one at a time: an ASGI server would collect a plain iterator before it sends a byte."""
    while (piece := await sync_to_async(next)(pieces, None)) is not None:
        yield piece


def csv_lines(tickets: QuerySet[Ticket], *, zone: ZoneInfo, language: str | None) -> Iterator[str]:
    """The file, piece by piece. Which tickets and in which order is read once, so that none is there twice."""
    keys = list(tickets.values_list("pk", flat=True)[:MOST_ROWS])
    with translation.override(language):
        yield BOM + _written([_heading()])
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        found = Ticket.objects.select_related(*RELATED).prefetch_related("tags").in_bulk(chunk)
        with translation.override(language):
            piece = _written([_row(found[key], zone) for key in chunk if key in found])
        yield piece


def _heading() -> list[str]:
    return [
        _("Ticket"),
        _("Subject"),
        _("Account"),
        _("Requester"),
        _("E-mail"),
        _("Asked as"),
        _("Hub"),
        _("Channel"),
        _("Severity"),
        _("Priority"),
        _("Status"),
        _("Tags"),
        _("Language"),
        _("Team"),
        _("Owner"),
        _("Next deadline"),
        _("Opened"),
        _("Changed"),
        _("Closed"),
    ]


def _row(ticket: Ticket, zone: ZoneInfo) -> list[str]:
    words: list[Any] = [
        ticket.reference,
        ticket.subject,
        ticket.account.name,
        ticket.requester.full_name,
        ticket.requester.email,
        RequesterRole(ticket.requester_role).label,
        ticket.hub.name,
        ticket.get_channel_display(),
        ticket.get_claim_display() if ticket.claim else ticket.get_severity_display(),
        ticket.get_priority_display(),
        ticket.get_status_display(),
        ", ".join(tag.name for tag in ticket.tags.all()),
        ticket.language,
        ticket.team.name if ticket.team else "",
        ticket.owner.full_name if ticket.owner else "",
    ]
    times = (ticket.next_due_at, ticket.created_at, ticket.updated_at, ticket.closed_at)
    return [*(harmless(str(word)) for word in words), *(_time(at, zone) for at in times)]


def _time(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def _written(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
