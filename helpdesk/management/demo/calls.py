"""Calls of the demonstration: what was called lately, and some who wait for a call."""

from datetime import datetime, timedelta

from helpdesk.accounts.models import Membership
from helpdesk.channels.callback.hours import hours_for
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.services import NewCall, ask
from helpdesk.core.channels import Channel
from helpdesk.core.zones import zone_of
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock
from helpdesk.subscriptions.entitlement import Entitlement, entitlements

LATELY = 60
MINUTE = timedelta(minutes=1)
NUMBERS = {
    "Asia/Tokyo": "+8135550{:04d}",
    "America/New_York": "+1212555{:04d}",
    "Europe/London": "+44207946{:04d}",
}
ELSEWHERE = "+49305550{:03d}"
# What it is about, and how many minutes ago it was asked; 0: in the next window.
ASKED = (("Deals don't move to the next stage", 3), ("Import stops at row 400", 1), ("Who may publish pages?", 0))


def bring_calls(*, now: datetime) -> None:
    """Only rows beside the tickets that are there: their clocks and events stand as the story told them."""
    callbacks = Clock.objects.filter(metric=Metric.CALLBACK, cycle=1, ticket__channel=Channel.PHONE)
    related = callbacks.select_related("ticket__requester", "ticket__account", "ticket__owner").order_by("-id")
    for place, clock in enumerate(related.filter(state=State.FULFILLED, answered_by__isnull=False)[:LATELY]):
        _spoken(clock, tried=place % 4 == 3)


def bring_waiting(*, now: datetime) -> None:
    """Some who have just asked to be called, one of them in a window: asked for as customers do."""
    people = Membership.objects.exclude(user__email="mina@kestrel.example").select_related("user", "account")
    callers = ((person, _with_phone(person, now=now)) for person in people.order_by("account__name", "id"))
    one_each = {person.account_id: (person, hub) for person, hub in callers if hub}
    for (person, hub), (subject, minutes) in zip(one_each.values(), ASKED, strict=False):
        asked = now - minutes * MINUTE
        window = None
        if minutes == 0:
            hours = hours_for(membership=person, entitlement=hub, now=now)
            window = next(iter(hours.windows(zone_of(person.user.time_zone), now=now)), None)
        number = NUMBERS.get(person.account.time_zone, ELSEWHERE)
        new = NewCall(
            membership=person,
            entitlement=hub,
            key=f"demonstration-{person.pk}",
            subject=subject,
            body="",
            number=number.format(person.pk % 1000),
            time_zone=person.user.time_zone,
            window=window,
        )
        ask(new=new, now=asked)


def _with_phone(person: Membership, *, now: datetime) -> Entitlement | None:
    found = entitlements(account=person.account, now=now)
    return next((row for row in found if row.includes(Channel.PHONE)), None)


def _call(clock: Clock, **values: object) -> CallRequest:
    ticket = clock.ticket
    zone = ticket.account.time_zone
    number = NUMBERS.get(zone, ELSEWHERE)
    return CallRequest.objects.create(
        ticket=ticket,
        account=ticket.account,
        requester=ticket.requester,
        clock=clock,
        submission=f"demonstration/{ticket.pk}",
        number=number.format(ticket.pk % (1000 if number == ELSEWHERE else 10000)),
        time_zone=zone,
        asked_at=ticket.created_at,
        **values,
    )


def _spoken(clock: Clock, *, tried: bool) -> None:
    asked, answered = clock.ticket.created_at, clock.ended_at
    call = _call(
        clock,
        state=CallRequest.State.CONNECTED,
        callable_at=asked,
        announced_at=asked,
        attempts=int(tried),
        ended_at=answered,
    )
    if tried:
        begun = asked + (answered - asked) / 3
        _attempt(call, order=1, by=clock.answered_by, begun=begun, outcome=CallAttempt.Outcome.BUSY)
    begun = max(asked, answered - MINUTE / 2)
    _attempt(call, order=1 + tried, by=clock.answered_by, begun=begun, outcome=CallAttempt.Outcome.CONNECTED)


def _attempt(call: CallRequest, *, order: int, by: object, begun: datetime, outcome: CallAttempt.Outcome) -> None:
    CallAttempt.objects.create(
        request=call,
        order=order,
        actor=by,
        number=call.number,
        begun_at=begun,
        ended_at=begun + MINUTE / 2,
        outcome=outcome,
        token=f"demonstration-{call.ticket_id}-{order}",
    )
