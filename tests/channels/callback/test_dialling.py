"""A provider dials: Twilio's protocol, spoken to a real HTTP server on this machine (decision 22)."""

import pytest
from django.test import Client
from django.urls import reverse

from helpdesk.channels.callback import calling
from helpdesk.channels.callback.dialling import LEASE, place_calls
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.telephony import Twilio
from tests.at_once import at_once
from tests.channels.callback.switchboard import report, signed

pytestmark = pytest.mark.django_db


def die(**_values):
    raise KeyboardInterrupt


def test_the_customer_is_called_and_put_through_to_the_desk(attempt, exchange, at):
    assert place_calls(now=at(1)) == 1
    fields = exchange.calls[0]["fields"]
    assert (fields["To"], fields["From"]) == (["+4930901820"], ["+493055570142"])
    assert fields["Twiml"] == [
        '<Response><Dial callerId="+493055570142"><Sip>sip:desk@premium.example</Sip></Dial></Response>'
    ]
    assert fields["StatusCallback"] == [f"https://help.premium.example/telephony/report/{attempt.token}/"]
    assert fields["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    attempt.refresh_from_db()
    assert (attempt.dial, attempt.provider_id) == ("placed", exchange.calls[0]["sid"])
    assert place_calls(now=at(2)) == 0
    assert len(exchange.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_dial_it_once(attempt, exchange, at):
    assert at_once(*[lambda: place_calls(now=at(1))] * 3) == []
    assert len(exchange.calls) == 1


def test_a_worker_that_died_before_it_dialled_loses_no_call(attempt, exchange, at):
    CallAttempt.objects.update(dial="dialling", leased_until=at(1) + LEASE)
    assert place_calls(now=at(1)) == 0
    assert place_calls(now=at(1) + LEASE) == 1
    assert len(exchange.calls) == 1


def test_a_worker_that_died_after_it_dialled_makes_no_second_call(attempt, exchange, at):
    exchange.tells = 0  # the call is taken, and nobody hears of it
    assert place_calls(now=at(1)) == 0
    attempt.refresh_from_db()
    assert (attempt.dial, attempt.tries, bool(attempt.last_error)) == ("dialling", 1, True)
    exchange.tells = 201
    assert place_calls(now=at(1) + LEASE) == 1
    attempt.refresh_from_db()
    assert (len(exchange.calls), attempt.provider_id) == (1, exchange.calls[0]["sid"])


def test_a_refusal_ends_the_attempt_and_the_specialist_sees_why(attempt, exchange, at):
    exchange.tells = 400
    place_calls(now=at(1))
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.last_error) == ("failed", "HTTP 400: Invalid 'To' Phone Number")
    call = CallRequest.objects.get()
    assert (call.state, call.attempts) == ("waiting", 0)  # no attempt at the customer


@pytest.mark.parametrize(("tells", "words"), [(503, "Service Unavailable"), (429, "Too Many Requests")])
def test_a_provider_that_is_away_or_busy_is_asked_again_and_given_up_at_last(attempt, exchange, at, tells, words):
    exchange.tells = tells
    place_calls(now=at(1))
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.tries) == ("", 1)
    for step in range(1, 4):
        place_calls(now=at(1) + step * LEASE)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.dial, attempt.last_error) == ("failed", "failed", f"HTTP {tells}: {words}")


def test_reports_in_any_order_and_twice_end_the_attempt_once(attempt, at):
    place_calls(now=at(1))
    assert [report(attempt, status) for status in ("ringing", "initiated", "ringing")] == [204] * 3
    attempt.refresh_from_db()
    assert attempt.progress == "ringing"
    assert [report(attempt, status) for status in ("busy", "busy", "ringing")] == [204] * 3
    attempt.refresh_from_db()
    call = CallRequest.objects.get()
    assert (attempt.progress, attempt.outcome, call.attempts) == ("busy", "busy", 1)
    assert call.ticket.events.filter(kind="called").count() == 1


def test_a_report_that_was_cut_off_is_taken_when_it_comes_again(attempt, at, monkeypatch):
    place_calls(now=at(1))
    with monkeypatch.context() as cut:
        cut.setattr("helpdesk.channels.callback.dialling.finish", die)
        with pytest.raises(KeyboardInterrupt):
            report(attempt, "busy")
    assert CallAttempt.objects.get().progress == ""
    assert report(attempt, "busy") == 204
    assert CallAttempt.objects.get().outcome == "busy"


def test_that_something_answered_is_no_connected_call(attempt, at):
    place_calls(now=at(1))
    report(attempt, "in-progress")
    report(attempt, "completed")
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.progress) == ("", "completed")
    assert CallRequest.objects.get().clock.is_open


def test_what_the_specialist_wrote_stands_whatever_comes_after(attempt, at, anna):
    place_calls(now=at(1))
    calling.finish(attempt=attempt, actor=anna, outcome="connected", note="Solved.", now=at(2))
    assert report(attempt, "no-answer") == 204
    call = CallRequest.objects.get()
    assert (call.state, call.attempts) == ("connected", 0)


def test_a_report_before_the_answer_to_our_request_is_not_lost(attempt, exchange, at):
    CallAttempt.objects.update(dial="dialling", leased_until=at(2))
    assert report(attempt, "ringing") == 204
    assert place_calls(now=at(5)) == 0  # the provider has it: nothing is dialled again
    assert exchange.calls == []


@pytest.mark.parametrize("spoilt", ["token", "field", "none"])
def test_who_cannot_sign_changes_nothing(attempt, at, spoilt):
    place_calls(now=at(1))
    if spoilt == "token":
        status = signed(attempt, token="guessed", CallSid="CA", CallStatus="busy").status_code
    else:
        headers = {"X-Twilio-Signature": "bm8="} if spoilt == "field" else {}
        path = reverse("callback_report", args=[attempt.token])
        status = Client().post(path, {"CallStatus": "busy"}, headers=headers).status_code
    attempt.refresh_from_db()
    assert (status, attempt.outcome) == (403, "")


def test_without_a_provider_the_address_does_not_exist_and_specialists_dial(ask, anna, at, settings):
    settings.TELEPHONY = ""
    attempt = calling.dial(call=ask(), actor=anna, now=at(1))
    assert (attempt.dial, place_calls(now=at(1))) == ("", 0)
    assert Client().post(reverse("callback_report", args=[attempt.token])).status_code == 404


def test_with_a_provider_one_can_dial_by_hand(ask, anna, at, exchange):
    assert calling.dial(call=ask(), actor=anna, now=at(1), by_hand=True).dial == ""


def test_the_signature_of_twilios_own_documentation():
    twilio = Twilio(url="", account="", token="12345", caller="", desk="")
    values = {
        "CallSid": ["CA1234567890ABCDE"],
        "Caller": ["+12349013030"],
        "Digits": ["1234"],
        "From": ["+12349013030"],
        "To": ["+18005551212"],
    }
    url, signature = "https://mycompany.com/myapp.php?foo=1&bar=2", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
    assert twilio.is_genuine(url=url, values=values, signature=signature)
    assert not twilio.is_genuine(url=url, values=values | {"Digits": ["1235"]}, signature=signature)
    assert not Twilio(url="", account="", token="", caller="", desk="").is_genuine(url="", values={}, signature="")
