"""A phone that a provider rings falls silent when nobody has to be called any more (decision 37)."""

import pytest
import time_machine

from helpdesk.channels.callback import calling, dialling, services
from helpdesk.channels.callback.dialling import LEASE, place_calls
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.telephony import Twilio
from helpdesk.tickets.services import Refused, close_by_customer, mark_spam, merge, not_spam
from tests.at_once import at_once
from tests.channels.callback.switchboard import report
from tests.factories import make_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen", "proven")]


@pytest.fixture
def frozen(at):
    """The reports' time stands still."""
    with time_machine.travel(at(1), tick=False):
        yield


@pytest.fixture
def ringing(attempt, exchange, at) -> CallAttempt:
    place_calls(now=at(1))
    report(attempt, "ringing")
    return attempt


@pytest.fixture
def cancel(attempt, mina, at):
    return lambda: services.cancel(call=attempt.request, actor=mina.user, now=at(2))


def ended_as(attempt) -> tuple[str, str, str]:
    attempt.refresh_from_db()
    return attempt.outcome, attempt.dial, CallRequest.objects.get(pk=attempt.request_id).state


def test_a_customer_who_cancels_while_it_rings_has_silence(ringing, exchange, at, cancel):
    cancel()
    assert exchange.ended == []  # nothing goes over the network before the commit
    place_calls(now=at(2))
    assert exchange.ended == [exchange.calls[0]["sid"]]
    assert ended_as(ringing) == ("stopped", "hung_up", "cancelled")
    call = CallRequest.objects.get()
    assert (call.attempts, call.clock.is_open, call.ticket.status) == (0, False, "closed")
    place_calls(now=at(60))
    assert (len(exchange.calls), len(exchange.ended)) == (1, 1)


def test_what_was_cancelled_before_anybody_dialled_is_never_dialled(attempt, exchange, at, cancel):
    cancel()
    for minutes in (2, 10):
        assert place_calls(now=at(minutes)) == 0
    assert (exchange.calls, exchange.ended) == ([], [])
    assert ended_as(attempt) == ("stopped", "pending", "cancelled")


def test_cancelled_after_a_worker_took_it_and_before_it_dials_nothing_is_dialled(
    attempt, exchange, at, cancel, monkeypatch
):
    lease = dialling._lease
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(dialling, "_lease", lambda **values: (lease(**values), cancel())[0])
        assert place_calls(now=at(2)) == 0
    assert exchange.calls == []
    place_calls(now=at(3))
    assert ended_as(attempt) == ("stopped", "hung_up", "cancelled")
    assert exchange.ended == []


def test_cancelled_at_the_moment_of_dialling_it_is_hung_up_at_once(attempt, exchange, at, cancel, monkeypatch):
    place = Twilio.place

    def place_and_cancel(self, **values):
        placed = place(self, **values)
        cancel()
        return placed

    monkeypatch.setattr(Twilio, "place", place_and_cancel)
    place_calls(now=at(2))
    assert exchange.ended == [exchange.calls[0]["sid"]]
    assert ended_as(attempt) == ("stopped", "hung_up", "cancelled")


def test_a_call_that_a_dead_worker_left_ringing_is_looked_for_and_hung_up(attempt, exchange, at, cancel):
    exchange.tells = 0  # the call is taken, and nobody hears of it
    place_calls(now=at(1))
    exchange.tells = 201
    cancel()
    place_calls(now=at(1.5))
    assert exchange.ended == []  # the lease holds: its worker may still be at it
    place_calls(now=at(1) + LEASE)
    assert exchange.ended == [exchange.calls[0]["sid"]]
    assert ended_as(attempt)[1] == "hung_up"


def test_a_report_tells_which_call_is_to_be_hung_up(attempt, exchange, at, cancel):
    exchange.tells = 0
    place_calls(now=at(1))
    exchange.tells = 201
    cancel()
    assert report(attempt, "ringing") == 204
    assert ended_as(attempt)[1] == "hanging_up"
    place_calls(now=at(1.1))
    assert exchange.ended == [exchange.calls[0]["sid"]]


@pytest.mark.parametrize("tells", [429, 503])
def test_a_provider_that_is_away_is_asked_again_to_hang_up_and_given_up_at_last(ringing, exchange, at, cancel, tells):
    cancel()
    exchange.tells = tells
    place_calls(now=at(2))
    assert ended_as(ringing)[1] == "hanging_up"
    exchange.tells = 201
    place_calls(now=at(2))
    assert exchange.ended == []
    place_calls(now=at(2) + LEASE)
    assert len(exchange.ended) == 1
    CallAttempt.objects.update(dial="hanging_up")
    exchange.tells = tells
    for step in range(2, 6):
        place_calls(now=at(2) + step * LEASE)
    assert ended_as(ringing)[1] == "hung_up"


def test_a_call_that_is_over_by_itself_meanwhile_will_do(ringing, exchange, at, cancel):
    cancel()
    exchange.calls[0]["status"] = "completed"
    place_calls(now=at(2))
    assert exchange.ended == []
    assert ended_as(ringing) == ("stopped", "hung_up", "cancelled")


def test_reports_after_the_hang_up_change_nothing(ringing, exchange, at, cancel):
    cancel()
    place_calls(now=at(2))
    assert [report(ringing, status) for status in ("canceled", "no-answer")] == [204, 204]
    assert ended_as(ringing) == ("stopped", "hung_up", "cancelled")
    assert CallRequest.objects.get().attempts == 0
    assert not CallRequest.objects.get().ticket.events.filter(kind="called").exists()


@pytest.mark.parametrize("status", ["in-progress", "completed"])
def test_once_somebody_has_answered_nobody_hangs_up(ringing, exchange, at, cancel, status):
    report(ringing, status)
    with pytest.raises(Refused, match="at this moment"):
        cancel()
    close_by_customer(ticket=ringing.request.ticket, actor=ringing.request.requester, now=at(2))
    place_calls(now=at(2))
    assert exchange.ended == []
    assert ended_as(ringing)[0] == ""


def test_a_specialists_own_phone_is_nobodys_to_hang_up(ask, anna, mina, at, exchange):
    attempt = calling.dial(call=ask(), actor=anna, now=at(1), by_hand=True)
    with pytest.raises(Refused, match="at this moment"):
        services.cancel(call=attempt.request, actor=mina.user, now=at(2))
    close_by_customer(ticket=attempt.request.ticket, actor=mina.user, now=at(2))
    place_calls(now=at(2))
    assert ended_as(attempt)[0] == ""


def test_a_ticket_that_is_closed_while_it_rings_ends_the_ringing(ringing, exchange, at, mina):
    close_by_customer(ticket=ringing.request.ticket, actor=mina.user, now=at(2))
    services.mind_calls(now=at(2))
    place_calls(now=at(2))
    assert exchange.ended == [exchange.calls[0]["sid"]]
    assert ended_as(ringing) == ("stopped", "hung_up", "cancelled")


def test_a_ticket_that_is_closed_before_anybody_dialled_calls_nobody(attempt, exchange, at, mina):
    close_by_customer(ticket=attempt.request.ticket, actor=mina.user, now=at(2))
    assert place_calls(now=at(2)) == 0
    assert exchange.calls == []


def test_spam_stops_ringing_and_is_called_again_when_it_was_none(ringing, exchange, at, anna):
    ticket = ringing.request.ticket
    mark_spam(ticket=ticket, actor=anna, reason="a joke", now=at(2))
    place_calls(now=at(2))
    assert len(exchange.ended) == 1
    not_spam(ticket=ticket, actor=anna, now=at(3))
    assert ended_as(ringing)[2] == "waiting"


def test_the_call_of_a_merged_ticket_rings_on(ringing, exchange, at, anna, mina):
    other = make_ticket(mina, now=at(0))
    merge(ticket=ringing.request.ticket, into=other, actor=anna, reason="the same", now=at(2))
    place_calls(now=at(2))
    assert exchange.ended == []
    assert ended_as(ringing) == ("", "placed", "calling")


@pytest.mark.django_db(transaction=True)
def test_two_cancel_and_two_workers_hang_up_once(ringing, exchange, at, cancel):
    raised = at_once(cancel, cancel)
    assert [type(error) for error in raised] == [Refused]
    assert at_once(*[lambda: place_calls(now=at(2))] * 2) == []
    assert len(exchange.ended) == 1


def test_an_erased_persons_phone_falls_silent_although_its_number_is_gone(ringing, exchange, at, mina):
    services.forget_person(user=mina.user, now=at(2))
    place_calls(now=at(2))
    assert exchange.ended == [exchange.calls[0]["sid"]]
    assert ended_as(ringing)[:2] == ("stopped", "hung_up")
