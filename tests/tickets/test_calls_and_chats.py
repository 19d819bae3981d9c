"""What answers a callback and a chat's pickup, and what doesn't (SPEC 2.2)."""

import pytest

from helpdesk.core.channels import Channel
from helpdesk.sla.clock import State
from helpdesk.tickets import services
from helpdesk.tickets.models import Source, Status
from helpdesk.tickets.services import Refused
from tests.factories import make_ticket
from tests.tickets.scenes import OPENED, at, first_response, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_a_failed_attempt_answers_nothing_a_connected_call_does(specialist):
    ticket = make_ticket(channel=Channel.PHONE, source=Source.CALLBACK, now=OPENED)
    common = {"ticket": ticket, "actor": specialist, "note": ""}
    services.record_call(**common, connected=False, now=at(2))
    clock = ticket.clocks.get()
    assert (clock.metric, clock.state, clock.due_at) == ("callback", State.RUNNING, at(5))
    ticket.refresh_from_db()
    assert (ticket.status, ticket.owner) == (Status.NEW, None)
    services.record_call(**common, connected=True, now=at(4))
    clock.refresh_from_db()
    assert (clock.is_met, clock.answered_by) == (True, specialist)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.owner) == (Status.OPEN, specialist)
    assert [event.data["connected"] for event in ticket.events.filter(kind="called")] == [False, True]


def test_a_connected_call_answers_a_first_response_and_a_next_one(specialist, colleague):
    ticket = make_ticket(now=OPENED)
    services.record_call(ticket=ticket, actor=specialist, connected=False, note="engaged", now=at(5))
    assert first_response(ticket).is_open
    services.record_call(ticket=ticket, actor=specialist, connected=True, note="", now=at(10))
    assert (first_response(ticket).is_met, first_response(ticket).ended_at) == (True, at(10))
    write(ticket, 20)
    services.record_call(ticket=ticket, actor=colleague, connected=True, note="", now=at(30))
    assert ticket.clocks.get(metric="next_response").answered_by == colleague
    ticket.refresh_from_db()
    assert ticket.owner == specialist  # who had it keeps it


def test_a_reply_does_not_stand_in_for_the_call_that_was_asked_for(specialist):
    ticket = make_ticket(channel=Channel.PHONE, source=Source.CALLBACK, now=OPENED)
    with pytest.raises(Refused, match="Call first"):
        reply(ticket, specialist, 2, status=Status.SOLVED)
    reply(ticket, specialist, 2)
    clock = ticket.clocks.get(metric="callback")
    assert clock.state == State.RUNNING
    # Once it is missed a last word may end the ticket, and the breach stays.
    reply(ticket, specialist, 6, status=Status.SOLVED)
    clock.refresh_from_db()
    assert (clock.state, clock.breached_at) == (State.ENDED, at(5))


def test_joining_a_chat_answers_its_pickup_and_so_does_writing_in_it(specialist, colleague):
    joined, written = (make_ticket(channel=Channel.CHAT, source=Source.CHAT, now=OPENED) for _ in range(2))
    services.join_chat(ticket=joined, actor=specialist, now=at(1))
    reply(written, colleague, 3)
    for ticket, actor, breached in ((joined, specialist, None), (written, colleague, at(2))):
        clock = ticket.clocks.get()
        assert (clock.metric, clock.state, clock.answered_by) == ("chat_pickup", State.FULFILLED, actor)
        assert clock.breached_at == breached
        ticket.refresh_from_db()
        assert (ticket.owner, ticket.status) == (actor, Status.OPEN)
    assert joined.events.get(kind="joined").actor == specialist
