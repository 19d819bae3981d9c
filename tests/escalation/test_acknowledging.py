"""Saying "I have it": stops the reminders of that step, not the breach, nor anything of a later deadline (SPEC 2.5)."""

from datetime import timedelta

import pytest

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.escalation.sweep import sweep
from helpdesk.tickets import services
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def fired(percent: int) -> Escalation:
    return Escalation.objects.filter(percent=percent, state="fired").earliest("id")


def reminders() -> int:
    return Escalation.objects.filter(reminder__gt=0).count()


def test_an_early_step_acknowledged_stops_no_later_one(crew, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 31 * MINUTE)
    assert acknowledge(escalation=fired(50), actor=crew.anna, now=now + 32 * MINUTE) is True
    assert acknowledge(escalation=fired(50), actor=crew.jan, now=now + 33 * MINUTE) is False
    assert fired(50).acknowledged_by == crew.anna
    for minutes in (61, 91, 121):
        sweep(now=now + minutes * MINUTE)
    assert (fired(100).acknowledged_at, reminders()) == (None, 2)
    assert ticket.clocks.get().breached_at == now + 60 * MINUTE


def test_after_a_gap_no_reminder_comes_of_what_somebody_has_taken(crew, climb, now):
    """The sweep comes late, for the breach: who said "I have it" must not be reminded by the way."""
    climb({"percent": 50, "recipients": ["team"]})
    ticket = make_ticket(now=now)
    sweep(now=now + 31 * MINUTE)
    assert acknowledge(escalation=fired(50), actor=crew.anna, now=now + 32 * MINUTE) is True
    assert ticket.clocks.get().next_check_at == now + 60 * MINUTE
    sweep(now=now + 125 * MINUTE)
    clock = ticket.clocks.get()
    assert (clock.breached_at, clock.next_check_at, reminders()) == (now + 60 * MINUTE, None, 0)


def test_of_a_deadline_that_has_gone_nothing_of_the_new_one_is_stopped(crew, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 61 * MINUTE)
    services.raise_to_critical(ticket=ticket, actor=crew.anna, reason="Worse", now=now + 62 * MINUTE)
    assert acknowledge(escalation=fired(100), actor=crew.helen, now=now + 63 * MINUTE) is True
    sweep(now=now + 93 * MINUTE)
    sweep(now=now + 123 * MINUTE)
    assert Escalation.objects.filter(ticket=ticket, deadline_version=2, reminder=1).count() == 1


def test_an_answered_one_can_be_acknowledged_still(crew, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 61 * MINUTE)
    services.reply(ticket=ticket, actor=crew.anna, body="Sorry.", now=now + 62 * MINUTE)
    assert acknowledge(escalation=fired(100), actor=crew.helen, now=now + 63 * MINUTE) is True
    assert ticket.clocks.get().next_check_at is None


def test_a_sweep_stops_after_so_many_batches_and_the_next_goes_on(crew, now):
    for _ in range(3):
        make_ticket(now=now)
    assert sweep(now=now + 31 * MINUTE, batch_size=1, max_batches=2).claimed == 2
    assert sweep(now=now + 31 * MINUTE, batch_size=1).claimed == 1


def test_how_late_one_was_and_what_it_is_called(crew, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 31 * MINUTE)
    assert (fired(50).lateness, str(fired(50))) == (60.0, f"PS-{ticket.pk} · 50 %")


def test_of_the_step_before_the_last_no_reminder_is_stopped(crew, now):
    make_ticket(now=now)
    sweep(now=now + 46 * MINUTE)
    acknowledge(escalation=fired(75), actor=crew.olu, now=now + 47 * MINUTE)
    for minute in (61, 91):
        sweep(now=now + minute * MINUTE)
    assert Escalation.objects.filter(percent=100, reminder=1, state="fired").count() == 1


def test_acknowledging_one_is_said_of_no_other(crew, now):
    """Not of another step, of another ticket, or of a deadline that has gone."""
    ticket, other = make_ticket(critical=True, now=now), make_ticket(critical=True, now=now)
    sweep(now=now + 16 * MINUTE)
    services.judge_claim(ticket=ticket, actor=crew.olu, confirmed=False, reason="No.", now=now + 20 * MINUTE)
    services.judge_claim(ticket=other, actor=crew.olu, confirmed=False, reason="No.", now=now + 20 * MINUTE)
    for minute in (31, 46, 61):
        sweep(now=now + minute * MINUTE)
    clock = ticket.clocks.get()
    last = Escalation.objects.get(clock=clock, percent=50, deadline_version=clock.version)
    acknowledge(escalation=last, actor=crew.olu, now=now + 62 * MINUTE)
    assert list(Escalation.objects.exclude(acknowledged_at=None)) == [last]
    assert Escalation.objects.count() == 8


def test_after_the_last_step_is_acknowledged_there_is_nothing_to_look_for(crew, now):
    """Else the sweep would come back to it for ever."""
    ticket = make_ticket(now=now)
    sweep(now=now + 61 * MINUTE)
    assert ticket.clocks.get().next_check_at == now + 90 * MINUTE
    acknowledge(escalation=fired(100), actor=crew.helen, now=now + 65 * MINUTE)
    assert ticket.clocks.get().next_check_at is None
