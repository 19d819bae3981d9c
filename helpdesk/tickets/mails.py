"""Mails to the customer about a ticket."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Case, Exists, OuterRef, Subquery, When
from django.urls import reverse

from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Membership, User
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import Reader, mail_row
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Attachment, Message, Ticket, TicketEvent

WENT = (AccountEvent.Kind.REMOVED, AccountEvent.Kind.LEFT)


def reader(ticket: Ticket) -> Reader | None:
    """Who reads a ticket's mails: its requester, or a super admin of the account once the requester
    may not see the ticket any more; nobody where nobody is left (SPEC 2.1)."""
    user: User | None = ticket.requester
    if not Ticket.objects.visible_to(user).filter(pk=ticket.pk).exists():
        governing = ticket.account.memberships.filter(role=Membership.Role.SUPER_ADMIN, user__is_active=True)
        heir = governing.select_related("user").order_by("-is_designated", "id").first()
        user = heir.user if heir else None
    return user and _reader_of(user)


def _reader_of(user: User) -> Reader:
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
        "started_at": clock.started_at.isoformat(),
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
    }


def to_customer(
    *, ticket: Ticket, key: str, template: str, context: dict, now: datetime, to: Reader | None = None, **headers: Any
) -> list[OutboxMail]:
    """A mail to whoever reads the ticket's mails (`to`, where that is known); none where nobody is left."""
    to = to or reader(ticket)
    if to is None:
        return []
    return [
        mail_row(
            key=key,
            reader=to,
            template=template,
            context={**ticket_values(ticket), **context, "sent_at": now.isoformat()},
            reply_to=reply_address(ticket),
            now=now,
            **headers,
        )
    ]


def acknowledgement(
    *, ticket: Ticket, message: Message, clock: Clock | None, files: Sequence[Attachment] = (), now: datetime
) -> list[OutboxMail]:
    """Says that the ticket arrived and what is promised; it is not the reply, and answers no clock.

    It carries the Message-ID of the customer's message, so that the replies thread below it. Who asks by a
    membership of theirs may read the ticket: nobody looks that up.
    """
    return to_customer(
        ticket=ticket,
        to=_reader_of(ticket.requester) if ticket.requester.is_active else None,
        key=f"acknowledgement/{ticket.pk}",
        template="acknowledgement",
        context={**clock_values(clock), "body": message.body, "files": [file.name for file in files]},
        message_id=message.message_id,
        now=now,
    )


def reply(
    *,
    ticket: Ticket,
    message: Message,
    clock: Clock | None,
    thread: Message | None,
    quoted: Message | None,
    files: Sequence[Attachment] = (),
    rate_url: str = "",
    now: datetime,
) -> list[OutboxMail]:
    """A specialist's public reply to the requester and the people in copy; `thread` is the ticket's first message.

    Super admins who want to read every reply of the account get one of their own. `rate_url`: of a last word,
    where to say how well it went.
    """
    context = {
        **clock_values(clock),
        **reply_values(message=message, quoted=quoted),
        **file_values(ticket=ticket, files=files),
        **({"rate_url": rate_url} if rate_url else {}),
    }
    key, answered = f"reply/{message.pk}", thread.message_id if thread else ""
    mails = to_customer(
        ticket=ticket,
        key=key,
        template="reply",
        context=context,
        cc=wanted_copies(ticket, ticket.cc),
        message_id=message.message_id,
        in_reply_to=answered,
        now=now,
    )
    read_by = {address for mail in mails for address in (*mail.to, *mail.cc)}
    for user in _following(ticket, but=read_by):
        to = _reader_of(user)
        mails.append(
            mail_row(
                key=f"{key}/{user.pk}",
                reader=to,
                template="reply",
                context={**ticket_values(ticket), **context, "sent_at": now.isoformat()},
                reply_to=reply_address(ticket),
                in_reply_to=answered,
                now=now,
            )
        )
    return mails


def wanted_copies(ticket: Ticket, addresses: Sequence[str]) -> list[str]:
    """Without those of people who want no mail of tickets that they are in copy of, and of those who belonged to the
    account and don't any more, unless somebody has put them in copy since (SPEC 2.1). One query, two where some left.
    """
    if not addresses:
        return []
    left = AccountEvent.objects.filter(account=ticket.account_id, person=OuterRef("pk"), kind__in=WENT)
    belongs = Membership.objects.filter(account=ticket.account_id, user=OuterRef("pk"))
    left_at = Case(When(~Exists(belongs), then=Subquery(left.order_by("-at").values("at")[:1])))
    people = User.objects.filter(email__in=[address.lower() for address in addresses]).annotate(left_at=left_at)
    known = list(people.values_list("email", "mail_copies", "left_at"))
    without = {email for email, wants, _left_at in known if not wants}
    if gone := {email: left_at for email, _wants, left_at in known if left_at}:
        added = ticket.events.filter(kind=TicketEvent.Kind.COPIES).values_list("at", "data__added")
        again = {one for at, many in added for one in many if one in gone and gone[one] < at}
        without |= gone.keys() - again
    return [address for address in addresses if address.lower() not in without]


def _following(ticket: Ticket, *, but: set[str]) -> list[User]:
    """Super admins of the account who read every reply to its tickets."""
    governing = ticket.account.memberships.filter(role=Membership.Role.SUPER_ADMIN, mail_all=True, user__is_active=True)
    return [row.user for row in governing.select_related("user").order_by("pk") if row.user.email not in but]


def reply_values(*, message: Message, quoted: Message | None) -> dict[str, str | None]:
    return {
        "author": message.author.full_name,
        "body": message.body,
        "quoted": quoted.body if quoted else "",
        "quoted_at": quoted.created_at.isoformat() if quoted else None,
    }


def file_values(*, ticket: Ticket, files: Sequence[Attachment]) -> dict[str, list[dict[str, Any]]]:
    """`attachments` go with the mail, as far as they fit; the others, and those that wait for the virus scanner,
    are `links` to the portal."""
    carried, links, room = [], [], settings.MAIL_ATTACHMENTS_BYTES
    for file in files:
        if file.is_infected:
            continue
        if file.size <= room and not file.is_held:
            room -= file.size
            carried.append({"path": file.file.name, "name": file.name, "content_type": file.content_type})
        else:
            url = settings.SITE_URL + reverse("portal:ticket_file", args=[ticket.pk, file.pk])
            links.append({"name": file.name, "size": file.size, "url": url})
    return {name: rows for name, rows in (("attachments", carried), ("links", links)) if rows}


def judgement(*, ticket: Ticket, clock: Clock | None, author: User, now: datetime) -> list[OutboxMail]:
    """The customer hears what became of *business critical*: who decided, why, and the time that counts now."""
    values = clock_values(clock if clock and clock.is_open else None)
    renewed = clock is not None and clock.breached_at is not None and clock.breached_at < clock.counted_from
    if renewed:
        values["breached_at"] = None  # that promise is missed and said to be; this mail is about the one ahead
    return to_customer(
        ticket=ticket,
        key=f"judgement/{ticket.pk}/{now.isoformat()}",
        template="judgement",
        context={**values, "reason": ticket.claim_reason, "author": author.full_name, "renewed": renewed},
        now=now,
    )
