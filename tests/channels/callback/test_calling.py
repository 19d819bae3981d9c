"""The specialist's work on a call: one gets it, three attempts, and what each outcome does (SPEC 2.7)."""

import pytest

from helpdesk.channels.callback import calling
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.sla.clock import State
from helpdesk.tickets.models import Message, Status
from helpdesk.tickets.services import Refused
from tests.at_once import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]
Outcome = CallAttempt.Outcome


def tried(call, person, minute, outcome, at, note=""):
    attempt = calling.dial(call=call, actor=person, now=at(minute))
    return calling.finish(attempt=attempt, actor=person, outcome=outcome, note=note, now=at(minute + 1))


def test_of_several_who_take_a_call_one_gets_it_and_its_ticket(ask, at, anna, olu):
    call = ask()
    calling.take(call=call, actor=anna, now=at(1))
    calling.take(call=call, actor=anna, now=at(1))  # pressed twice
    with pytest.raises(Refused, match="Anna Meier has taken this call"):
        calling.take(call=call, actor=olu, now=at(1))
    with pytest.raises(Refused, match="Anna Meier"):
        calling.dial(call=call, actor=olu, now=at(1))
    call.ticket.refresh_from_db()
    assert call.ticket.owner == anna


@pytest.mark.django_db(transaction=True)
def test_two_who_take_it_at_the_same_moment(ask, at, anna, olu):
    call = ask()
    people = (anna, olu)
    raised = at_once(*(lambda one=one: calling.take(call=call, actor=one, now=at(1)) for one in people))
    assert [type(error) for error in raised] == [Refused]
    call.refresh_from_db()
    call.ticket.refresh_from_db()
    assert call.taken_by in people
    assert call.ticket.owner == call.taken_by


@pytest.mark.django_db(transaction=True)
def test_two_presses_of_dial_are_one_attempt(ask, at, anna):
    call = ask()
    calling.take(call=call, actor=anna, now=at(1))
    raised = at_once(*[lambda: calling.dial(call=call, actor=anna, now=at(1))] * 2)
    assert [type(error) for error in raised] == [Refused]
    assert call.made.count() == 1


def test_a_connected_call_answers_the_clock_and_its_note_is_in_the_ticket(ask, at, anna):
    call = tried(ask(), anna, 2, Outcome.CONNECTED, at, note="Turned the workflow on again.")
    clock = call.ticket.clocks.get()
    assert (clock.is_met, clock.ended_at, clock.answered_by) == (True, at(3), anna)
    assert (call.state, call.ended_at) == (CallRequest.State.CONNECTED, at(3))
    event = call.ticket.events.get(kind="called")
    assert (event.data["connected"], event.data["note"]) == (True, "Turned the workflow on again.")
    with pytest.raises(Refused, match="over"):
        calling.dial(call=call, actor=anna, now=at(4))


def test_a_failed_attempt_answers_nothing_and_the_next_comes_after_its_pause(ask, at, anna, olu):
    call = tried(ask(), anna, 1, Outcome.NO_ANSWER, at)
    assert (call.state, call.attempts, call.callable_at, call.taken_by) == ("waiting", 1, at(17), None)
    clock = call.ticket.clocks.get()
    assert (clock.state, clock.due_at) == (State.RUNNING, at(5))
    with pytest.raises(Refused, match="not time"):
        calling.dial(call=call, actor=olu, now=at(16))
    call = tried(call, olu, 17, Outcome.BUSY, at)
    assert (call.attempts, call.callable_at) == (2, at(48))
    calling.dial(call=call, actor=anna, now=at(20), early=True)
    clock.refresh_from_db()
    assert (clock.breached_at, clock.is_open) == (at(5), True)


def test_after_three_attempts_the_customer_is_told_and_nothing_counts_as_answered(ask, at, anna, mina):
    call = ask()
    for minute, outcome in ((1, Outcome.NO_ANSWER), (17, Outcome.VOICEMAIL), (48, Outcome.NO_ANSWER)):
        call = tried(call, anna, minute, outcome, at)
    clock = call.ticket.clocks.get()
    assert (clock.state, clock.breached_at, clock.answered_by) == (State.ENDED, at(5), None)
    call.ticket.refresh_from_db()
    assert (call.state, call.ticket.status) == (CallRequest.State.GIVEN_UP, Status.WAITING)
    assert not call.ticket.messages.filter(kind=Message.Kind.REPLY).exists()
    mail = OutboxMail.objects.get(template="call_given_up")
    sent = render(mail)
    assert mail.to == [mina.user.email]
    assert "We called +49 30 901820 3 times" in sent.body
    assert f"/callback/?again={call.pk}" in sent.body
    assert call.ticket.events.filter(kind="call_given_up", actor=anna).count() == 1


def test_a_wrong_number_is_not_tried_again_and_the_mail_says_why(ask, at, anna):
    call = tried(ask(), anna, 1, Outcome.WRONG_NUMBER, at)
    assert call.state == CallRequest.State.GIVEN_UP
    assert call.ticket.clocks.get().state == State.CANCELLED  # before its deadline: out of the figures
    assert "wrong number" in render(OutboxMail.objects.get(template="call_given_up")).body


def test_what_did_not_ring_is_no_attempt(ask, at, anna):
    call = tried(ask(), anna, 1, Outcome.STOPPED, at)
    assert (call.state, call.attempts, call.callable_at) == ("waiting", 0, at(2))
    assert not call.ticket.events.filter(kind="called").exists()


def test_an_outcome_is_written_down_once(ask, at, anna):
    call = ask()
    attempt = calling.dial(call=call, actor=anna, now=at(1))
    calling.finish(attempt=attempt, actor=anna, outcome=Outcome.CONNECTED, note="x", now=at(2))
    with pytest.raises(Refused, match="already"):
        calling.finish(attempt=attempt, actor=anna, outcome=Outcome.NO_ANSWER, note="", now=at(3))
    assert call.ticket.events.filter(kind="called").count() == 1


def test_the_number_of_attempts_and_their_pauses_are_settings(ask, at, anna, settings):
    settings.CALLBACK_PAUSES = []
    assert tried(ask(), anna, 1, Outcome.NO_ANSWER, at).state == CallRequest.State.GIVEN_UP


def test_only_who_has_it_gives_it_back(ask, at, anna, olu):
    call = ask()
    calling.take(call=call, actor=anna, now=at(1))
    with pytest.raises(Refused, match="isn't yours"):
        calling.give_back(call=call, actor=olu, now=at(1))
    calling.give_back(call=call, actor=anna, now=at(1))
    assert calling.take(call=call, actor=olu, now=at(2)).taken_by == olu
