"""A rollout beside others, beside a person, and killed: each clock moves once (SPEC 2.2, 2.9)."""

import pytest

from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Clock, ClockEvent, Rollout
from helpdesk.sla.versions import publish_policy
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import rollouts
from tests.at_once import at_once
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.killed import killed_while
from tests.tickets.proofs import prove_all
from tests.tickets.scenes import OPENED, STANDARD, at, policy, reply, with_target

pytestmark = pytest.mark.django_db(transaction=True)


def forty_tickets_and_a_rollout() -> Rollout:
    standard, member = policy(STANDARD), DesignatedFactory()
    for _ in range(40):
        make_ticket(member, now=OPENED)
    manager = StaffFactory(staff_role="manager")
    terms = with_target(standard, Metric.FIRST_RESPONSE, seconds=7200)
    publish_policy(policy=standard, terms=terms, actor=manager, now=at(1))
    return rollouts.start_rollout(policy=standard, reason="New rules", actor=manager, now=at(2))


def each_moved_once(rollout: Rollout) -> bool:
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seen, rollout.changed) == (Rollout.State.DONE, 40, 40)
    assert set(Clock.objects.values_list("due_at", "version", "event_count")) == {(at(120), 2, 2)}
    assert ClockEvent.objects.filter(kind="retarget").count() == 40
    prove_all()
    return True


def test_workers_at_once_move_each_clock_once(monkeypatch):
    monkeypatch.setattr(rollouts, "CHUNK", 5)
    rollout = forty_tickets_and_a_rollout()
    assert at_once(*[lambda: rollouts.advance_rollouts(now=at(2))] * 3) == []
    rollouts.advance_rollouts(now=at(3))  # what the one that came second left to the first
    assert each_moved_once(rollout)


def test_a_person_who_works_meanwhile_loses_nothing(monkeypatch):
    monkeypatch.setattr(rollouts, "CHUNK", 5)
    rollout = forty_tickets_and_a_rollout()
    specialist, tickets = StaffFactory(), list(Ticket.objects.order_by("pk"))

    def work():
        for ticket in tickets:
            reply(ticket, specialist, 2)

    assert at_once(work, lambda: rollouts.advance_rollouts(now=at(2))) == []
    rollout.refresh_from_db()
    assert rollout.state == Rollout.State.DONE
    assert set(Clock.objects.values_list("state", "answered_by", "ended_at")) == {("fulfilled", specialist.pk, at(2))}
    assert Clock.objects.filter(due_at=at(120)).count() == rollout.changed
    prove_all()


KILLED = """
from helpdesk.tickets.services import rollouts
rollouts.CHUNK = 10
moved = rollouts._move
def move(*clock, **more):
    move.count += 1
    moved(*clock, **more)
    if move.count == 25:
        die()  # in the middle of the third chunk
move.count = 0
rollouts._move = move
rollouts.advance_rollouts(now=NOW)
"""


def test_killed_half_way_it_goes_on_where_it_was():
    rollout = forty_tickets_and_a_rollout()
    killed_while(KILLED, now=at(2))
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seen, rollout.changed) == (Rollout.State.RUNNING, 20, 20)
    assert Clock.objects.filter(version=2).count() == 20
    prove_all()
    rollouts.advance_rollouts(now=at(3))
    assert each_moved_once(rollout)
