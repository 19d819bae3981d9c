"""What customers did with their tickets, in words for the staff: escalated, rated, changed the copies."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.escalation.manager_requests import ANSWERED, ASKED
from helpdesk.notifications.models import Notice
from helpdesk.tickets.models import Rating, TicketEvent
from helpdesk.tickets.services.rating import KIND as RATED


def score_words(score: Any) -> str:
    return str(dict(Rating.Score.choices).get(score, "–"))


def _rated(data: dict[str, Any]) -> str:
    words = {"before": score_words(data.get("before")), "after": score_words(data.get("score"))}
    if data.get("before") is None:
        return _("Rated: %(after)s") % words
    return _("Rating changed: %(before)s → %(after)s") % words


def _copies(data: dict[str, Any]) -> str:
    names = [f"+ {address}" for address in data.get("added", ())]
    names += [f"− {address}" for address in data.get("removed", ())]
    return _("In copy: %(people)s") % {"people": ", ".join(names)}


def _answered(data: dict[str, Any]) -> str:
    text = _("Answered the escalation") if data.get("internal") else _("Answered the customer’s escalation")
    return f"{text}: {data.get('answer', '')}"


LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    TicketEvent.Kind.CUSTOMER_ESCALATED: lambda data: (
        _("Escalated by the customer: %(why)s") % {"why": data.get("reason", "")}
    ),
    TicketEvent.Kind.ESCALATED: lambda data: _("Escalated to the manager: %(why)s") % {"why": data.get("reason", "")},
    TicketEvent.Kind.ESCALATION_ANSWERED: _answered,
    TicketEvent.Kind.RATED: _rated,
    TicketEvent.Kind.COPIES: _copies,
}


def told(notice: Notice) -> str:
    """What such a notice tells, in a few words; empty for one of another kind."""
    said = notice.context
    words = {"name": said.get("author", "")}
    if notice.kind == ASKED:
        text = (
            _("%(name)s (customer) asks for a manager") if said.get("by_customer") else _("%(name)s escalates to you")
        )
        return text % words
    if notice.kind == ANSWERED:
        return _("%(name)s answered your escalation") % words
    if notice.kind == RATED:
        words = {"score": score_words(said.get("score"))}
        return (_("Rating changed to: %(score)s") if said.get("changed") else _("Rated: %(score)s")) % words
    return ""
