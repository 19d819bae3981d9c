"""The rows of the queue, ready to print.

A page holds fifty rows, but only a few different cells: each is made once from its template and used
again, so that a page of rows costs about what Django's own plain list does.
"""

from collections.abc import Iterable, Mapping
from string import Template
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from helpdesk.accounts.models import User
from helpdesk.accounts.presence import Present
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.faces import Face
from helpdesk.workspace.wording import instant

ROW = "admin/helpdesk/ticket/row/"
IDLE, BUSY = mark_safe(' class="is-idle"'), mark_safe("")  # noqa: S308 - constants


class Rows:
    """Makes the rows of one page for one person."""

    def __init__(self, *, user: User) -> None:
        self.user = user
        self._cells: dict[tuple[Any, ...], str] = {}

    def of(
        self,
        tickets: Iterable[Ticket],
        faces: Mapping[int, Face],
        around: Mapping[int, Iterable[Present]] | None = None,
    ) -> list[dict[str, Any]]:
        """`around`: who looks at each of them now; one's own screens are left out."""
        around = around or {}
        return [self._row(ticket, faces.get(ticket.pk), around.get(ticket.pk, ())) for ticket in tickets]

    def _row(self, ticket: Ticket, face: Face | None, around: Iterable[Present]) -> dict[str, Any]:
        return {
            "seen": [one for one in around if one.user_id != self.user.pk],
            "pk": str(ticket.pk),
            "idle": BUSY if face and face.runs else IDLE,
            "clock": self._clock(face) if face else self._no_clock(ticket),
            "lang": ticket.language,
            "subject": ticket.subject,
            "language": self._cell(f"{ROW}language.html", ticket, ticket.language),
            "role": self._cell("admin/_role.html", ticket, ticket.requester_role, role=ticket.requester_role),
            "account": ticket.account.name,
            "hub": ticket.hub.name.removesuffix(" Hub"),
            "channel": self._cell(f"{ROW}channel.html", ticket, ticket.channel),
            "severity": self._cell("admin/_severity.html", ticket, (ticket.claim, ticket.priority), dash=True),
            "status": self._cell(f"{ROW}status.html", ticket, ticket.status),
            "owner": self._cell(f"{ROW}owner.html", ticket, ticket.owner_id, user=self.user),
        }

    def _cell(self, template: str, ticket: Ticket, key: Any, **context: Any) -> str:
        """A cell that looks the same for every ticket with this `key`."""
        cell = self._cells.get((template, key))
        if cell is None:
            cell = self._cells[template, key] = render_to_string(template, {"ticket": ticket, **context})
        return cell

    def _clock(self, face: Face) -> SafeString:
        key = ("clock", face.state, face.clock.metric, face.clock.promise, face.runs)
        if key not in self._cells:
            self._cells[key] = render_to_string(f"{ROW}clock.html", {"face": face})
        figures = {
            "text": face.text,
            "percent": face.percent,
            "due": face.clock.due_at.isoformat() if face.runs else "",
            "soon": face.soon_at.isoformat() if face.runs else "",
        }
        return mark_safe(Template(self._cells[key]).substitute(figures))  # noqa: S308 - figures and times only

    def _no_clock(self, ticket: Ticket) -> SafeString:
        cell = self._cell(f"{ROW}no_clock.html", ticket, ticket.is_active)
        text = instant(ticket.closed_at) if ticket.closed_at else ""
        return mark_safe(Template(cell).substitute(text=text))  # noqa: S308 - a time only
