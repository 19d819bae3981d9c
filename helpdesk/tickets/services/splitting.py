"""One ticket that holds two matters (decision 18)."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from helpdesk.accounts.models import User
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets.models import Attachment, InboundMessage, Message, Source, Status, Ticket, TicketEvent, TicketLink
from helpdesk.tickets.services.locked import Refused, happened, lock, touch
from helpdesk.tickets.services.opening import NewTicket, open_ticket

LONGEST_BODY = 60_000


@transaction.atomic
def split(
    *, ticket: Ticket, messages: Sequence[int], subject: str, actor: User, now: datetime, submission: str = ""
) -> Ticket:
    """Open a ticket for a matter of its own, on the customer's behalf; returns the new one.

    It begins with a copy of the chosen messages, with their files. They stay where they are, and so does
    every clock that they started. Opened by staff, the new ticket has an objective and no guarantee
    (SPEC 2.3). The two are linked. Sent twice with one `submission`, it is done once.
    """
    ticket, _clocks = lock(ticket, now=now)
    key = f"split/{ticket.pk}/{submission or secrets.token_hex(16)}"
    inbound, is_first = InboundMessage.objects.get_or_create(
        channel=Source.STAFF, external_id=key, defaults={"payload": {"split": ticket.pk}, "received_at": now}
    )
    if not is_first:
        return Ticket.objects.get(pk=inbound.ticket_id)
    if ticket.status in (Status.MERGED, Status.SPAM):
        raise Refused(_("This ticket is not worked on any more."))
    chosen = _chosen(ticket, messages)
    new = open_ticket(new=_new(ticket, chosen, subject=subject, now=now), now=now, opened_by=actor)
    _copy_files(chosen, to=new, now=now)
    TicketLink.objects.create(first=ticket, second=new, created_by=actor, created_at=now)
    copied = [message.pk for message in chosen]
    happened(ticket, TicketEvent.Kind.SPLIT, now, actor, into=new.pk, messages=copied).save()
    happened(new, TicketEvent.Kind.SPLIT, now, actor, out_of=ticket.pk, messages=copied).save()
    touch(ticket, now)
    inbound.ticket = new
    inbound.save(update_fields=["ticket"])
    return new


def _chosen(ticket: Ticket, messages: Sequence[int]) -> list[Message]:
    """Never a note: what the new ticket begins with is the customer's to read."""
    chosen = list(ticket.messages.filter(pk__in=messages).select_related("author"))
    if not chosen:
        raise Refused(_("Choose at least one message."))
    if any(message.kind == Message.Kind.NOTE for message in chosen):
        raise Refused(_("An internal note cannot go over: the customer would read it."))
    return chosen


def _new(ticket: Ticket, chosen: list[Message], *, subject: str, now: datetime) -> NewTicket:
    subject = " ".join(subject.split())
    if not subject:
        raise Refused(_("Give the new ticket a subject."))
    membership = ticket.account.memberships.filter(user=ticket.requester).select_related("account", "user").first()
    if membership is None:
        raise Refused(
            _("%(name)s does not belong to %(account)s any more, so no ticket can be opened for them.")
            % {"name": ticket.requester, "account": ticket.account}
        )
    right = next((row for row in entitlements(account=ticket.account, now=now) if row.hub == ticket.hub), None)
    if right is None:
        raise Refused(
            _("%(account)s has no premium support for %(hub)s any more, so no ticket can be opened for them.")
            % {"account": ticket.account, "hub": ticket.hub}
        )
    return NewTicket(
        membership=membership,
        entitlement=right,
        subject=subject[: Ticket._meta.get_field("subject").max_length],
        body=_body(ticket, chosen),
        channel=Channel.EMAIL,
        source=Source.STAFF,
        cc=ticket.cc,
        language=ticket.language,
    )


def _body(ticket: Ticket, chosen: list[Message]) -> str:
    """The messages as they were written; of several, each below the name of who wrote it."""
    with override(ticket.language):
        head = _("From %(ticket)s:") % {"ticket": ticket.reference}
    if len(chosen) == 1:
        body = chosen[0].body
    else:
        body = "\n\n".join(f"{message.author or '–'}:\n{message.body}" for message in chosen)
    if len(body) > LONGEST_BODY:
        raise Refused(_("That is too much text for one message. Choose fewer messages."))
    return f"{head}\n\n{body}"


def _copy_files(chosen: list[Message], *, to: Ticket, now: datetime) -> None:
    """Rows of their own for the same files; what the virus scanner has, or hasn't yet, said of them goes along."""
    first = to.messages.get()
    Attachment.objects.bulk_create(
        Attachment(
            ticket=to,
            message=first,
            uploaded_by_id=file.uploaded_by_id,
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            digest=file.digest,
            file=file.file.name,
            created_at=now,
            scan=file.scan,
            scanned_at=file.scanned_at,
            threat=file.threat,
        )
        for file in Attachment.objects.select_for_update(no_key=True).filter(message__in=chosen)
    )
