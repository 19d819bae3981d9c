"""How well did we help: the requester says it, once a ticket."""

from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.accounts.readers import reader_of
from helpdesk.notifications.services import Telling, tell
from helpdesk.tickets.models import Message, Rating, Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, connected_calls, happened, lock, touch

CHANGEABLE = timedelta(days=14)
KIND = "rated"


def may_rate(ticket: Ticket, user: User) -> bool:
    """Who asked says how it went, once a person has answered and the ticket is over. Two queries at most."""
    if user.pk != ticket.requester_id or ticket.status not in (Status.SOLVED, Status.CLOSED):
        return False
    return ticket.messages.filter(kind=Message.Kind.REPLY).exists() or connected_calls(ticket).exists()


def is_fixed(rating: Rating, now: datetime) -> bool:
    """Whether a rating can't be changed any more."""
    return now - rating.rated_at > CHANGEABLE


@transaction.atomic
def rate(*, ticket: Ticket, actor: User, score: int, comment: str, now: datetime) -> Rating:
    """Rate the answer, or change one's rating within 14 days; the specialist hears of it (SPEC 2.7).

    It counts for who wrote the last public reply, or else owns the ticket.
    """
    ticket, _clocks = lock(ticket, now=now)
    if not may_rate(ticket, actor):
        raise Refused(_("This ticket can be rated by who asked, once it is answered and over."))
    rating = Rating.objects.filter(ticket=ticket).first()
    if rating and is_fixed(rating, now):
        raise Refused(_("A rating can be changed for 14 days; these are over."))
    before = rating and (rating.score, rating.comment)
    if before == (score, comment):
        return rating
    last = ticket.messages.filter(kind=Message.Kind.REPLY).select_related("author").last()
    rating = rating or Rating(ticket=ticket, by=actor, rated_at=now)
    rating.specialist = last.author if last else ticket.owner
    rating.team, rating.score, rating.comment, rating.changed_at = ticket.team, score, comment, now
    rating.save()
    event = happened(ticket, TicketEvent.Kind.RATED, now, actor, score=score, before=before[0] if before else None)
    event.save()
    touch(ticket, now)
    _tell(rating, event, now=now)
    return rating


def _tell(rating: Rating, event: TicketEvent, *, now: datetime) -> None:
    """On screen only: it presses nobody."""
    if rating.specialist is None or not rating.specialist.is_active:
        return
    ticket = rating.ticket
    context = {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "score": rating.score,
        "changed": event.data["before"] is not None,
    }
    telling = Telling(
        key=f"{KIND}/{event.pk}",
        kind=KIND,
        context=context,
        url=reverse("admin:helpdesk_ticket_change", args=[ticket.pk]),
        readers=[reader_of(rating.specialist, now=now)],
        by_mail=False,
    )
    tell([telling], now=now)
