"""What every verb of a ticket is made of: the locked row with its clocks, small changes, and their events."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.db.models import Min, QuerySet

from helpdesk.accounts.models import Team, User
from helpdesk.notifications.live import push_change
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric, Promise, State
from helpdesk.sla.models import Clock
from helpdesk.sla.terms import Facts
from helpdesk.tickets.models import Message, Source, Status, Ticket, TicketEvent

# What a specialist's public reply answers, and what a change of status never does (SPEC 2.2).
RESPONSES = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
PAUSED_BY_WAITING = (Metric.NEXT_RESPONSE, Metric.RESOLUTION)
OWED_TO_THE_CUSTOMER = (Metric.FIRST_RESPONSE, Metric.CALLBACK, Metric.CHAT_PICKUP)


# What the events of the acts in hand carry besides their own values: the macro that they are part of.
_BESIDES: ContextVar[dict[str, Any]] = ContextVar("besides", default={})  # noqa: B039 - never changed, only replaced


class Refused(Exception):
    """An act that the ticket's state or the person's role does not allow; the text is for the person."""


def lock(ticket: Ticket, *, now: datetime) -> tuple[Ticket, list[Clock]]:
    """The ticket as it is now, locked, with its unanswered clocks; deadlines that have passed are written down."""
    locked = (
        Ticket.objects.select_related("account", "hub", "requester", "team", "owner")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=ticket.pk)
    )
    clocks = sla.lock_unanswered(ticket_id=locked.pk)
    sla.settle(clocks, now=now, owner_id=locked.owner_id)
    return locked, clocks


def refresh_deadline(*, ticket: Ticket) -> None:
    """Bring the queue's order up to date with the ticket's running clocks. Needs the ticket locked."""
    ticket.next_due_at = _earliest(ticket)
    ticket.save(update_fields=["next_due_at"])
    push_change(ticket_id=ticket.pk)


def _earliest(ticket: Ticket) -> datetime | None:
    return Clock.objects.filter(ticket=ticket, state=State.RUNNING).aggregate(first=Min("due_at"))["first"]


def touch(ticket: Ticket, now: datetime, *changed: str) -> None:
    """Save what changed, and nothing else, so that two people's work never overwrites each other; tell open screens."""
    ticket.next_due_at = _earliest(ticket)
    ticket.updated_at = now
    ticket.save(update_fields={"next_due_at", "updated_at", *changed})
    push_change(ticket_id=ticket.pk)


def happened(ticket: Ticket, kind: TicketEvent.Kind, now: datetime, actor: User | None, /, **data: Any) -> TicketEvent:
    """An unsaved event of the ticket."""
    return TicketEvent(ticket=ticket, kind=kind, at=now, actor=actor, data=data | _BESIDES.get())


@contextmanager
def in_the_name_of(**values: Any) -> Iterator[None]:
    """Within it, each event of a ticket carries these values, too: several verbs that are one act to a person."""
    before = _BESIDES.set(values)
    try:
        yield
    finally:
        _BESIDES.reset(before)


def was_sent(ticket: Ticket, form: str, **values: Any) -> bool:
    """Whether the form with this key (`form` of an event) did the same, with these values, before: pressed twice.

    Needs the ticket locked. Other values under the same key, after *back* in the browser, say, are another act.
    """
    same = {f"data__{name}": value for name, value in values.items()}
    return bool(form) and ticket.events.filter(data__form=form, **same).exists()


def move(ticket: Ticket, *, status: Status, actor: User | None, now: datetime, **why: Any) -> list[str]:
    """Set the status; returns the fields that changed. `why` goes into the event."""
    if ticket.status == status:
        return []
    reopened = ticket.status in Status.done() and status in Status.active()
    kind = TicketEvent.Kind.REOPENED if reopened else TicketEvent.Kind.STATUS
    happened(ticket, kind, now, actor, before=ticket.status, after=status, **why).save()
    ticket.status = status
    ticket.closed_at = now if status in Status.done() else None
    return ["status", "closed_at"]


def own(
    ticket: Ticket, *, owner: User | None, actor: User | None, now: datetime, team: Team | None = None, **why: Any
) -> list[str]:
    """Set the owner, and the team where one is given; returns the fields that changed. `why` goes into the event."""
    happened(
        ticket,
        TicketEvent.Kind.ASSIGNED,
        now,
        actor,
        before=ticket.owner_id,
        after=owner.pk if owner else None,
        owner=owner.full_name if owner else "",
        team=team.name if team else "",
        **why,
    ).save()
    ticket.owner = owner
    if team is not None:
        ticket.team = team
    return ["owner", "team"]


def has_unanswered_message(ticket: Ticket) -> bool:
    """Whether the customer wrote after the last public reply or connected call; two queries at most."""
    last = ticket.messages.exclude(kind=Message.Kind.NOTE).order_by("created_at", "id").last()
    if last is None or last.kind != Message.Kind.CUSTOMER:
        return False
    return not connected_calls(ticket).filter(at__gte=last.created_at).exists()


def connected_calls(ticket: Ticket) -> QuerySet[TicketEvent]:
    return ticket.events.filter(kind=TicketEvent.Kind.CALLED, data__connected=True)


def follow_status(clocks: list[Clock], *, status: Status, actor: User, now: datetime, questioned: bool = False) -> None:
    """*Waiting on customer* pauses next response and resolution, with any other status they go on (SPEC 2.2)."""
    for clock in clocks:
        if clock.metric not in PAUSED_BY_WAITING:
            continue
        if status == Status.WAITING:
            sla.pause(clock, now=now, actor=actor, questioned=questioned)
        else:
            sla.resume(clock, now=now, actor=actor)


def reopen(ticket: Ticket, *, actor: User, now: datetime) -> list[Clock]:
    """What starts anew when a ticket that was over goes on: a cycle of resolution, where one is promised."""
    clock = start_clock(ticket, Metric.RESOLUTION, now=now, actor=actor) if ticket.status in Status.done() else None
    return [clock] if clock else []


def end_clocks(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime, reason: str) -> None:
    """End what is still open without an answer: cancelled before its deadline, a breach after it (SPEC 2.3)."""
    for clock in clocks:
        if clock.is_unanswered:
            sla.close(clock, now=now, actor=actor, owner_id=ticket.owner_id, reason=reason)


def resolve(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime) -> None:
    """The ticket is solved: that answers its resolution clock."""
    for clock in clocks:
        if clock.metric == Metric.RESOLUTION:
            sla.fulfil(clock, now=now, actor=actor, owner_id=ticket.owner_id)


def facts_of(ticket: Ticket) -> Facts:
    """What a policy's conditions look at, as of the ticket's creation; the severity is the present one."""
    return Facts(
        hub=ticket.hub_id,
        channel=ticket.channel,
        role=ticket.requester_role,
        severity=ticket.severity,
        account=ticket.account_id,
        plan=str(ticket.entitlement.get("tier", "")),
    )


def promise_of(ticket: Ticket, promised: sla.Promised) -> Promise:
    """The promise that a ticket is given; see `promise_by`."""
    return promise_by(ticket.source, promised.terms.promise)


def promise_by(source: str, promise: Promise) -> Promise:
    """The policy's promise; an objective where the ticket came in by a way that is not guaranteed (SPEC 2.3)."""
    return promise if source in Source.guaranteed() else Promise.OBJECTIVE


def start_clock(
    ticket: Ticket, metric: Metric, *, now: datetime, actor: User | None, begins_at: datetime | None = None
) -> Clock | None:
    """Start a metric's next cycle under the ticket's policy; None where it promises nothing.

    With `begins_at` it counts from that later instant.
    """
    terms = ticket.policy_version.terms.target(metric) if ticket.policy_version else None
    if terms is None:
        return None
    promised = sla.promised(
        terms=terms,
        version=ticket.policy_version,
        calendar_version=ticket.calendar_version,
        now=max(now, begins_at or now),
    )
    return sla.start(
        ticket_id=ticket.pk,
        promised=promised,
        promise=promise_of(ticket, promised),
        now=now,
        actor=actor,
        cycle=sla.next_cycle(ticket_id=ticket.pk, metric=metric),
        begins_at=begins_at,
    )
