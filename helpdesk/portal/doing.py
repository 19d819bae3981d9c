"""What the page of a ticket offers to do besides a reply: who may do what, and with which forms."""

from dataclasses import dataclass
from typing import Any

from helpdesk.escalation.models import ManagerRequest
from helpdesk.portal.access import Visitor
from helpdesk.portal.ticket_forms import CopiesForm, EscalateForm, RatingForm, ReopenForm
from helpdesk.tickets.models import Rating, Status, Ticket
from helpdesk.tickets.services import MOST_COPIES, is_fixed, may_ask_critical, may_rate

GONE = (Status.SPAM, Status.MERGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """The acts of one page; what is None or False isn't offered."""

    may_ask_critical: bool
    waiting: ManagerRequest | None  # the customer's request that a manager has not answered yet
    escalate: EscalateForm | None
    copies: CopiesForm | None
    reopen: ReopenForm | None
    rating: Rating | None
    rate: RatingForm | None

    @property
    def any(self) -> bool:
        return bool(self.may_ask_critical or self.waiting or self.escalate or self.copies)


def doing(visitor: Visitor, ticket: Ticket, **bound: Any) -> Doing:
    """Four queries at most. `bound`: a form that was sent and has to be mended, by its name here."""
    works = ticket.status not in GONE
    requests = ManagerRequest.objects.of(ticket).filter(by_customer=True, answered_at=None) if works else None
    waiting = requests.first() if requests is not None else None
    rating = getattr(ticket, "rating", None)
    may = may_rate(ticket, visitor.user) and not (rating and is_fixed(rating, visitor.now))
    forms: dict[str, Any] = {
        "escalate": EscalateForm(prefix="escalate") if works and waiting is None else None,
        "copies": CopiesForm(prefix="copies") if works and len(ticket.cc) < MOST_COPIES else None,
        "reopen": ReopenForm(prefix="") if works and not ticket.is_active else None,
        "rate": rating_form(rating) if may else None,
    }
    forms |= {name: form for name, form in bound.items() if forms[name] is not None or form.errors}
    may_ask = works and may_ask_critical(ticket, visitor.membership_of(ticket.account_id))
    return Doing(may_ask_critical=may_ask, waiting=waiting, rating=rating, **forms)


def rating_form(rating: Rating | None) -> RatingForm:
    """With what was said before, to change it."""
    return RatingForm(initial={"score": rating.score, "comment": rating.comment} if rating else None)
