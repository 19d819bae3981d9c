"""Calls behind the demonstration's phone tickets: some that wait, one that was tried, and what was called lately."""

from datetime import datetime, timedelta

from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.core.channels import Channel
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock

LATELY = 60
MINUTE = timedelta(minutes=1)
NUMBERS = {
    "Asia/Tokyo": "+8135550{:04d}",
    "America/New_York": "+1212555{:04d}",
    "Europe/London": "+44207946{:04d}",
}
ELSEWHERE = "+49305550{:03d}"


def bring_calls(*, now: datetime) -> None:
    """Only rows beside the tickets: their clocks and events stand as the story told them."""
    callbacks = Clock.objects.filter(metric=Metric.CALLBACK, cycle=1, ticket__channel=Channel.PHONE)
    related = callbacks.select_related("ticket__requester", "ticket__account", "ticket__owner").order_by("-id")
    waiting = [clock for clock in related.filter(state__in=(State.RUNNING,)) if clock.ticket.is_active]
    spoken = list(related.filter(state=State.FULFILLED, answered_by__isnull=False)[:LATELY])
    taken: set[tuple[int, int]] = set()
    for place, clock in enumerate(waiting):
        person = (clock.ticket.requester_id, clock.ticket.account_id)
        if person not in taken:
            taken.add(person)
            _waiting(clock, tried=place % 3 == 2, now=now)
    for place, clock in enumerate(spoken):
        _spoken(clock, tried=place % 4 == 3)


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


def _waiting(clock: Clock, *, tried: bool, now: datetime) -> None:
    """One in three was called in vain, a few minutes ago."""
    asked = clock.ticket.created_at
    begun = max(asked + MINUTE, now - 6 * MINUTE)
    by = clock.ticket.owner
    tried = tried and by is not None and begun + MINUTE < now
    call = _call(clock, callable_at=begun + 16 * MINUTE if tried else asked, attempts=int(tried), announced_at=asked)
    if tried:
        _attempt(call, order=1, by=by, begun=begun, outcome=CallAttempt.Outcome.NO_ANSWER)


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
