"""Spam: cancelled, out of the denominators, audited; and what becomes of a mistake (SPEC 2.3)."""

import pytest

from helpdesk.sla.clock import State
from helpdesk.sla.models import BreachCause
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Refused
from tests.factories import make_ticket
from tests.tickets.scenes import OPENED, at, first_response, raised, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_spam_is_cancelled_and_leaves_the_denominators(specialist):
    ticket = make_ticket(now=OPENED)
    services.mark_spam(ticket=ticket, actor=specialist, reason="An advertisement", now=at(70))
    clock = first_response(ticket)
    assert clock.state == State.CANCELLED  # though it was due already
    ticket.refresh_from_db()
    assert ticket.status == Status.SPAM
    assert ticket.events.get(kind="spam").data["reason"] == "An advertisement"


def test_an_answer_that_came_too_late_is_not_undone_by_calling_it_spam(specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 70)
    services.mark_spam(ticket=ticket, actor=specialist, reason="An advertisement", now=at(80))
    assert (first_response(ticket).state, first_response(ticket).breached_at) == (State.FULFILLED, at(60))


def test_nothing_more_happens_to_spam(specialist):
    ticket = make_ticket(now=OPENED)
    services.mark_spam(ticket=ticket, actor=specialist, reason="", now=at(1))
    common = {"ticket": ticket, "actor": specialist, "now": at(2)}
    for act in (
        lambda: services.reply(**common, body="Hello"),
        lambda: services.mark_spam(**common, reason=""),
        lambda: services.set_status(**common, status=Status.OPEN),
        lambda: services.record_call(**common, connected=True, note=""),
        lambda: services.join_chat(**common),
        lambda: write(ticket, 2),
        lambda: services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(2)),
    ):
        with pytest.raises(Refused):
            act()


@pytest.mark.parametrize(("unmarked", "breached"), [(30, None), (90, 60)])
def test_not_spam_after_all_the_promise_counts_on_from_its_own_start(unmarked, breached, specialist, lead):
    ticket = make_ticket(now=OPENED)
    services.assign(ticket=ticket, owner=specialist, actor=lead, now=at(5))
    services.mark_spam(ticket=ticket, actor=specialist, reason="?", now=at(10))
    services.not_spam(ticket=ticket, actor=lead, now=at(unmarked))
    ticket.refresh_from_db()
    assert ticket.status == Status.NEW
    _spam, clock = ticket.clocks.order_by("cycle")
    assert (clock.promise, clock.started_at, clock.due_at) == ("guaranteed", at(0), at(60))
    assert clock.breached_at == (breached and at(breached))
    assert clock.owner_at_due == (specialist if breached else None)
    with pytest.raises(Refused, match="not spam"):
        services.not_spam(ticket=ticket, actor=lead, now=at(91))


def test_spam_by_mistake_loses_no_pause_and_no_breach(specialist):
    """Neither a way out of a breach that was renewed, nor one that makes a paused aim late."""
    renewed = make_ticket(now=OPENED)
    raised(renewed, specialist, 40)
    waiting = make_ticket(now=OPENED)
    reply(waiting, specialist, 5)
    write(waiting, 10)
    services.set_status(ticket=waiting, status=Status.WAITING, actor=specialist, now=at(20))
    for ticket in (renewed, waiting):
        services.mark_spam(ticket=ticket, actor=specialist, reason="?", now=at(45))
        services.not_spam(ticket=ticket, actor=specialist, now=at(50))
    clock = renewed.clocks.get(state=State.RUNNING)
    assert (clock.breached_at, clock.due_at) == (at(30), at(70))
    assert clock.cause == BreachCause.LATE_RECLASSIFICATION
    paused = waiting.clocks.get(state=State.PAUSED)
    assert (paused.paused_at, paused.started_at) == (at(20), at(10))
    write(waiting, 50)
    paused.refresh_from_db()
    assert paused.due_at == at(10 + 240 + 30)
