"""Two people and one exception, at one moment (SPEC 2.4)."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Notice
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockEvent, ClockException, ExceptionCode
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import TicketEvent
from helpdesk.tickets.services import Refused, Wish
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


def ask(clock, actor, *, now=NOW + 30 * MINUTE) -> ClockException:
    code = ExceptionCode.objects.get(code="declared-incident")
    wish = Wish(effect=Effect.PAUSE, out_from=NOW + 5 * MINUTE, out_until=NOW + 25 * MINUTE)
    return services.request_exception(clock=clock, code=code, wish=wish, evidence="Log.", actor=actor, now=now)


def managers(number: int) -> list:
    return [StaffFactory(staff_role=StaffRole.MANAGER) for _ in range(number)]


@pytest.mark.parametrize("_again", range(3))
def test_of_two_deciders_one_decides(_again):
    clock, (first, second) = make_ticket(now=NOW).clocks.get(), managers(2)
    asked = ask(clock, StaffFactory())

    def decide(actor, approve):
        services.decide_exception(exception=asked, approve=approve, note="No.", actor=actor, now=NOW + 31 * MINUTE)

    raised = at_once(lambda: decide(first, True), lambda: decide(second, False))
    assert [type(error) for error in raised] == [Refused]
    asked.refresh_from_db()
    clock.refresh_from_db()
    assert (asked.decided_by, clock.due_at) in [(first, NOW + 80 * MINUTE), (second, NOW + 60 * MINUTE)]
    assert ClockEvent.objects.filter(kind="exempt").count() == (asked.state == "approved")
    assert TicketEvent.objects.filter(kind__in=["exception_granted", "exception_refused"]).count() == 1
    assert Notice.objects.filter(kind="exception_decided").count() == 1
    assert verify(now=NOW).differing == 0


@pytest.mark.parametrize("_again", range(3))
def test_of_two_who_ask_one_is_heard(_again):
    clock = make_ticket(now=NOW).clocks.get()
    people = [StaffFactory() for _ in range(3)]
    raised = at_once(*[partial(ask, clock, person) for person in people])
    assert [type(error) for error in raised] == [Refused] * 2
    assert ClockException.objects.count() == TicketEvent.objects.filter(kind="exception_asked").count() == 1


@pytest.mark.parametrize("_again", range(3))
def test_approved_while_it_is_taken_back(_again):
    clock, (manager,), asker = make_ticket(now=NOW).clocks.get(), managers(1), StaffFactory()
    asked, soon = ask(clock, asker), NOW + 31 * MINUTE
    raised = at_once(
        lambda: services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=soon),
        lambda: services.withdraw_exception(exception=asked, actor=asker, now=soon),
    )
    assert [type(error) for error in raised] == [Refused]
    asked.refresh_from_db()
    assert ClockEvent.objects.filter(kind="exempt").exists() == (asked.state == "approved")


@pytest.mark.parametrize("_again", range(3))
def test_approved_while_the_reply_is_sent_and_a_sweep_passes(_again):
    """Whoever comes first: answered at minute 70, net due at 80, gross at 60."""
    ticket, (manager,) = make_ticket(now=NOW), managers(1)
    asked, soon = ask(ticket.clocks.get(), StaffFactory()), NOW + 70 * MINUTE
    raised = at_once(
        lambda: services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=soon),
        lambda: services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", now=soon),
        lambda: sweep(now=soon),
    )
    assert raised == []
    clock = ticket.clocks.get()
    assert (clock.is_met, clock.due_at, clock.gross_breached_at) == (True, NOW + 80 * MINUTE, NOW + 60 * MINUTE)
    assert verify(now=NOW).differing == 0
