"""A policy deactivated, a calendar or a holiday changed: open clocks only, in chunks, in the background (SPEC 2.3)."""

import copy
import random
from datetime import UTC, datetime

import pytest

from helpdesk.accounts.models import Membership
from helpdesk.sla.clock import Effect, Metric, State
from helpdesk.sla.models import Calendar, Clock, ClockEvent, ExceptionCode, Rollout
from helpdesk.sla.versions import publish_calendar, publish_policy, set_policy_active
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import Wish, rollouts
from tests.factories import DesignatedFactory, MembershipFactory, make_ticket
from tests.tickets.scenes import (
    CRITICAL,
    OPENED,
    OTHERS,
    STANDARD,
    at,
    first_response,
    policy,
    raised,
    reply,
    with_target,
    write,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]
TOMORROW = "2026-11-25"  # a Wednesday


@pytest.fixture
def user():
    """Somebody who is given aims, in business hours."""
    return MembershipFactory()


def roll(minutes: float, *, actor, **what) -> Rollout:
    rollout = rollouts.start_rollout(**what, reason="New rules", actor=actor, now=at(minutes))
    rollouts.advance_rollouts(now=at(minutes))
    rollout.refresh_from_db()
    assert (rollout.state, rollout.failed) == (Rollout.State.DONE, 0)
    return rollout


def holiday(calendar: Calendar, day: str) -> dict:
    return copy.deepcopy(calendar.versions.get(is_current=True).definition) | {"holidays": [day]}


def as_they_stand(*tickets: Ticket) -> list[dict]:
    """Everything that is known of clocks, and of their events."""
    clocks = Clock.objects.filter(ticket__in=tickets).order_by("pk")
    return [*clocks.values(), *ClockEvent.objects.filter(clock__in=clocks).order_by("pk").values()]


def closed_in_every_way(member: Membership, specialist) -> list[Ticket]:
    answered, late, cancelled, missed, spam, breached = (make_ticket(member, now=at(0)) for _ in range(6))
    reply(answered, specialist, 5)
    reply(late, specialist, 24 * 60 * 2)
    services.close_by_customer(ticket=cancelled, actor=member.user, now=at(5))
    services.close_by_customer(ticket=missed, actor=member.user, now=at(24 * 60 * 2))
    services.mark_spam(ticket=spam, actor=specialist, reason="", now=at(5))
    services.add_note(ticket=breached, actor=specialist, body="Too late", now=at(24 * 60 * 2))
    return [answered, late, cancelled, missed, spam, breached]


def test_a_policy_deactivated_moves_open_clocks_only(specialist, manager):
    critical = policy(CRITICAL)
    member = DesignatedFactory()
    still_open, answered, missed = (make_ticket(member, critical=True, now=at(0)) for _ in range(3))
    reply(answered, specialist, 5)
    services.add_note(ticket=missed, actor=specialist, body="Too late", now=at(31))
    before = as_they_stand(answered, missed)
    still_open = make_ticket(member, critical=True, now=at(20))
    set_policy_active(policy=critical, active=False)
    roll(32, policy=critical, actor=manager)
    clock = first_response(still_open)
    assert (clock.due_at, clock.started_at, clock.promise) == (at(80), at(20), "guaranteed")
    assert as_they_stand(answered, missed) == before
    event = still_open.events.get(kind="rules")
    assert (event.actor, event.data["reason"]) == (manager, "New rules")


def test_a_holiday_added_moves_open_clocks_only(user, specialist, manager):
    calendar = Calendar.objects.get(is_default=True)
    still_open = make_ticket(user, now=at(24 * 60 * 2))  # Thursday, 12:05
    over = closed_in_every_way(user, specialist)
    before = as_they_stand(*over)
    definition = holiday(calendar, "2026-11-27")
    publish_calendar(calendar=calendar, definition=definition, day_names={}, actor=manager, now=at(24 * 60 * 2))
    rollout = roll(24 * 60 * 2 + 1, calendar=calendar, actor=manager)
    assert (rollout.total, rollout.changed) == (1, 1)
    assert first_response(still_open).due_at == datetime(2026, 11, 30, 12, 5, tzinfo=UTC)  # Monday
    assert as_they_stand(*over) == before
    assert make_ticket(user, now=at(24 * 60 * 2)).clocks.get().due_at == datetime(2026, 11, 30, 12, 5, tzinfo=UTC)


def test_other_hours_move_a_paused_clock_when_it_goes_on(user, specialist, manager):
    calendar = Calendar.objects.get(is_default=True)
    ticket = make_ticket(user, now=at(0))
    reply(ticket, specialist, 5)
    write(ticket, 10)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(20))
    publish_calendar(calendar=calendar, definition=holiday(calendar, TOMORROW), day_names={}, actor=manager, now=at(30))
    rollout = roll(31, calendar=calendar, actor=manager)
    assert rollout.changed == 0  # nobody knows its deadline
    clock = ticket.clocks.get(metric="next_response")
    assert (clock.state, clock.calendar_version.number) == (State.PAUSED, 2)
    write(ticket, 40)
    clock.refresh_from_db()
    assert clock.due_at == datetime(2026, 11, 26, 12, 35, tzinfo=UTC)  # one day, not Wednesday, and twenty minutes


def test_only_the_clocks_of_these_rules_move(user, specialist, manager):
    """Two promises on one ticket, by two policies: one of them is missed, the other always open."""
    member = DesignatedFactory()
    other, ticket = (make_ticket(member, critical=True, now=at(0)) for _ in range(2))
    # Declined, it stays standard though a claimed one is merged into it.
    services.judge_claim(ticket=ticket, actor=specialist, confirmed=False, reason="One form.", now=at(1))
    reply(ticket, specialist, 5)
    write(ticket, 10)
    services.merge(ticket=other, into=ticket, actor=specialist, reason="", now=at(15))
    first, then = first_response_of(ticket, CRITICAL), ticket.clocks.get(metric="next_response")
    publish_policy(
        policy=policy(STANDARD),
        terms=with_target(policy(STANDARD), Metric.NEXT_RESPONSE, seconds=3600),
        actor=None,
        now=at(16),
    )
    assert roll(17, policy=policy(STANDARD), actor=manager).changed == 1
    first.refresh_from_db()
    then.refresh_from_db()
    assert (first.due_at, first.version, then.due_at) == (at(30), 1, at(70))
    calendar = Calendar.objects.get(is_default=True)
    definition = calendar.versions.get().definition | {"weekly": {"tue": [["13:00", "17:00"]]}}
    publish_calendar(calendar=calendar, definition=definition, day_names={}, actor=manager, now=at(18))
    assert roll(19, calendar=calendar, actor=manager).changed == 1
    first.refresh_from_db()
    then.refresh_from_db()
    assert (first.due_at, first.version, then.due_at) == (at(30), 1, at(55 + 60))
    roll(32, policy=policy(CRITICAL), actor=manager)  # missed meanwhile
    first.refresh_from_db()
    assert (first.breached_at, first.version) == (at(30), 1)


def first_response_of(ticket: Ticket, name: str) -> Clock:
    return ticket.clocks.get(metric="first_response", policy_version__policy__name=name)


def test_new_rules_leave_an_approved_exception_alone(user, specialist, manager):
    """Neither is it taken back, nor does it become what is counted as if there were none."""
    calendar, ticket = Calendar.objects.get(is_default=True), make_ticket(user, now=at(0))
    exception = services.request_exception(
        clock=first_response(ticket),
        code=ExceptionCode.objects.get(code="not-confirmed-critical"),
        wish=Wish(effect=Effect.RETARGET, target_business_days=3),
        evidence="See the call.",
        actor=specialist,
        now=at(1),
    )
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(2))
    publish_calendar(calendar=calendar, definition=holiday(calendar, TOMORROW), day_names={}, actor=manager, now=at(3))
    preview = rollouts.preview_calendar(calendar=calendar, definition=holiday(calendar, TOMORROW), now=at(4))
    rollout = roll(4, calendar=calendar, actor=manager)
    assert (preview.changed, rollout.changed) == (1, 1)
    clock = first_response(ticket)
    assert clock.due_at == datetime(2026, 11, 30, 12, 5, tzinfo=UTC)
    assert clock.gross_due_at == datetime(2026, 11, 26, 12, 5, tzinfo=UTC)
    others = policy(OTHERS)
    publish_policy(policy=others, terms=with_target(others, Metric.NEXT_RESPONSE, seconds=60), actor=None, now=at(5))
    roll(6, policy=others, actor=manager)
    clock = first_response(ticket)
    assert (clock.due_at, clock.policy_version.number) == (datetime(2026, 11, 30, 12, 5, tzinfo=UTC), 2)
    # A target that is another one really is the same for both.
    publish_policy(
        policy=others, terms=with_target(others, Metric.FIRST_RESPONSE, business_days=2), actor=None, now=at(7)
    )
    roll(8, policy=others, actor=manager)
    clock = first_response(ticket)
    assert clock.due_at == clock.gross_due_at == datetime(2026, 11, 27, 12, 5, tzinfo=UTC)


def populate(dice: random.Random, specialist) -> None:
    """Tickets of all kinds and ages, on some of which something happened."""
    people = [DesignatedFactory(), MembershipFactory()]
    for number in range(12):
        opened = dice.randrange(0, 60)
        person = people[number % 2]
        ticket = make_ticket(person, now=at(opened), critical=number % 4 == 0)
        if dice.random() < 0.3:
            reply(ticket, specialist, opened + 1)
            write(ticket, opened + 2)
            if dice.random() < 0.7:
                services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(opened + 3))
        elif number % 2 == 0 and number % 4 and dice.random() < 0.4:
            raised(ticket, specialist, opened + 35)


SHORT_DAYS = {"tue": [["12:00", "18:00"]], "fri": [["09:00", "10:00"]]}


def other_target(name: str, seconds: int):
    def change(now: datetime, actor) -> tuple[rollouts.Preview, dict]:
        chosen = policy(name)
        terms = with_target(chosen, Metric.FIRST_RESPONSE, seconds=seconds)
        preview = rollouts.preview_policy(policy=chosen, terms=terms, now=now)
        publish_policy(policy=chosen, terms=terms, actor=actor, now=now)
        return preview, {"policy": chosen}

    return change


def out_of_force(name: str):
    def change(now: datetime, actor) -> tuple[rollouts.Preview, dict]:
        chosen = policy(name)
        preview = rollouts.preview_policy(policy=chosen, terms=None, now=now)
        set_policy_active(policy=chosen, active=False)
        return preview, {"policy": chosen}

    return change


def other_hours(**different):
    def change(now: datetime, actor) -> tuple[rollouts.Preview, dict]:
        calendar = Calendar.objects.get(is_default=True)
        definition = calendar.versions.get(is_current=True).definition | different
        preview = rollouts.preview_calendar(calendar=calendar, definition=definition, now=now)
        publish_calendar(calendar=calendar, definition=definition, day_names={}, actor=actor, now=now)
        return preview, {"calendar": calendar}

    return change


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "change",
    [
        other_target(STANDARD, 1500),
        other_target(STANDARD, 2400),
        other_target(STANDARD, 9000),
        other_target(CRITICAL, 60),
        other_target(OTHERS, 3000),
        out_of_force(STANDARD),
        out_of_force(CRITICAL),
        out_of_force(OTHERS),
        other_hours(weekly=SHORT_DAYS),
        other_hours(holidays=[TOMORROW]),
        other_hours(timezone="Asia/Tokyo"),
    ],
)
def test_the_preview_says_exactly_what_the_rollout_then_does(change, seed, specialist, manager):
    populate(random.Random(seed), specialist)
    now = at(75)
    preview, what = change(now, manager)
    open_before = {clock.pk: clock for clock in Clock.objects.open()}
    missed = set(Clock.objects.exclude(breached_at=None).values_list("pk", flat=True))
    missed |= {pk for pk, clock in open_before.items() if clock.due_at and clock.due_at < now}
    rollout = roll(75, **what, actor=manager)

    after = {clock.pk: clock for clock in Clock.objects.filter(pk__in=open_before)}
    late = [clock for pk, clock in after.items() if clock.breached_at and pk not in missed]
    assert (rollout.changed, rollout.late) == (preview.changed, preview.late)
    assert rollout.late == len(late)
    assert sorted(row.pk for row in preview.late_tickets) == sorted({clock.ticket_id for clock in late})
    kept = open_before.keys() - missed
    moved = [pk for pk in kept if after[pk] in late or after[pk].due_at != open_before[pk].due_at]
    withdrawn = [pk for pk in open_before if after[pk].state == State.CANCELLED]
    assert (preview.sooner + preview.later, preview.withdrawn) == (len(moved), len(withdrawn))


def test_a_renewed_time_that_happens_to_be_the_old_one_is_counted_as_previewed(manager):
    """Due at 13:05 under an hour; under twenty minutes missed at 12:25, and renewed at 12:45, it is due at 13:05."""
    ticket, change = make_ticket(now=at(0)), other_target(STANDARD, 1200)
    preview, what = change(at(40), manager)
    rollout = roll(40, **what, actor=manager)
    assert (first_response(ticket).breached_at, first_response(ticket).due_at) == (at(20), at(60))
    assert (preview.changed, preview.late) == (rollout.changed, rollout.late) == (1, 1)


def test_nothing_to_preview_for_what_is_not_saved_yet():
    assert rollouts.preview_policy(policy=None, terms=None, now=OPENED) == rollouts.Preview()
    definition = Calendar.objects.get(is_default=True).versions.get().definition
    assert rollouts.preview_calendar(calendar=None, definition=definition, now=OPENED) == rollouts.Preview()


def test_a_rollout_that_is_stopped_leaves_what_has_moved(manager, monkeypatch):
    monkeypatch.setattr(rollouts, "CHUNK", 2)
    standard, member = policy(STANDARD), DesignatedFactory()
    tickets = [make_ticket(member, now=at(0)) for _ in range(5)]
    publish_policy(
        policy=standard, terms=with_target(standard, Metric.FIRST_RESPONSE, seconds=7200), actor=manager, now=at(1)
    )
    rollout = rollouts.start_rollout(policy=standard, reason="", actor=manager, now=at(2))
    rollouts._chunk(now=at(2))
    assert rollouts.stop_rollout(rollout=rollout, actor=manager, now=at(3)) is True
    assert rollouts.advance_rollouts(now=at(4)) == {"chunks": 0, "changed": 0}
    assert [first_response(row).due_at for row in tickets] == [at(120)] * 2 + [at(60)] * 3


def test_one_ticket_that_cannot_be_reckoned_stops_nobody_elses(manager, user):
    """Its calendar's version is spoilt; the others move, and the rollout says so."""
    standard, member = policy(STANDARD), DesignatedFactory()
    tickets = [make_ticket(member, now=at(0)) for _ in range(3)]
    publish_policy(
        policy=standard, terms=with_target(standard, Metric.FIRST_RESPONSE, seconds=7200), actor=manager, now=at(1)
    )
    Clock.objects.filter(ticket=tickets[1]).update(target_seconds=0)
    rollout = rollouts.start_rollout(policy=standard, reason="", actor=manager, now=at(2))
    rollouts.advance_rollouts(now=at(2))
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seen, rollout.changed, rollout.failed) == (Rollout.State.DONE, 3, 2, 1)
    Clock.objects.filter(ticket=tickets[1]).update(target_seconds=3600)
    assert [first_response(row).due_at for row in tickets] == [at(120), at(60), at(120)]
