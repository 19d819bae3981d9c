"""The rows of the queue, ready to print.

A page holds fifty rows, but only a few different cells: each is made once from its template and used
again, so that a page of rows costs about what Django's own plain list does.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from string import Template
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from helpdesk.accounts.models import User
from helpdesk.accounts.presence import Present
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.faces import Face
from helpdesk.workspace.queue_columns import Column
from helpdesk.workspace.wording import instant

ROW = "admin/helpdesk/ticket/row/"
LIST = "admin:helpdesk_ticket_changelist"
LANGUAGES = dict(User._meta.get_field("language").choices)


class Rows:
    """Makes the rows of one page for one person: the columns that they chose, news in bold.

    `read_at`: when the person last had each ticket open. Unread is what changed since, and what they own
    without ever having opened it.
    """

    def __init__(
        self,
        *,
        user: User,
        columns: Iterable[Column],
        read_at: Mapping[int, datetime],
        carried: str = "",
        ticked: Container[int] = (),
    ) -> None:
        self.user, self.read_at, self.carried, self.ticked = user, read_at, carried, ticked
        self.columns = [column.key for column in columns]
        self._cells: dict[tuple[Any, ...], Any] = {}

    def of(
        self,
        tickets: Iterable[Ticket],
        faces: Mapping[int, Face],
        around: Mapping[int, Iterable[Present]] | None = None,
    ) -> list[SafeString]:
        """`around`: who looks at each of them now; one's own screens are left out."""
        around = around or {}
        return [self._row(ticket, faces.get(ticket.pk), around.get(ticket.pk, ())) for ticket in tickets]

    def _row(self, ticket: Ticket, face: Face | None, around: Iterable[Present]) -> SafeString:
        seen = [one for one in around if one.user_id != self.user.pk]
        figures = {
            "pk": str(ticket.pk),
            "clock": self._clock(face) if face else self._no_clock(ticket),
            "lang": escape(ticket.language),
            "subject": escape(ticket.subject),
            "language": self._cell(f"{ROW}language.html", ticket, ticket.language),
            "seen": render_to_string(f"{ROW}seen.html", {"seen": seen}) if seen else "",
        }
        cells = {f"c_{key}": conditional_escape(getattr(self, f"_{key}")(ticket)) for key in self.columns}
        kind = self._is_unread(ticket), bool(face and face.runs), ticket.pk in self.ticked
        return mark_safe(self._kind(*kind).substitute(figures | cells))  # noqa: S308 - escaped above

    def _kind(self, is_unread: bool, runs: bool, is_ticked: bool) -> Template:  # noqa: FBT001 - as its key has them
        """The template of rows that differ in their figures only."""
        key = ("row", is_unread, runs, is_ticked)
        if key not in self._cells:
            context = {"is_unread": is_unread, "is_idle": not runs, "is_ticked": is_ticked}
            context |= {"base": reverse(LIST), "carried": self.carried, "columns": self.columns}
            self._cells[key] = Template(render_to_string(f"{ROW}row.html", context).strip())
        return self._cells[key]

    def _is_unread(self, ticket: Ticket) -> bool:
        read = self.read_at.get(ticket.pk)
        return ticket.owner_id == self.user.pk if read is None else ticket.updated_at > read

    def _account(self, ticket: Ticket) -> str:
        role = self._cell("admin/_role.html", ticket, ticket.requester_role, role=ticket.requester_role)
        return format_html('<span class="in">{}<span class="acc">{}</span></span>', role, ticket.account.name)

    def _requester(self, ticket: Ticket) -> str:
        return str(ticket.requester)

    def _hub(self, ticket: Ticket) -> str:
        return ticket.hub.name.removesuffix(" Hub")

    def _channel(self, ticket: Ticket) -> str:
        return self._cell(f"{ROW}channel.html", ticket, ticket.channel)

    def _severity(self, ticket: Ticket) -> str:
        return self._cell("admin/_severity.html", ticket, (ticket.claim, ticket.priority), dash=True)

    def _priority(self, ticket: Ticket) -> str:
        return ticket.get_priority_display()

    def _status(self, ticket: Ticket) -> str:
        return self._cell(f"{ROW}status.html", ticket, ticket.status)

    def _tags(self, ticket: Ticket) -> str:
        names = [(tag.name,) for tag in ticket.tags.all()]  # prefetched
        return format_html_join(" ", '<span class="tag">{}</span>', names) if names else "–"

    def _language(self, ticket: Ticket) -> str:
        return LANGUAGES.get(ticket.language, ticket.language)

    def _team(self, ticket: Ticket) -> str:
        return ticket.team.name if ticket.team else "–"

    def _owner(self, ticket: Ticket) -> str:
        return self._cell(f"{ROW}owner.html", ticket, ticket.owner_id, user=self.user)

    def _opened(self, ticket: Ticket) -> str:
        return instant(ticket.created_at)

    def _updated(self, ticket: Ticket) -> str:
        return instant(ticket.updated_at)

    def _cell(self, template: str, ticket: Ticket, key: Any, **context: Any) -> str:
        """A cell that looks the same for every ticket with this `key`."""
        cell = self._cells.get((template, key))
        if cell is None:
            cell = self._cells[template, key] = render_to_string(template, {"ticket": ticket, **context})
        return cell

    def _clock(self, face: Face) -> SafeString:
        key = ("clock", face.state, face.clock.metric, face.clock.promise, face.runs)
        if key not in self._cells:
            self._cells[key] = Template(render_to_string(f"{ROW}clock.html", {"face": face}))
        figures = {
            "text": face.text,
            "percent": face.percent,
            "due": face.clock.due_at.isoformat() if face.runs else "",
            "soon": face.soon_at.isoformat() if face.runs else "",
        }
        return mark_safe(self._cells[key].substitute(figures))  # noqa: S308 - figures and times only

    def _no_clock(self, ticket: Ticket) -> SafeString:
        cell = self._cell(f"{ROW}no_clock.html", ticket, ticket.is_active)
        text = instant(ticket.closed_at) if ticket.closed_at else ""
        return mark_safe(Template(cell).substitute(text=text))  # noqa: S308 - a time only
