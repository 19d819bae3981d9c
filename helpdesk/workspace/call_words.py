"""Calls that customers asked for, in words: for the conversation, the history and the notices."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.channels.callback.models import CallAttempt
from helpdesk.channels.callback.services import NEWS
from helpdesk.core.moments import moment
from helpdesk.notifications.models import Notice
from helpdesk.tickets.models import TicketEvent

KIND = NEWS


def notice_words(notice: Notice) -> str:
    said = notice.context
    words = {"ticket": f"{said.get('reference', '')} {said.get('subject', '')}", "count": said.get("attempt", 1)}
    if said.get("attempt", 1) == 1:
        return _("A customer wants to be called: %(ticket)s") % words
    return _("To be called again, attempt %(count)s: %(ticket)s") % words


def _called(data: Mapping[str, Any]) -> str:
    text = _("Called, and spoke with the customer") if data.get("connected") else _("Called, without success")
    outcomes = dict(CallAttempt.Outcome.choices)
    if data.get("outcome") in outcomes:
        text += f" ({outcomes[data['outcome']]})"
    return f"{text}: {data['note']}" if data.get("note") else text


def _asked(data: Mapping[str, Any]) -> str:
    """For now, or in a window; asked for, or changed."""
    if "begins" in data:
        now = timezone.now()
        words = {
            "begin": moment(datetime.fromisoformat(data["begins"]), now),
            "end": moment(datetime.fromisoformat(data["ends"]), now),
        }
        asked, changed = _("Call asked for between %(begin)s and %(end)s"), _("Call moved to %(begin)s to %(end)s")
        return (changed if data.get("changed") else asked) % words
    return _("Call wanted now instead") if data.get("changed") else _("Call asked for, as soon as possible")


def _given_up(data: Mapping[str, Any]) -> str:
    if data.get("wrong_number"):
        return _("Call given up, a wrong number; the customer was told by e-mail")
    count = data.get("attempts", 0)
    return ngettext(
        "Call given up after %(count)d attempt; the customer was told by e-mail",
        "Call given up after %(count)d attempts; the customer was told by e-mail",
        count,
    ) % {"count": count}


LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    TicketEvent.Kind.CALLED: _called,
    TicketEvent.Kind.CALL_ASKED: _asked,
    TicketEvent.Kind.CALL_CANCELLED: lambda data: _("Call cancelled by the customer"),
    TicketEvent.Kind.CALL_GIVEN_UP: _given_up,
}
