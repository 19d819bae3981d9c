"""New rules take over for open tickets: as previewed, in chunks, never for what is closed (SPEC 2.2, 2.3)."""

import copy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from helpdesk.sla.clock import EventKind, State
from helpdesk.sla.models import Calendar, Policy, Rollout
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Terms
from helpdesk.sla.verification import difference
from helpdesk.sla.versions import Overtaken, publish_calendar, publish_policy, set_policy_active
from helpdesk.tickets import services
from helpdesk.tickets.services import rollouts
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


@pytest.fixture
def standard():
    return Policy.objects.get(name="Standard, designated super admins")


def with_first_response(policy: Policy, seconds: int) -> Terms:
    terms = policy.versions.get(is_current=True).terms
    first, *rest = terms.targets
    return replace(terms, targets=(replace(first, target=Target(seconds=seconds)), *rest))


def roll(now: datetime, **what) -> Rollout:
    rollout = rollouts.start_rollout(**what, reason="test", actor=None, now=now)
    rollouts.advance_rollouts(now=now)
    rollout.refresh_from_db()
    return rollout


def sound(*tickets) -> bool:
    return not any(difference(clock, list(clock.events.all())) for row in tickets for clock in row.clocks.all())


def test_a_new_version_is_for_new_tickets_until_somebody_moves_the_open_ones(standard, manager, now):
    before = make_ticket(now=now)
    version = publish_policy(
        policy=standard, terms=with_first_response(standard, 1200), actor=manager, now=now + MINUTE
    )
    after = make_ticket(now=now + 2 * MINUTE)
    assert [row.clocks.get().due_at for row in (before, after)] == [now + HOUR, now + 22 * MINUTE]
    rollout = roll(now + 3 * MINUTE, policy=standard)
    assert before.clocks.get().due_at == now + 20 * MINUTE
    assert (rollout.state, rollout.total, rollout.seen, rollout.changed, rollout.late) == ("done", 2, 2, 1, 0)
    before.refresh_from_db()
    assert (before.policy_version, before.next_due_at) == (version, now + 20 * MINUTE)
    assert sound(before, after)


def test_the_preview_counts_what_the_rollout_then_does(standard, manager, now):
    tickets = [make_ticket(now=now + n * 10 * MINUTE) for n in range(3)]
    services.reply(ticket=tickets[2], actor=manager, body="Hi", now=now + 25 * MINUTE)
    terms, at = with_first_response(standard, 900), now + 24 * MINUTE
    services_at = at + 2 * MINUTE
    preview = rollouts.preview_policy(policy=standard, terms=terms, now=services_at)
    assert (preview.open, preview.changed, preview.sooner, preview.later, preview.late) == (2, 2, 2, 0, 2)
    assert preview.late_tickets == tickets[:2]
    publish_policy(policy=standard, terms=terms, actor=manager, now=services_at)
    rollout = roll(services_at, policy=standard)
    assert (rollout.changed, rollout.late) == (preview.changed, preview.late)
    clock = tickets[0].clocks.get()
    # One breach, stamped with the deadline that the new rules would have given; and a time that can still be kept.
    assert (clock.breached_at, clock.due_at) == (now + 15 * MINUTE, services_at + 15 * MINUTE)
    assert tickets[2].clocks.get().state == State.FULFILLED
    assert sound(*tickets)


def test_a_policy_out_of_force_hands_its_open_tickets_to_the_next_that_fits(standard, manager, now):
    critical = Policy.objects.get(name="Business critical, designated super admins")
    ticket = make_ticket(critical=True, now=now)
    set_policy_active(policy=critical, active=False)
    roll(now + 5 * MINUTE, policy=critical)
    clock = ticket.clocks.get()
    assert (clock.due_at, clock.policy_version.policy) == (now + HOUR, standard)
    # Now no policy guarantees anything: what was guaranteed stays as it was promised.
    set_policy_active(policy=standard, active=False)
    rollout = roll(now + 6 * MINUTE, policy=standard)
    clock.refresh_from_db()
    assert (clock.due_at, clock.is_guaranteed, rollout.changed) == (now + HOUR, True, 0)


def test_an_aim_that_nobody_has_any_more_ends_and_counts_nowhere(manager, now):
    ticket = make_ticket(MembershipFactory(), now=now)
    others = Policy.objects.get(name="All other users")
    set_policy_active(policy=others, active=False)
    preview = rollouts.preview_policy(policy=others, terms=None, now=now + MINUTE)
    assert (preview.open, preview.withdrawn) == (1, 1)
    roll(now + MINUTE, policy=others)
    assert ticket.clocks.get().state == State.CANCELLED


def test_a_holiday_that_is_added_moves_open_clocks_and_no_closed_one(manager, now):
    """Tuesday 12:05 UTC, aim of one business day: due on Wednesday at 12:05, which becomes a holiday."""
    calendar = Calendar.objects.get(is_default=True)
    still_open, closed, missed = (make_ticket(MembershipFactory(), now=now) for _ in range(3))
    services.reply(ticket=closed, actor=manager, body="Hi", now=now + HOUR)
    definition = copy.deepcopy(calendar.versions.get(is_current=True).definition)
    definition["holidays"] = ["2026-11-25"]
    before = [list(row.clocks.values()) for row in (closed,)]
    publish_calendar(calendar=calendar, definition=definition, day_names={}, actor=manager, now=now + 2 * HOUR)
    preview = rollouts.preview_calendar(calendar=calendar, definition=definition, now=now + 2 * HOUR)
    rollout = roll(now + 2 * HOUR, calendar=calendar)
    assert (preview.open, preview.changed, preview.later, preview.late) == (2, 2, 2, 0)
    assert rollout.changed == 2
    assert still_open.clocks.get().due_at == now + timedelta(days=2)
    assert [list(row.clocks.values()) for row in (closed,)] == before
    assert [event.kind for event in still_open.clocks.get().events.all()] == [EventKind.START, EventKind.RETARGET]
    assert sound(still_open, closed, missed)


def test_two_managers_who_publish_at_once_do_not_overwrite_each_other(standard, manager, now):
    terms = with_first_response(standard, 1200)
    publish_policy(policy=standard, terms=terms, based_on=1, actor=manager, now=now)
    with pytest.raises(Overtaken, match="Version 2"):
        publish_policy(policy=standard, terms=terms, based_on=1, actor=manager, now=now)
    assert list(standard.versions.order_by("number").values_list("number", "is_current")) == [(1, False), (2, True)]


def test_it_goes_on_where_it_was_and_a_newer_rollout_takes_its_place(standard, manager, now, monkeypatch):
    monkeypatch.setattr(rollouts, "CHUNK", 2)
    tickets = [make_ticket(now=now) for _ in range(5)]
    publish_policy(policy=standard, terms=with_first_response(standard, 7200), actor=manager, now=now)
    rollout = rollouts.start_rollout(policy=standard, reason="", actor=manager, now=now)
    assert rollouts.advance_rollouts(now=now + MINUTE, seconds=0) == {"chunks": 0, "changed": 0}
    rollouts._chunk(now=now + MINUTE)
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seen, rollout.changed) == ("running", 2, 2)
    assert rollouts.advance_rollouts(now=now + MINUTE) == {"chunks": 2, "changed": 3}
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seen, rollout.finished_at) == ("done", 5, now + MINUTE)
    assert {row.clocks.get().due_at for row in tickets} == {now + 2 * HOUR}
    first = rollouts.start_rollout(policy=standard, reason="", actor=manager, now=now)
    rollouts.start_rollout(policy=standard, reason="", actor=manager, now=now)
    first.refresh_from_db()
    assert first.state == "stopped"
    assert rollouts.stop_rollout(rollout=first, actor=manager, now=now) is False
