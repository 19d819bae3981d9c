"""Each effect of an exception on each kind of clock; gross stays (SPEC 2.4)."""

import pytest

from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockException
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, TicketEvent
from helpdesk.tickets.services import Wish
from tests.factories import make_ticket
from tests.tickets.exceptions.asking import NOW, RESTART_20, RETARGET_90, VOID, at, first, later, net_and_gross, pause

pytestmark = pytest.mark.django_db


def all_is_well() -> bool:
    return verify(now=NOW).examples == []


# Effect, what the clock is after it (state, net due, net breach, gross due, gross breach).
RUNNING = [
    (VOID, ("exempt", 60, None, 60, None)),
    (pause(10, 25), ("running", 75, None, 60, None)),
    (RESTART_20, ("running", 80, None, 60, None)),
    (RETARGET_90, ("running", 90, None, 60, None)),
]


@pytest.mark.parametrize(("wish", "expected"), RUNNING)
def test_of_a_running_clock(grant, anna, wish, expected):
    """The net deadline moves, the gross one stays; an answer between the two is met net and late gross."""
    ticket = make_ticket(now=NOW)
    clock = grant(first(ticket), wish, minutes=30)
    assert net_and_gross(clock) == expected
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    clock.refresh_from_db()
    assert (clock.is_met, later(clock.breached_at)) == (wish != VOID, None)
    assert (later(clock.ended_at), clock.answered_by, later(clock.gross_breached_at)) == (70, anna, 60)
    assert all_is_well()


BREACHED = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 45), ("running", 95, None, 60, 60)),
    (pause(10, 15), ("running", 65, 65, 60, 60)),
    (Wish(effect=Effect.RESTART, since=at(40)), ("running", 100, None, 60, 60)),
    (Wish(effect=Effect.RETARGET, target_seconds=75 * 60), ("running", 75, 75, 60, 60)),
    (RETARGET_90, ("running", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), BREACHED)
def test_of_a_breached_clock_that_nobody_answered(grant, wish, expected):
    """The net breach moves to the new deadline, or is gone while that lies ahead; the gross one stays."""
    clock = grant(first(make_ticket(now=NOW)), wish, minutes=80)
    assert net_and_gross(clock) == expected
    assert all_is_well()


def test_a_breach_that_was_lifted_can_happen_again(grant, anna):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 45), minutes=80)
    services.assign(ticket=ticket, owner=anna, actor=anna, now=at(90))
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(96))
    clock = first(ticket)
    assert net_and_gross(clock) == ("fulfilled", 95, 95, 60, 60)
    assert clock.owner_at_due == anna
    assert [event.kind for event in clock.events.all()] == ["start", "breach", "exempt", "breach", "fulfil"]


ANSWERED_LATE = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 25), ("fulfilled", 75, None, 60, 60)),
    (pause(10, 12), ("fulfilled", 62, 62, 60, 60)),
    (pause(55, 100), ("fulfilled", 105, None, 60, 60)),
    (RESTART_20, ("fulfilled", 80, None, 60, 60)),
    (RETARGET_90, ("fulfilled", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), ANSWERED_LATE)
def test_of_a_clock_that_was_answered_late(grant, anna, wish, expected):
    """Judged again by when it was answered; the answer and its author stay."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    clock = grant(first(ticket), wish, minutes=120)
    assert net_and_gross(clock) == expected
    assert (later(clock.ended_at), clock.answered_by) == (70, anna)
    assert clock.is_met == (expected[0] == "fulfilled" and expected[2] is None)
    assert all_is_well()


@pytest.mark.parametrize("wish", [pause(10, 25), RESTART_20, RETARGET_90])
def test_of_a_clock_that_was_answered_in_time_the_verdict_stays(grant, anna, wish):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(50))
    clock = grant(first(ticket), wish, minutes=120)
    assert (clock.is_met, clock.gross_breached_at, later(clock.gross_due_at)) == (True, None, 60)


ENDED = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 25), ("exempt", 75, None, 60, 60)),
    (pause(10, 12), ("ended", 62, 62, 60, 60)),
    (RESTART_20, ("exempt", 80, None, 60, 60)),
    (RETARGET_90, ("exempt", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), ENDED)
def test_of_a_clock_that_ended_unanswered(grant, wish, expected):
    """Closed before the new deadline it leaves the net figures, as if it had been closed in time."""
    ticket = make_ticket(now=NOW)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(70))
    clock = grant(first(ticket), wish, minutes=120)
    assert net_and_gross(clock) == expected
    assert later(clock.ended_at) == 70
    assert all_is_well()


# A next response, 4 business hours from minute 10 on: due at minute 250. Waiting from minute 30 on.
PAUSED = [
    (pause(15, 25), 290, 280),
    (Wish(effect=Effect.RESTART, since=at(20)), 290, 280),
    (Wish(effect=Effect.RETARGET, target_seconds=250 * 60), 290, 280),
    (pause(20, 40), 290, 280),  # half of it paused already: left out once
]


@pytest.mark.parametrize(("wish", "due", "gross_due"), PAUSED)
def test_of_a_paused_clock(grant, anna, wish, due, gross_due):
    """Nobody knows the deadline before it goes on; then both lie apart by what was excepted."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which one?", now=NOW)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(30))
    clock = grant(ticket.clocks.get(metric="next_response"), wish, minutes=40)
    assert net_and_gross(clock) == ("paused", None, None, None, None)
    services.set_status(ticket=ticket, status=Status.OPEN, actor=anna, now=at(60))
    clock.refresh_from_db()
    assert net_and_gross(clock) == ("running", due, None, gross_due, None)
    assert all_is_well()


def test_a_void_clock_waits_for_its_answer_and_bothers_nobody(grant, anna):
    ticket = make_ticket(now=NOW)
    clock = grant(first(ticket), VOID, minutes=30)
    ticket.refresh_from_db()
    assert (clock.next_check_at, ticket.next_due_at, clock.ended_at) == (None, None, None)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(50))
    clock.refresh_from_db()
    assert (clock.state, later(clock.ended_at), clock.gross_breached_at) == ("exempt", 50, None)


def test_the_queue_follows_the_net_deadline(grant):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 25), minutes=30)
    ticket.refresh_from_db()
    assert later(ticket.next_due_at) == 75


def test_two_exceptions_add_up_and_gross_stays(grant):
    clock = first(make_ticket(now=NOW))
    grant(clock, pause(10, 25), minutes=26)
    grant(clock, RETARGET_90, minutes=30)
    assert net_and_gross(clock) == ("running", 105, None, 60, None)


def test_both_judgements_and_their_authors_stay(grant, anna, helen):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 25), minutes=30)
    exempted = ClockException.objects.get().clock.events.get(kind="exempt")
    assert (exempted.actor, exempted.at) == (helen, at(31))
    assert exempted.data == {
        "effect": "pause",
        "reason": "anything",
        "exception": ClockException.objects.get().pk,
        "from": at(10).isoformat(),
        "until": at(25).isoformat(),
        "due_at": at(75).isoformat(),
    }
    kinds = TicketEvent.Kind
    rows = ticket.events.filter(kind__startswith="exception").values_list("kind", "actor", "at", "data__text")
    assert list(rows) == [
        (kinds.EXCEPTION_ASKED, anna.pk, at(30), "See the log."),
        (kinds.EXCEPTION_GRANTED, helen.pk, at(31), ""),
    ]
