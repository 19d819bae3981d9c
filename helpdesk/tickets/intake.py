"""The one way in: every channel hands its message over here, and gets one ticket for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from psycopg.types.json import Jsonb

from helpdesk.accounts.models import User
from helpdesk.core.bulk import next_id
from helpdesk.tickets.models import Attachment, InboundMessage, Message, Source, Ticket
from helpdesk.tickets.services import NewTicket, customer_reply, ground_of, open_ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The ticket, and whether this call made it."""

    ticket: Ticket
    created: bool


# The ticket's key is drawn here, and its row written later: the reference is checked at the commit.
ENTER = f"""
    INSERT INTO helpdesk_inboundmessage (channel, external_id, payload, received_at, ticket_id)
    VALUES (%(source)s, %(external_id)s, %(payload)s, %(at)s, {next_id(Ticket)})
    ON CONFLICT (channel, external_id) DO NOTHING
    RETURNING ticket_id
"""  # noqa: S608 - made of names of tables


@transaction.atomic(savepoint=False)
def receive(
    *, source: Source, external_id: str, new: NewTicket, now: datetime, opened_by: User | None = None
) -> Receipt:
    """Open a ticket for a message, exactly once for each (channel, external id).

    However often *Send* is pressed or a browser retries, the second call waits for the first and
    gets its ticket. The database's unique constraint decides, not a check before.
    """
    payload = Jsonb({"subject": new.subject, "requester": new.membership.user_id})
    values = {"source": source, "external_id": external_id, "payload": payload, "at": now}
    on = ground_of(new, entry=ENTER, values=values)
    if on is None:
        before = InboundMessage.objects.select_related("ticket").get(channel=source, external_id=external_id)
        return Receipt(ticket=before.ticket, created=False)
    ticket = open_ticket(new=new, now=now, opened_by=opened_by, on=on)
    return Receipt(ticket=ticket, created=True)


@transaction.atomic
def receive_reply(
    *,
    source: Source,
    external_id: str,
    ticket: Ticket,
    actor: User,
    body: str,
    now: datetime,
    attachments: Sequence[Attachment] = (),
) -> Message | None:
    """Add a customer's further message, exactly once for each (channel, external id); None when it was in already."""
    inbound, created = InboundMessage.objects.get_or_create(
        channel=source,
        external_id=external_id,
        defaults={"payload": {"reply_to": ticket.pk, "author": actor.pk}, "received_at": now, "ticket": ticket},
    )
    if not created:
        return None
    return customer_reply(ticket=ticket, actor=actor, body=body, now=now, via=source, attachments=attachments)
