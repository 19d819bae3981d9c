"""Mails to the customer and their colleagues about what becomes of a ticket besides its replies."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from helpdesk.accounts.models import User
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import Reader, mail_row
from helpdesk.tickets.mails import reply_address, ticket_values, to_customer, wanted_copies
from helpdesk.tickets.models import Ticket, TicketEvent


def rate_url(ticket: Ticket) -> str:
    """Where the requester says how well it went; they sign in on the way."""
    return settings.SITE_URL + reverse("portal:ticket_rate", args=[ticket.pk])


def solved(*, ticket: Ticket, moved: TicketEvent, now: datetime) -> list[OutboxMail]:
    """Somebody marked it as solved without a further reply: how to open it again, and how well did we help."""
    return to_customer(
        ticket=ticket,
        key=f"solved/{ticket.pk}/{moved.pk}",
        template="solved",
        context={"author": moved.actor.full_name if moved.actor else "", "rate_url": rate_url(ticket)},
        now=now,
    )


def copied(*, ticket: Ticket, addresses: list[str], actor: User, now: datetime) -> list[OutboxMail]:
    """People who were put in copy hear of it, each once for a ticket, however often they are put there.

    Who is known here reads it in their own language, anybody else in that of who put them there; who wants no mail
    of tickets that they are in copy of gets none.
    """
    known = {user.email.lower(): user for user in User.objects.filter(email__in=addresses, is_active=True)}
    rows = []
    for address in wanted_copies(ticket, addresses):
        person = known.get(address.lower(), actor)
        to = Reader(
            email=address,
            user_id=person.pk if person is not actor else None,
            language=person.language,
            time_zone=person.time_zone,
        )
        context = {**ticket_values(ticket), "author": actor.full_name, "sent_at": now.isoformat()}
        rows.append(
            mail_row(
                key=f"copied/{ticket.pk}/{_digest(address)}",
                reader=to,
                template="copied",
                context=context,
                reply_to=reply_address(ticket),
                now=now,
            )
        )
    return rows


def _digest(address: str) -> str:
    """Tells addresses apart in keys, which stay when the address is erased."""
    return hashlib.sha256(address.lower().encode()).hexdigest()
