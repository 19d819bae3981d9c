"""Which rules a clock is under, and what is written down of it: an auditor has nothing else to go by (SPEC 2.2)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.sla import services, versions
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import Calendar, Clock, Policy, PolicyVersion
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Facts, Hours
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FACTS = Facts(hub="content", channel="email", role="designated", severity="critical", account=1)
TOKYO = {"timezone": "Asia/Tokyo", "weekly": {"mon": [["10:00", "18:00"]]}}


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


@pytest.fixture
def clock(now) -> Clock:
    """The guaranteed hour of a new ticket."""
    return make_ticket(now=now).clocks.get(metric=Metric.FIRST_RESPONSE)


@pytest.fixture
def aim(now) -> Clock:
    """One business day, on a calendar."""
    return make_ticket(MembershipFactory(), now=now).clocks.get(metric=Metric.FIRST_RESPONSE)


def promised(clock: Clock, now, *, minutes: int) -> services.Promised:
    """Another target, always open, under the policy of the clock."""
    terms = services.promised_by(clock).terms
    terms = replace(terms, target=Target(seconds=60 * minutes), hours=Hours.ALWAYS)
    return services.promised(terms=terms, version=clock.policy_version, calendar_version=None, now=now)


def add_calendar(manager, now, **more) -> Calendar:
    common = {"definition": TOKYO, "day_names": {}, "actor": manager, "now": now}
    return versions.create_calendar(name="Tokyo", **common, **more)


@pytest.mark.parametrize(("days", "number"), [(None, 4), (3, 4), (2, 4), (1.5, 3), (1, 3), (0, 2), (-365 * 30, 1)])
def test_a_ticket_is_judged_by_the_newest_rules_that_there_were_when_it_came(manager, now, days, number):
    """Also when it is raised to critical weeks later."""
    policy = Policy.objects.order_by("position").first()
    terms = policy.versions.get(is_current=True).terms
    for later in range(3):
        versions.publish_policy(policy=policy, terms=terms, actor=manager, now=now + later * DAY)
    chosen = services.choose_policy(FACTS, as_of=None if days is None else now + days * DAY)
    assert (chosen.policy, chosen.number) == (policy, number)


def test_an_account_counts_on_the_calendar_in_force_of_its_own_or_else_on_the_standard_one(manager, now):
    standard = Calendar.objects.get(is_default=True)
    own = add_calendar(manager, now)
    account = MembershipFactory().account
    assert services.business_calendar(account).calendar == standard
    account.calendar = own
    assert services.business_calendar(account).calendar == own
    common = {"definition": TOKYO | {"holidays": ["2026-12-28"]}, "day_names": {}, "actor": manager, "now": now}
    again = versions.publish_calendar(calendar=own, **common)
    assert services.business_calendar(account) == again


def test_an_event_names_the_versions_of_the_rules_that_it_was_reckoned_by(now):
    ticket = make_ticket(MembershipFactory(), now=now)
    clock = ticket.clocks.get(metric=Metric.FIRST_RESPONSE)
    assert clock.calendar_version is not None
    assert services.under(clock) == {
        "policy_version": clock.policy_version_id,
        "calendar_version": clock.calendar_version_id,
    }
    assert services.under(clock).items() <= clock.events.get().data.items()


def test_a_clock_that_goes_over_to_another_ticket_keeps_its_whole_story(manager, now):
    """Else the customer's wait would begin again, and nobody could prove what was promised at first."""
    ticket, into = make_ticket(now=now), make_ticket(now=now)
    clock = ticket.clocks.get(metric=Metric.FIRST_RESPONSE)
    services.pause(clock, now=now + 5 * MINUTE, actor=manager, questioned=False)
    services.resume(clock, now=now + 10 * MINUTE, actor=manager)
    services.cancel(clock, now=now + 12 * MINUTE, actor=manager, reason="merged")
    heir = services.take_over(clock, ticket_id=into.pk, now=now + 12 * MINUTE, owner_id=None)
    heir.refresh_from_db()
    told = [(row.number, row.kind, row.at, row.actor, row.data) for row in clock.events.order_by("number")[:3]]
    assert [(row.number, row.kind, row.at, row.actor, row.data) for row in heir.events.order_by("number")] == [
        (number, kind, at, actor, data | {"copy_of": clock.pk}) for number, kind, at, actor, data in told
    ]
    assert set(heir.events.values_list("recorded_at", flat=True)) == {now + 12 * MINUTE}
    assert (heir.state, heir.due_at, heir.cycle, heir.event_count) == ("running", now + 65 * MINUTE, 2, 3)
    assert (heir.promise, heir.policy_version, heir.cause, heir.cause_note) == (
        clock.promise,
        clock.policy_version,
        clock.cause,
        clock.cause_note,
    )
    assert heir.next_check_at == now + 35 * MINUTE  # half of the hour, by the first step


def test_a_clock_on_a_calendar_goes_over_with_its_calendar_and_in_the_ticket_s_own_count(now, manager, aim):
    into = make_ticket(MembershipFactory(), now=now)
    services.cancel(aim, now=now + MINUTE, actor=manager, reason="merged")
    heir = services.take_over(aim, ticket_id=into.pk, now=now + MINUTE, owner_id=None)
    assert (heir.calendar_version, heir.due_at, heir.cycle) == (aim.calendar_version, aim.due_at, 2)
    services.take_over(aim, ticket_id=into.pk, now=now + MINUTE, owner_id=None)
    assert services.next_cycle(ticket_id=into.pk, metric=Metric.FIRST_RESPONSE) == 4
    assert services.next_cycle(ticket_id=aim.ticket_id, metric=Metric.FIRST_RESPONSE) == 2


def test_a_clock_that_goes_over_after_its_deadline_is_late_by_then_and_the_owner_is_held_to_it(now, manager, clock):
    into = make_ticket(now=now)
    services.cancel(clock, now=now + 12 * MINUTE, actor=manager, reason="spam")
    heir = services.take_over(clock, ticket_id=into.pk, now=now + 70 * MINUTE, owner_id=manager.pk)
    assert (heir.breached_at, heir.owner_at_due) == (now + 60 * MINUTE, manager)


def test_what_a_clock_promises_says_how_firmly_and_on_which_hours(clock, aim):
    made = [services.promised_by(each) for each in (clock, aim)]
    assert [(each.is_guaranteed, each.terms.hours) for each in made] == [(True, Hours.ALWAYS), (False, Hours.BUSINESS)]


def test_a_verb_of_the_clock_writes_over_nothing_that_is_not_its_own(now, clock):
    Clock.objects.filter(pk=clock.pk).update(cause_note="what somebody writes meanwhile")
    services.settle([clock], now=now + 70 * MINUTE, owner_id=None)
    clock.refresh_from_db()
    assert (clock.breached_at, clock.cause_note) == (now + 60 * MINUTE, "what somebody writes meanwhile")


def test_a_clock_of_a_later_window_says_when_it_was_asked_for(now, clock):
    later = now + 3 * 60 * MINUTE
    called = services.start(
        ticket_id=clock.ticket_id,
        promised=promised(clock, later, minutes=5),
        promise=Promise.OBJECTIVE,
        now=now,
        actor=None,
        cycle=2,
        begins_at=later,
    )
    event = called.events.get()
    assert (event.at, event.recorded_at, event.data["asked"]) == (later, now, now.isoformat())
    assert (called.started_at, called.due_at) == (later, later + 5 * MINUTE)


def test_what_moves_a_deadline_names_the_rules_that_it_moves_under(now, manager, clock):
    version = versions.publish_policy(
        policy=clock.policy_version.policy, terms=clock.policy_version.terms, actor=manager, now=now
    )
    moved = replace(promised(clock, now, minutes=30), version=version)
    services.retarget(clock, promised=moved, now=now + MINUTE, actor=manager, owner_id=None, reason="raised")
    assert clock.events.last().data.items() >= {"policy_version": version.pk, "calendar_version": None}.items()
    clock.refresh_from_db()
    assert (clock.policy_version, clock.due_at) == (version, now + 30 * MINUTE)


def test_every_event_has_the_next_number_also_when_two_are_written_at_once(now, manager, clock):
    for minutes, at in ((45, 1), (30, 40)):  # the second deadline has passed by then: a breach, and another one
        moved = promised(clock, now, minutes=minutes)
        services.retarget(clock, promised=moved, now=now + at * MINUTE, actor=manager, owner_id=None, reason="raised")
    assert list(clock.events.values_list("number", "kind")) == [
        (1, "start"),
        (2, "retarget"),
        (3, "breach"),
        (4, "retarget"),
    ]


def test_a_paused_clock_that_is_closed_ends_with_the_deadline_that_its_pause_had_moved(now, manager, clock):
    """Nobody was late: of the hour ten minutes were counted."""
    services.pause(clock, now=now + 10 * MINUTE, actor=manager, questioned=False)
    services.close(clock, now=now + 70 * MINUTE, actor=manager, owner_id=None, reason="customer")
    assert list(clock.events.values_list("kind", flat=True)) == ["start", "pause", "resume", "cancel"]
    assert (clock.state, clock.due_at, clock.breached_at) == ("cancelled", now + 120 * MINUTE, None)


def test_a_step_that_no_sweep_has_seen_is_owed_until_the_deadline_moves(now, manager, clock):
    """Else a breach that somebody's reply finds first would hide the step at half of the time from everybody."""
    half = now + 30 * MINUTE
    assert clock.next_check_at == half
    services.settle([clock], now=now + 70 * MINUTE, owner_id=None)
    assert (clock.breached_at, clock.next_check_at) == (now + 60 * MINUTE, half)


def test_under_a_new_deadline_only_the_steps_ahead_are_still_to_come(now, manager, clock):
    moved = promised(clock, now, minutes=70)  # half of it would be over
    services.retarget(clock, promised=moved, now=now + 40 * MINUTE, actor=manager, owner_id=None, reason="declined")
    assert clock.next_check_at == now + 52.5 * MINUTE


def test_where_nothing_has_passed_nothing_is_written(now, clock, django_assert_num_queries):
    """Every act on a ticket asks this of each of its clocks."""
    with django_assert_num_queries(0):
        services.settle([clock] * 30, now=now + MINUTE, owner_id=None)


def test_columns_are_made_again_with_the_steps_still_owed_and_nothing_else_is_touched(now, clock):
    Clock.objects.filter(pk=clock.pk).update(due_at=now, next_check_at=None)
    damaged = Clock.objects.get(pk=clock.pk)
    Clock.objects.filter(pk=clock.pk).update(cause_note="what somebody writes meanwhile")
    assert services.rebuild(damaged, now=now + 10 * MINUTE)
    clock.refresh_from_db()
    assert (clock.due_at, clock.next_check_at) == (now + 60 * MINUTE, now + 30 * MINUTE)
    assert clock.cause_note == "what somebody writes meanwhile"
    Clock.objects.filter(pk=clock.pk).update(due_at=now)
    clock.refresh_from_db()
    assert services.rebuild(clock, now=now + 50 * MINUTE)
    assert clock.next_check_at == now + 30 * MINUTE  # no sweep has seen it
    assert not services.rebuild(clock, now=now + 50 * MINUTE)


def test_rules_are_read_once_and_only_those_that_are_asked_for(now, manager, aim, caplog, django_assert_num_queries):
    other = Policy.objects.exclude(pk=aim.policy_version.policy_id).first()
    PolicyVersion.objects.create(policy=other, number=99, document={"steps": 1}, created_at=now, is_current=False)
    broken = Calendar.objects.create(name="Broken")
    broken.versions.create(number=1, definition={"timezone": "No/Where"}, created_at=now, is_current=True)
    rules = services.Rules()
    with django_assert_num_queries(2):
        rules.learn(iter([aim]))
    with django_assert_num_queries(0):
        rules.learn([aim])
    assert rules.of(aim) == (aim.policy_version.terms, aim.hours)
    assert caplog.records == []  # what is broken elsewhere is nobody's business here


def test_a_clock_that_is_locked_lets_rows_that_only_refer_to_it_in(clock):
    """A request for an exception, say, is written while somebody replies."""
    with CaptureQueriesContext(connection) as queries:
        assert services.lock_unanswered(ticket_id=clock.ticket_id)[0] == services.lock(clock.pk)
    assert all(query["sql"].endswith('FOR NO KEY UPDATE OF "helpdesk_clock"') for query in queries)
