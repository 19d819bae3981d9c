"""Verbs of a ticket. Each is one transaction, names its actor in an event, and takes `now`.

Locks are taken in one order: the ticket's row, then its clocks. Both with NO KEY UPDATE, so that
rows which only refer to them (an escalation, a mail) never wait for a person's work.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Min
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Membership, RequesterRole, Team, User
from helpdesk.core.channels import Channel
from helpdesk.notifications.services import new_message_id, post
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric, Promise, State
from helpdesk.sla.models import BreachCause, CalendarVersion, Clock
from helpdesk.sla.terms import Facts
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import mails
from helpdesk.tickets.models import Claim, Message, Severity, Source, Status, Ticket, TicketEvent

# What a customer's first message starts, by channel (SPEC 2.2).
FIRST_METRIC = {
    Channel.EMAIL: Metric.FIRST_RESPONSE,
    Channel.CHAT: Metric.CHAT_PICKUP,
    Channel.PHONE: Metric.CALLBACK,
}


class Refused(Exception):
    """An act that the ticket's state or the person's role does not allow; the text is for the person."""


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


@transaction.atomic
def open_ticket(*, new: NewTicket, now: datetime, opened_by: User | None = None) -> Ticket:
    """Open a ticket: message, event, snapshot of the promise, clocks and acknowledgement (SPEC 2.1 to 2.3).

    Only a designated super admin can claim business-critical, on the e-mail channel. A ticket that
    didn't come through the form or a chat gets its target as an objective.
    """
    account, requester = new.membership.account, new.membership.user
    role = new.membership.requester_role
    if new.critical and (role != RequesterRole.DESIGNATED or new.channel != Channel.EMAIL):
        raise Refused(_("Only a designated super admin can mark an e-mail ticket as business critical."))
    severity = Severity.CRITICAL if new.critical else Severity.STANDARD
    calendar_version = sla.business_calendar(account)
    facts = Facts(hub=new.entitlement.hub.pk, channel=new.channel, role=role, severity=severity, account=account.pk)
    promised = sla.promise(facts=facts, metric=FIRST_METRIC[new.channel], calendar_version=calendar_version, now=now)
    ticket = _new_row(new, severity=severity, promised=promised, calendar_version=calendar_version, now=now)
    ticket.save(force_insert=True)
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.CUSTOMER,
        author=requester,
        body=new.body,
        via=new.source,
        message_id=new_message_id(),
        created_at=now,
    )
    clock = None
    if promised:
        promise = _promise_of(ticket, promised)
        clock = sla.start(ticket_id=ticket.pk, promised=promised, promise=promise, now=now, actor=requester)
    events = [_event(ticket, TicketEvent.Kind.OPENED, now, opened_by or requester, source=new.source)]
    if new.critical:
        events.append(_event(ticket, TicketEvent.Kind.CLAIMED, now, requester))
    events.append(_event(ticket, TicketEvent.Kind.ACKNOWLEDGED, now, None))
    TicketEvent.objects.bulk_create(events)
    post(mails.acknowledgement(ticket=ticket, message=message, clock=clock, now=now))
    return ticket


@transaction.atomic
def reply(
    *, ticket: Ticket, actor: User, body: str, now: datetime, status: Status = Status.OPEN, submission: str = ""
) -> Message:
    """A specialist's public reply: answers the clocks that wait for one, in this transaction (SPEC 2.2).

    IntegrityError when the ticket has a message with this `submission` already.
    """
    ticket, clocks = _lock(ticket, now=now)
    if ticket.status == Status.MERGED:
        raise Refused(_("This ticket was merged into another one; reply there."))
    written = ticket.messages.filter(kind=Message.Kind.CUSTOMER)
    first, quoted = written.first(), written.last()
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.REPLY,
        author=actor,
        body=body,
        via=Source.STAFF,
        message_id=new_message_id(),
        submission=submission,
        created_at=now,
    )
    answered = [clock for clock in clocks if clock.metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)]
    for clock in answered:
        sla.fulfil(clock, now=now, actor=actor, owner_id=ticket.owner_id)
    _event(ticket, TicketEvent.Kind.REPLIED, now, actor, message=message.pk).save()
    changed = []
    if ticket.owner_id is None:
        changed += _own(ticket, owner=actor, actor=actor, now=now)
    changed += _move(ticket, status=status, actor=actor, now=now)
    _touch(ticket, now, *changed)
    answered_clock = next(iter(answered), None)
    post(mails.reply(ticket=ticket, message=message, clock=answered_clock, thread=first, quoted=quoted, now=now))
    return message


@transaction.atomic
def add_note(*, ticket: Ticket, actor: User, body: str, now: datetime, submission: str = "") -> Message:
    """An internal note: seen by staff only, answers no clock. IntegrityError as in `reply`."""
    ticket, _clocks = _lock(ticket, now=now)
    note = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.NOTE,
        author=actor,
        body=body,
        via=Source.STAFF,
        submission=submission,
        created_at=now,
    )
    _event(ticket, TicketEvent.Kind.NOTED, now, actor, message=note.pk).save()
    _touch(ticket, now)
    return note


@transaction.atomic
def customer_reply(*, ticket: Ticket, actor: User, body: str, now: datetime, via: Source = Source.FORM) -> Message:
    """A customer's further message; starts a cycle of next response where none runs (SPEC 2.2, 2.3)."""
    ticket, clocks = _lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket takes no more messages; please open a new one."))
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.CUSTOMER,
        author=actor,
        body=body,
        via=via,
        message_id=new_message_id(),
        created_at=now,
    )
    _event(ticket, TicketEvent.Kind.CUSTOMER_WROTE, now, actor, message=message.pk).save()
    changed = []
    if ticket.status != Status.NEW:
        changed += _move(ticket, status=Status.OPEN, actor=actor, now=now)
    for clock in clocks:
        sla.resume(clock, now=now, actor=actor)
    if not any(clock.metric in (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE) for clock in clocks):
        _start_next_response(ticket, now=now, actor=actor)
    _touch(ticket, now, *changed)
    return message


@transaction.atomic
def assign(*, ticket: Ticket, owner: User | None, actor: User, now: datetime, team: Team | None = None) -> Ticket:
    """Give a ticket to a specialist (None: to nobody), perhaps in another team. No clock is reset (SPEC 2.3)."""
    ticket, _clocks = _lock(ticket, now=now)
    if owner is not None and not (owner.is_staff and owner.is_active):
        raise Refused(_("Only an active member of staff can own a ticket."))
    _touch(ticket, now, *_own(ticket, owner=owner, actor=actor, now=now, team=team))
    return ticket


@transaction.atomic
def set_status(*, ticket: Ticket, status: Status, actor: User, now: datetime) -> Ticket:
    """Move a ticket by hand. *Waiting* pauses next response and resolution, never a first response."""
    ticket, clocks = _lock(ticket, now=now)
    if status in (Status.SPAM, Status.MERGED, Status.NEW):
        raise Refused(_("A ticket is moved there by an act of its own."))
    if status in Status.done() and any(clock.metric == Metric.FIRST_RESPONSE for clock in clocks):
        raise Refused(_("The customer has had no reply yet. Reply first; a change of status answers nothing."))
    for clock in clocks:
        if clock.metric in (Metric.NEXT_RESPONSE, Metric.RESOLUTION):
            act = sla.pause if status == Status.WAITING else sla.resume
            act(clock, now=now, actor=actor)
    if status in Status.done():
        _end_clocks(ticket, clocks, actor=actor, now=now, reason="solved without a further reply")
    _touch(ticket, now, *_move(ticket, status=status, actor=actor, now=now))
    return ticket


@transaction.atomic
def judge_claim(*, ticket: Ticket, actor: User, confirmed: bool, reason: str, now: datetime) -> Ticket:
    """Confirm or decline a claim of business-critical, with a reason that the customer sees (SPEC 2.3).

    Declined in time: the target becomes that of a standard issue, from creation. Declined after
    the deadline: the breach stays, with the cause *declined late*.
    """
    ticket, clocks = _lock(ticket, now=now)
    if ticket.claim != Claim.CLAIMED:
        raise Refused(_("There is no open claim to judge."))
    if not confirmed and not reason.strip():
        raise Refused(_("Say why: the customer reads the reason."))
    ticket.claim = Claim.CONFIRMED if confirmed else Claim.DECLINED
    ticket.claim_reason, ticket.claim_judged_by, ticket.claim_judged_at = reason, actor, now
    if not confirmed:
        ticket.severity = Severity.STANDARD
        _decline(ticket, clocks, actor=actor, now=now)
    kind = TicketEvent.Kind.CONFIRMED if confirmed else TicketEvent.Kind.DECLINED
    _event(ticket, kind, now, actor, reason=reason).save()
    _touch(ticket, now, "claim", "claim_reason", "claim_judged_by", "claim_judged_at", "severity")
    clock = ticket.clocks.filter(metric=Metric.FIRST_RESPONSE).first()
    post(mails.judgement(ticket=ticket, clock=clock, now=now))
    return ticket


@transaction.atomic
def close_by_customer(*, ticket: Ticket, actor: User, now: datetime) -> Ticket:
    """The customer closes. A reply not yet due is no longer owed; one past due stays a breach (SPEC 2.3)."""
    ticket, clocks = _lock(ticket, now=now)
    if not ticket.is_active and ticket.status != Status.SOLVED:
        raise Refused(_("This ticket is closed already."))
    _end_clocks(ticket, clocks, actor=actor, now=now, reason="closed by the customer")
    _touch(ticket, now, *_move(ticket, status=Status.CLOSED, actor=actor, now=now))
    return ticket


def _new_row(
    new: NewTicket,
    *,
    severity: Severity,
    promised: sla.Promised | None,
    calendar_version: CalendarVersion,
    now: datetime,
) -> Ticket:
    """The unsaved ticket, with the snapshot of what is promised to it (SPEC 2.1)."""
    return Ticket(
        subject=new.subject,
        severity=severity,
        claim=Claim.CLAIMED if new.critical else Claim.NONE,
        claim_facts=dict(new.claim_facts) if new.critical else {},
        account=new.membership.account,
        requester=new.membership.user,
        hub=new.entitlement.hub,
        channel=new.channel,
        source=new.source,
        cc=list(new.cc),
        team=_team_for(new.entitlement.hub, channel=new.channel),
        requester_role=new.membership.requester_role,
        entitlement=new.entitlement.as_json(),
        language=new.language,
        policy_version=promised.version if promised else None,
        calendar_version=calendar_version,
        next_due_at=promised.due_at if promised else None,
        reply_token=secrets.token_urlsafe(18),
        created_at=now,
        updated_at=now,
    )


def _lock(ticket: Ticket, *, now: datetime) -> tuple[Ticket, list[Clock]]:
    """The ticket as it is now, locked, with its open clocks; deadlines that have passed are written down."""
    locked = (
        Ticket.objects.select_related("account", "hub", "requester", "team", "owner")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=ticket.pk)
    )
    clocks = sla.lock_open(ticket_id=locked.pk)
    sla.settle(clocks, now=now, owner_id=locked.owner_id)
    return locked, clocks


def refresh_deadline(*, ticket: Ticket) -> None:
    """Bring the queue's order up to date with the ticket's running clocks. Needs the ticket locked."""
    ticket.next_due_at = _earliest(ticket)
    ticket.save(update_fields=["next_due_at"])


def _earliest(ticket: Ticket) -> datetime | None:
    return Clock.objects.filter(ticket=ticket, state=State.RUNNING).aggregate(first=Min("due_at"))["first"]


def _touch(ticket: Ticket, now: datetime, *changed: str) -> None:
    """Save what changed, and nothing else, so that two people's work never overwrites each other."""
    ticket.next_due_at = _earliest(ticket)
    ticket.updated_at = now
    ticket.save(update_fields={"next_due_at", "updated_at", *changed})


def _move(ticket: Ticket, *, status: Status, actor: User, now: datetime) -> list[str]:
    if ticket.status == status:
        return []
    reopened = ticket.status in Status.done() and status in Status.active()
    kind = TicketEvent.Kind.REOPENED if reopened else TicketEvent.Kind.STATUS
    _event(ticket, kind, now, actor, before=ticket.status, after=status).save()
    ticket.status = status
    ticket.closed_at = now if status in Status.done() else None
    return ["status", "closed_at"]


def _own(ticket: Ticket, *, owner: User | None, actor: User, now: datetime, team: Team | None = None) -> list[str]:
    _event(
        ticket,
        TicketEvent.Kind.ASSIGNED,
        now,
        actor,
        before=ticket.owner_id,
        after=owner.pk if owner else None,
        owner=owner.full_name if owner else "",
        team=team.name if team else "",
    ).save()
    ticket.owner = owner
    if team is not None:
        ticket.team = team
    return ["owner", "team"]


def _start_next_response(ticket: Ticket, *, now: datetime, actor: User) -> None:
    """From the oldest unanswered customer message to the next public reply; a new cycle each time."""
    terms = ticket.policy_version.terms.target(Metric.NEXT_RESPONSE) if ticket.policy_version else None
    if terms is None:
        return
    promised = sla.promised(
        terms=terms, version=ticket.policy_version, calendar_version=ticket.calendar_version, now=now
    )
    cycle = ticket.clocks.filter(metric=Metric.NEXT_RESPONSE).count() + 1
    promise = _promise_of(ticket, promised)
    sla.start(ticket_id=ticket.pk, promised=promised, promise=promise, now=now, actor=actor, cycle=cycle)


def _promise_of(ticket: Ticket, promised: sla.Promised) -> Promise:
    """The policy's promise; an objective where the ticket came in by a way that is not guaranteed (SPEC 2.3)."""
    return promised.terms.promise if ticket.source in Source.guaranteed() else Promise.OBJECTIVE


def _decline(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime) -> None:
    """In time, the target of a standard issue; after the deadline the breach stays, also of a clock answered since."""
    first = ticket.clocks.filter(metric=Metric.FIRST_RESPONSE)
    first.filter(breached_at__isnull=False, cause="").update(cause=BreachCause.DECLINED_LATE)
    facts = Facts(
        hub=ticket.hub_id,
        channel=ticket.channel,
        role=ticket.requester_role,
        severity=ticket.severity,
        account=ticket.account_id,
    )
    for clock in clocks:
        if clock.metric != Metric.FIRST_RESPONSE or clock.breached_at is not None:
            continue
        promised = sla.promise(
            facts=facts,
            metric=Metric.FIRST_RESPONSE,
            calendar_version=ticket.calendar_version,
            now=now,
            as_of=ticket.created_at,
        )
        if promised is not None:
            sla.retarget(
                clock, promised=promised, now=now, actor=actor, owner_id=ticket.owner_id, reason="claim declined"
            )


def _end_clocks(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime, reason: str) -> None:
    for clock in clocks:
        sla.close(clock, now=now, actor=actor, owner_id=ticket.owner_id, reason=reason)


def _team_for(hub: Hub, *, channel: Channel) -> Team | None:
    """The team that serves this hub on this channel (SPEC 2.1)."""
    return hub.teams.filter(channels__contains=[channel]).order_by("id").first()


def _event(ticket: Ticket, kind: TicketEvent.Kind, now: datetime, actor: User | None, **data: Any) -> TicketEvent:
    return TicketEvent(ticket=ticket, kind=kind, at=now, actor=actor, data=data)
