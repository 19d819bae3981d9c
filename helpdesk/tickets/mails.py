"""Mails to the customer about a ticket."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from helpdesk.accounts.models import User
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import Reader, mail_row
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Message, Ticket


def reader(user: User) -> Reader:
    return Reader(email=user.email, user_id=user.pk, language=user.language, time_zone=user.time_zone)


def reply_address(ticket: Ticket) -> str:
    """The unguessable address that leads an answer back into the ticket."""
    return f"reply+{ticket.reply_token}@{settings.REPLY_DOMAIN}"


def ticket_values(ticket: Ticket) -> dict[str, str]:
    """What every mail says of its ticket."""
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "hub": ticket.hub.name,
        "account": ticket.account.name,
        "requester": ticket.requester.full_name,
        "claim": ticket.claim,
        "url": settings.SITE_URL + reverse("portal:ticket", args=[ticket.pk]),
    }


def clock_values(clock: Clock | None) -> dict[str, str | int | bool | None]:
    """A promise and its outcome, as plain values."""
    if clock is None:
        return {"due_at": None}
    return {
        "metric": clock.metric,
        "is_guaranteed": clock.is_guaranteed,
        "target_seconds": clock.target_seconds,
        "target_business_days": clock.target_business_days,
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
    }


def acknowledgement(*, ticket: Ticket, message: Message, clock: Clock | None, now: datetime) -> OutboxMail:
    """Says that the ticket arrived and what is promised; it is not the reply, and answers no clock."""
    return mail_row(
        key=f"acknowledgement/{ticket.pk}",
        reader=reader(ticket.requester),
        template="acknowledgement",
        context={**ticket_values(ticket), **clock_values(clock), "body": message.body, "sent_at": now.isoformat()},
        reply_to=reply_address(ticket),
        cc=ticket.cc,
        now=now,
    )


def reply(
    *, ticket: Ticket, message: Message, first: Clock | None, quoted: Message | None, now: datetime
) -> OutboxMail:
    """A specialist's public reply to the requester and the people in copy."""
    return mail_row(
        key=f"reply/{message.pk}",
        reader=reader(ticket.requester),
        template="reply",
        context={
            **ticket_values(ticket),
            **clock_values(first),
            "author": message.author.full_name,
            "body": message.body,
            "sent_at": now.isoformat(),
            "quoted": quoted.body if quoted else "",
            "quoted_at": quoted.created_at.isoformat() if quoted else None,
        },
        message_id=message.message_id,
        in_reply_to=quoted.message_id if quoted else "",
        reply_to=reply_address(ticket),
        cc=ticket.cc,
        now=now,
    )


def judgement(*, ticket: Ticket, clock: Clock | None, now: datetime) -> OutboxMail:
    """The customer hears whether the claim was confirmed, and why not."""
    return mail_row(
        key=f"judgement/{ticket.pk}/{now.isoformat()}",
        reader=reader(ticket.requester),
        template="judgement",
        context={
            **ticket_values(ticket),
            **clock_values(clock),
            "claim": ticket.claim,
            "reason": ticket.claim_reason,
            "author": ticket.claim_judged_by.full_name,
            "sent_at": now.isoformat(),
        },
        reply_to=reply_address(ticket),
        cc=ticket.cc,
        now=now,
    )
