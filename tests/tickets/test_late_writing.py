"""Acts that wait for a ticket: what was said before a customer's message answers nothing of it (SPEC 2.2)."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import transaction

from helpdesk.sla.clock import State
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Refused, Typed, leave_drafts, send
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket
from tests.tickets.scenes import OPENED, at, reply, write


def answered_ticket():
    ticket, actor = make_ticket(now=OPENED), StaffFactory()
    reply(ticket, actor, 5)
    return ticket, actor


def next_response(ticket):
    return ticket.clocks.get(metric="next_response")


@pytest.mark.django_db
def test_a_reply_pressed_before_the_customer_wrote_and_written_after_it_leaves_them_their_clock():
    ticket, actor = answered_ticket()
    write(ticket, 10)
    reply(ticket, actor, 9.99, status=Status.SOLVED)
    ticket.refresh_from_db()
    assert (next_response(ticket).state, ticket.status) == (State.RUNNING, Status.OPEN)
    assert ticket.next_due_at == next_response(ticket).due_at
    reply(ticket, actor, 11)
    assert next_response(ticket).is_met
    assert verify(now=at(60)).differing == 0


@pytest.mark.django_db
def test_a_call_that_ended_before_the_customer_wrote_answers_nothing_of_it():
    ticket, actor = answered_ticket()
    write(ticket, 10)
    services.record_call(ticket=ticket, actor=actor, connected=True, note="", now=at(9.99))
    assert next_response(ticket).state == State.RUNNING


@pytest.mark.django_db
def test_nobody_solves_a_ticket_over_a_message_that_came_after_they_pressed():
    ticket, actor = answered_ticket()
    write(ticket, 10)
    with pytest.raises(Refused, match="Somebody wrote while you did"):
        services.set_status(ticket=ticket, status=Status.SOLVED, actor=actor, now=at(9.99))
    assert next_response(ticket).state == State.RUNNING


@pytest.mark.django_db
def test_a_message_written_down_after_a_later_pause_ends_it_at_no_cost(client):
    ticket, actor = answered_ticket()
    write(ticket, 10)
    due_at = next_response(ticket).due_at
    services.set_status(ticket=ticket, status=Status.WAITING, actor=actor, now=at(20))
    write(ticket, 19)
    clock = next_response(ticket)
    assert (clock.state, clock.due_at) == (State.RUNNING, due_at)
    assert verify(now=at(60)).differing == 0
    client.force_login(actor)
    assert client.get(f"/admin/helpdesk/ticket/{ticket.pk}/explain/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_reply_on_its_way_does_not_solve_a_ticket_while_the_customer_is_writing():
    """The message is not committed when the reply's time has come: it waits for it, and then knows it."""
    ticket, actor = answered_ticket()
    seen = ticket.messages.latest("pk").pk
    typed = Typed(body="Done.", status=Status.SOLVED, submission="d" * 32, seen=seen)
    send(ticket=ticket, actor=actor, typed=typed, undo=timedelta(seconds=10), now=at(9.9))
    wrote = threading.Event()

    def customer():
        with transaction.atomic():
            write(ticket, 10)
            wrote.set()
            time.sleep(0.5)  # the reply is due now, and waits for the ticket

    def leaves():
        assert wrote.wait(timeout=20)
        leave_drafts(now=at(10.1))

    assert at_once(customer, leaves) == []
    ticket.refresh_from_db()
    assert [message.body for message in ticket.messages.all()][-2:] == ["And now?", "Done."]
    assert ticket.status == Status.OPEN
