"""Opening a ticket."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Membership, RequesterRole, User
from helpdesk.core.bulk import insert_together
from helpdesk.core.channels import Channel
from helpdesk.notifications.live import push_change
from helpdesk.notifications.services import deliver_soon, new_message_id
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import CalendarVersion, PolicyVersion
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.tickets.mails import acknowledgement
from helpdesk.tickets.models import Attachment, Claim, Message, Severity, Source, Ticket, TicketEvent
from helpdesk.tickets.services.files import give_to
from helpdesk.tickets.services.ground import Ground, ground
from helpdesk.tickets.services.locked import Refused, facts_of, happened, promise_of
from helpdesk.tickets.services.searching import first_words

# What a customer's first message starts, by channel (SPEC 2.2).
FIRST_METRIC = {
    Channel.EMAIL: Metric.FIRST_RESPONSE,
    Channel.CHAT: Metric.CHAT_PICKUP,
    Channel.PHONE: Metric.CALLBACK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """What it takes to open a ticket. The caller has checked the entitlement."""

    membership: Membership
    entitlement: Entitlement
    subject: str
    body: str
    channel: Channel = Channel.EMAIL
    source: Source = Source.FORM
    critical: bool = False
    claim_facts: Mapping[str, str] = field(default_factory=dict)
    cc: Sequence[str] = ()
    language: str = "en"
    begins_at: datetime | None = None  # of a call in a window: its callback counts from there
    attachments: Sequence[Attachment] = ()


def ground_of(new: NewTicket, **entry: Any) -> Ground | None:
    """What a ticket stands on; `entry` as `ground` takes it."""
    return ground(account=new.membership.account, hub=new.entitlement.hub, channel=new.channel, **entry)


@transaction.atomic(savepoint=False)
def open_ticket(*, new: NewTicket, now: datetime, opened_by: User | None = None, on: Ground | None = None) -> Ticket:
    """Open a ticket: message, event, snapshot of the promise, clocks and acknowledgement (SPEC 2.1 to 2.3).

    Two statements, another one with files: what it stands on is read, all its rows are written. Only a designated
    super admin can claim business-critical, on the e-mail channel. A ticket that didn't come through the form or a
    chat gets its targets as objectives. `on`: what was read of it before.
    """
    account, requester = new.membership.account, new.membership.user
    role = new.membership.requester_role
    if new.critical and (role != RequesterRole.DESIGNATED or new.channel != Channel.EMAIL):
        raise Refused(_("Only a designated super admin can mark an e-mail ticket as business critical."))
    on = on or ground_of(new)
    ticket = _new_row(new, on=on, now=now)
    found = sla.first_match(((version, version.terms) for version in on.policies), facts_of(ticket))
    version = ticket.policy_version = found[0] if found else None
    promises = _promises(new, version=version, calendar_version=on.calendar_version, now=now)
    ticket.next_due_at = min((promised.due_at for promised in promises), default=None)
    message = Message(
        pk=on.message_id,
        ticket=ticket,
        kind=Message.Kind.CUSTOMER,
        author=requester,
        body=new.body,
        via=new.source,
        message_id=new_message_id(),
        created_at=now,
    )
    begun = [
        sla.begin(
            clock_id=clock_id,
            ticket_id=ticket.pk,
            promised=promised,
            promise=promise_of(ticket, promised),
            now=now,
            actor=requester,
            begins_at=new.begins_at if promised.terms.metric == Metric.CALLBACK else None,
        )
        for clock_id, promised in zip(on.clock_ids, promises, strict=False)
    ]
    clocks, started = [clock for clock, _event in begun], [event for _clock, event in begun]
    first = next((clock for clock in clocks if clock.metric != Metric.RESOLUTION), None)
    mails = acknowledgement(ticket=ticket, message=message, clock=first, files=new.attachments, now=now)
    insert_together(
        [ticket, message, *clocks, *started, *_events(new, ticket, opened_by, now=now), *mails],
        first_words(ticket, new.subject, new.body, requester.full_name, requester.email, account.name),
    )
    give_to(message, new.attachments)
    deliver_soon()
    push_change(ticket_id=ticket.pk)
    return ticket


def _events(new: NewTicket, ticket: Ticket, opened_by: User | None, *, now: datetime) -> list[TicketEvent]:
    """Opened, claimed where it is, acknowledged."""
    requester = new.membership.user
    events = [happened(ticket, TicketEvent.Kind.OPENED, now, opened_by or requester, source=new.source)]
    if new.critical:
        events.append(happened(ticket, TicketEvent.Kind.CLAIMED, now, requester))
    return [*events, happened(ticket, TicketEvent.Kind.ACKNOWLEDGED, now, None)]


def _promises(
    new: NewTicket, *, version: PolicyVersion | None, calendar_version: CalendarVersion, now: datetime
) -> list[sla.Promised]:
    """What a new ticket is promised: the channel's first answer, and the resolution where a policy has a target."""
    if version is None:
        return []
    first = max(now, new.begins_at or now) if new.channel == Channel.PHONE else now
    targets = ((FIRST_METRIC[new.channel], first), (Metric.RESOLUTION, now))
    return [
        sla.promised(terms=terms, version=version, calendar_version=calendar_version, now=since)
        for metric, since in targets
        if (terms := version.terms.target(metric)) is not None
    ]


def _new_row(new: NewTicket, *, on: Ground, now: datetime) -> Ticket:
    """The unsaved ticket, with the snapshot of who asks for what (SPEC 2.1)."""
    return Ticket(
        pk=on.ticket_id,
        subject=new.subject,
        severity=Severity.CRITICAL if new.critical else Severity.STANDARD,
        claim=Claim.CLAIMED if new.critical else Claim.NONE,
        claim_facts=dict(new.claim_facts) if new.critical else {},
        account=new.membership.account,
        requester=new.membership.user,
        hub=new.entitlement.hub,
        channel=new.channel,
        source=new.source,
        cc=list(new.cc),
        team_id=on.team_id,
        requester_role=new.membership.requester_role,
        entitlement=new.entitlement.as_json(),
        language=new.language,
        calendar_version=on.calendar_version,
        reply_token=secrets.token_urlsafe(18),
        created_at=now,
        updated_at=now,
    )
