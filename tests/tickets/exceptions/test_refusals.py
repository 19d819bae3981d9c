"""What is refused, by name; and what is approved is what the preview said."""

from datetime import timedelta

import pytest

from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Refused, Wish
from helpdesk.tickets.services.exceptions import WrongValue, outlook, preview_exception
from tests.factories import make_ticket
from tests.tickets.exceptions.asking import NOW, RETARGET_90, VOID, at, first, later, pause

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        (Wish(effect=Effect.PAUSE, out_until=at(20)), "out_from", "Give the day"),
        (Wish(effect=Effect.PAUSE, out_from=at(10)), "out_until", "Give the day"),
        (pause(25, 10), "out_until", "before the beginning"),
        (pause(10, 10), "out_until", "before the beginning"),
        (pause(-60, -10), "out_from", "would not come later"),
        (pause(60, 70), "out_from", "would not come later"),
        (Wish(effect=Effect.PAUSE, out_from=at(10), out_until=NOW + timedelta(days=40)), "out_until", "month"),
        (Wish(effect=Effect.RESTART), "since", "Give the day"),
        (Wish(effect=Effect.RESTART, since=at(-1)), "since", "between the start"),
        (Wish(effect=Effect.RESTART, since=at(31)), "since", "between the start"),
        (Wish(effect=Effect.RESTART, since=NOW), "since", "would not come later"),
        (Wish(effect=Effect.RETARGET), "target_seconds", "Give the new target"),
        (Wish(effect=Effect.RETARGET, target_seconds=60, target_business_days=1), "target_seconds", "Give the new"),
        (Wish(effect=Effect.RETARGET, target_seconds=0), "target_seconds", "longer than nothing"),
        (Wish(effect=Effect.RETARGET, target_business_days=-1), "target_seconds", "longer than nothing"),
        (Wish(effect=Effect.RETARGET, target_seconds=2**40), "target_seconds", "90 days"),
        (Wish(effect=Effect.RETARGET, target_business_days=32767), "target_seconds", "90 days"),
        (Wish(effect=Effect.RETARGET, target_seconds=3600), "target_seconds", "would not come later"),
        (Wish(effect=Effect.RETARGET, target_seconds=60), "target_seconds", "would not come later"),
    ],
)
def test_a_wrong_value_is_named(ask, wish, field, words):
    """Above all: no exception takes from what was promised."""
    clock = first(make_ticket(now=NOW))
    with pytest.raises(WrongValue, match=words) as refusal:
        ask(clock, wish, minutes=30)
    assert refusal.value.field == field
    with pytest.raises(WrongValue, match=words):
        preview_exception(clock=clock, wish=wish, now=at(30))
    assert not ClockException.objects.exists()


def test_information_that_arrived_after_the_answer_restarts_nothing(ask, anna):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    with pytest.raises(WrongValue, match="ended by then"):
        ask(first(ticket), Wish(effect=Effect.RESTART, since=at(71)), minutes=80)


def test_a_code_allows_its_own_effects_while_it_is_used(ask, every_effect):
    clock = first(make_ticket(now=NOW))
    with pytest.raises(WrongValue, match="does not allow") as refusal:
        ask(clock, VOID, minutes=30, code=ExceptionCode.objects.get(code="scheduled-maintenance"))
    assert refusal.value.field == "effect"
    every_effect.is_active = False
    with pytest.raises(WrongValue, match="no longer used") as refusal:
        ask(clock, VOID, minutes=30)
    assert refusal.value.field == "code"
    with pytest.raises(WrongValue, match="evidence"):
        ask(clock, VOID, minutes=30, code=ExceptionCode.objects.get(code="force-majeure"), evidence=" \n")


def test_customers_ask_for_none(ask):
    ticket = make_ticket(now=NOW)
    with pytest.raises(Refused, match="Only staff"):
        ask(first(ticket), VOID, minutes=30, actor=ticket.requester)


def test_what_counts_nowhere_is_not_excepted(ask, grant, anna):
    spam = make_ticket(now=NOW)
    services.mark_spam(ticket=spam, actor=anna, reason="Casino.", now=at(10))
    void = make_ticket(now=NOW)
    grant(first(void), VOID, minutes=30)
    for ticket in (spam, void):
        with pytest.raises(Refused, match="does not count any more"):
            ask(first(ticket), RETARGET_90, minutes=40)


def test_what_has_lost_its_object_cannot_be_approved(ask, anna, helen):
    """Asked for while it ran, cancelled before anybody decided."""
    ticket = make_ticket(now=NOW)
    asked = ask(first(ticket), RETARGET_90, minutes=30)
    services.mark_spam(ticket=ticket, actor=anna, reason="Casino.", now=at(40))
    with pytest.raises(Refused, match="does not count any more"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(41))
    services.decide_exception(exception=asked, approve=False, note="Spam.", actor=helen, now=at(42))


def test_an_exception_on_a_stretch_that_pauses_took_meanwhile_changes_nothing(ask, anna, helen):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which one?", now=NOW)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    asked = ask(ticket.clocks.get(metric="next_response"), pause(40, 50), minutes=20)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(30))
    services.set_status(ticket=ticket, status=Status.OPEN, actor=anna, now=at(60))
    with pytest.raises(Refused, match="would not come later"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(61))


def test_the_preview_is_what_an_approval_then_does(ask, helen):
    ticket = make_ticket(now=NOW)
    promised = preview_exception(clock=first(ticket), wish=pause(10, 45), now=at(80))
    assert (later(promised.before.breached_at), promised.after.breached_at) == (60, None)
    asked = ask(first(ticket), pause(10, 45), minutes=80)
    waiting = outlook(asked, now=at(80))
    services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(80))
    asked.refresh_from_db()
    done = outlook(asked, now=at(500))
    clock = first(ticket).folded()
    assert [found.after for found in (promised, waiting, done)] == [clock] * 3
    assert [found.before for found in (promised, waiting, done)] == [promised.before] * 3


def test_what_was_refused_or_cannot_be_any_more_did_nothing(ask, anna, helen):
    ticket = make_ticket(now=NOW)
    asked = ask(first(ticket), VOID, minutes=30)
    services.mark_spam(ticket=ticket, actor=anna, reason="Casino.", now=at(40))
    asked.refresh_from_db()
    assert outlook(ClockException.objects.get(), now=at(41)) is None
    services.decide_exception(exception=asked, approve=False, note="Spam.", actor=helen, now=at(42))
    assert outlook(ClockException.objects.get(), now=at(43)) is None
