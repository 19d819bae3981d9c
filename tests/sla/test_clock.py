"""A promise is kept or broken by what its events say, and by nothing else (SPEC 2.2, 2.3)."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Effect, Event, EventKind, State
from helpdesk.sla.fold import apply, fold
from helpdesk.sla.target import Target

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)  # a Tuesday
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TICK = timedelta(microseconds=1)
OFFICE = BusinessCalendar.from_dict(
    {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["09:00", "17:00"]])}
)
ANNA, KARL = 1, 2


def started(target=None, calendar=ALWAYS_OPEN, at=NOW) -> pure.Clock:
    return fold([pure.start(at=at, target=target or Target(seconds=3600), calendar=calendar)])


def answered(clock: pure.Clock, at: datetime, *, by=ANNA, owner=KARL) -> pure.Clock:
    return fold(pure.fulfil(clock, at=at, by=by, owner=owner), clock)


@pytest.mark.parametrize("target", [{}, {"seconds": 60, "business_days": 1}, {"seconds": 0}, {"business_days": -1}])
def test_a_target_is_one_length_of_time(target):
    with pytest.raises(ValueError, match="target"):
        Target(**target)


def test_the_deadline_is_on_the_calendar():
    assert started().due_at == NOW + HOUR
    assert started(Target(business_days=1), OFFICE).due_at == NOW + 24 * HOUR
    friday = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)  # half an hour before closing
    assert started(Target(seconds=3600), OFFICE, friday).due_at == datetime(2026, 11, 30, 8, 30, tzinfo=UTC)


def test_an_answer_at_the_very_deadline_is_in_time_and_one_tick_later_is_not():
    clock = started()
    assert clock.is_met is False  # not before there is an answer
    kept, missed = answered(clock, NOW + HOUR), answered(clock, NOW + HOUR + TICK)
    assert (kept.is_met, kept.breached_at) == (True, None)
    assert (missed.is_met, missed.breached_at, missed.ended_at) == (False, NOW + HOUR, NOW + HOUR + TICK)
    assert (kept.answered_by, kept.owner_at_due) == (ANNA, KARL)


def test_an_answer_at_the_very_deadline_that_was_written_after_a_sweep_saw_it_pass_is_in_time():
    """The reply waited for a lock; the specialist must not stand in the report for it."""
    swept = fold(pure.settle(started(), now=NOW + HOUR + TICK, owner=KARL), started())
    kept, missed = answered(swept, NOW + HOUR, owner=ANNA), answered(swept, NOW + HOUR + TICK, owner=ANNA)
    assert (kept.owner_at_due, missed.owner_at_due) == (ANNA, KARL)
    assert (kept.is_met, kept.breached_at, kept.gross_breached_at) == (True, None, None)
    assert (missed.is_met, missed.breached_at, missed.gross_breached_at) == (False, NOW + HOUR, NOW + HOUR)


def test_the_one_who_answered_and_the_owner_at_the_deadline_are_both_kept():
    clock = fold(pure.settle(started(), now=NOW + 2 * HOUR, owner=KARL), started())
    clock = answered(clock, NOW + 3 * HOUR, by=ANNA, owner=ANNA)
    assert (clock.answered_by, clock.owner_at_due) == (ANNA, KARL)


def test_a_breach_is_written_once_however_often_somebody_looks():
    clock = started()
    assert pure.settle(clock, now=NOW + HOUR, owner=None) == []
    (breach,) = pure.settle(clock, now=NOW + 5 * HOUR, owner=KARL)
    assert (breach.kind, breach.at) == (EventKind.BREACH, NOW + HOUR)
    assert pure.settle(apply(clock, breach), now=NOW + 6 * HOUR, owner=KARL) == []
    with pytest.raises(ValueError, match="breach cannot happen"):
        fold([breach, breach], clock)


def test_a_pause_moves_the_deadline_by_the_open_time_it_took():
    clock = started(Target(seconds=4 * 3600), OFFICE)  # 13:05 in Berlin, due 09:10 on Wednesday
    clock = fold(pure.pause(clock, at=NOW + HOUR), clock)
    assert (clock.state, clock.due_at) == (State.PAUSED, None)
    clock = fold(pure.resume(clock, at=NOW + 20 * HOUR, calendar=OFFICE), clock)  # 09:05 on Wednesday
    # One hour was used up before, three are left from 09:05 on.
    assert clock.due_at == datetime(2026, 11, 25, 11, 5, tzinfo=UTC)
    assert (clock.version, clock.pauses) == (2, ((NOW + HOUR, NOW + 20 * HOUR),))


def test_pauses_behind_an_unanswered_question_are_counted_each():
    """A manager sees how often a ticket was set to wait while the customer was waiting."""
    clock, counts = started(), []
    for minute, questioned in ((10, True), (20, False), (30, True), (40, True)):
        clock = fold(pure.pause(clock, at=NOW + minute * MINUTE, questioned=questioned), clock)
        clock = fold(pure.resume(clock, at=NOW + (minute + 5) * MINUTE, calendar=ALWAYS_OPEN), clock)
        counts.append(clock.questioned_pauses)
    assert (counts, clock.version) == ([1, 1, 2, 3], 5)  # each end of a pause gave another deadline
    assert [dict(event.data) for event in pure.pause(clock, at=NOW + 50 * MINUTE)] == [{}]


def test_a_pause_moves_business_days_too():
    clock = started(Target(business_days=1), OFFICE)
    clock = fold(pure.pause(clock, at=NOW + HOUR), clock)
    clock = fold(pure.resume(clock, at=NOW + 2 * HOUR, calendar=OFFICE), clock)
    assert clock.due_at == NOW + 25 * HOUR


def test_what_is_due_at_an_opening_is_due_at_the_next_one_after_a_pause_over_it():
    """Sent in the evening, it is due at an opening; a pause over that day must not end behind the deadline."""
    evening, opening = datetime(2026, 11, 24, 19, 0, tzinfo=UTC), datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
    clock = started(Target(business_days=1), OFFICE, evening)
    assert clock.due_at == opening
    clock = fold(pure.pause(clock, at=opening - HOUR), clock)
    clock = fold(pure.resume(clock, at=opening + 12 * HOUR, calendar=OFFICE), clock)
    assert clock.due_at == opening + 24 * HOUR


def test_a_clock_at_its_very_deadline_does_not_pause():
    """Its time is used up: resumed, it would be due in the past."""
    assert pure.pause(started(), at=NOW + HOUR) == pure.pause(started(), at=NOW + HOUR + TICK) == []
    assert len(pure.pause(started(), at=NOW + HOUR - TICK)) == 1


def test_a_paused_clock_that_other_rules_find_overdue_runs_on():
    """Breached wins: the ticket would else wait on the customer, and nobody would be told any more."""
    clock = fold(pure.pause(started(), at=NOW + 35 * MINUTE), started())
    rules = {"target": Target(seconds=1800), "calendar": ALWAYS_OPEN, "reason": "raised", "owner": KARL}
    events = pure.retarget(clock, at=NOW + 50 * MINUTE, **rules)
    assert [(event.kind, event.at) for event in events] == [
        (EventKind.BREACH, NOW + 30 * MINUTE),
        (EventKind.RESUME, NOW + 50 * MINUTE),
        (EventKind.RETARGET, NOW + 50 * MINUTE),
    ]
    clock = fold(events, clock)
    assert (clock.state, clock.paused_at, clock.breached_at, clock.due_at) == (
        State.RUNNING,
        None,
        NOW + 30 * MINUTE,
        NOW + 80 * MINUTE,
    )


def test_events_say_why_and_under_which_rules():
    """A manager reads the one, and an auditor recomputes the deadline by the other."""
    under = {"policy_version": 7, "calendar_version": None}
    begun = pure.start(at=NOW, target=Target(seconds=3600), calendar=ALWAYS_OPEN, under=under)
    rules = {"target": Target(seconds=7200), "calendar": ALWAYS_OPEN, "reason": "declined", "owner": KARL}
    (moved,) = pure.retarget(started(), at=NOW + MINUTE, under=under, **rules)
    (void,) = pure.exempt(
        started(), at=NOW + MINUTE, effect=Effect.VOID, calendar=ALWAYS_OPEN, reason="incident", under={"exception": 3}
    )
    (spam,) = pure.cancel(started(), at=NOW + MINUTE, reason="spam")
    (closed,) = pure.close(started(), at=NOW + MINUTE, reason="closed", owner=KARL)
    assert [dict(event.data) for event in (begun, moved, void, spam, closed)] == [
        {"seconds": 3600, "due_at": (NOW + HOUR).isoformat(), **under},
        {"seconds": 7200, "due_at": (NOW + 2 * HOUR).isoformat(), "reason": "declined", **under},
        {"effect": "void", "reason": "incident", "exception": 3},
        {"reason": "spam"},
        {"reason": "closed", "breach_stays": False},
    ]


def test_at_the_very_deadline_of_other_rules_nothing_is_breached():
    rules = {"target": Target(seconds=1800), "calendar": ALWAYS_OPEN, "reason": "raised", "owner": KARL}
    (event,) = pure.retarget(started(), at=NOW + 30 * MINUTE, **rules)
    assert (event.kind, event.data["due_at"], "since" in event.data) == (
        EventKind.RETARGET,
        (NOW + 30 * MINUTE).isoformat(),
        False,
    )
    assert len(pure.retarget(started(), at=NOW + 30 * MINUTE + TICK, **rules)) == 2


def test_closed_at_the_very_deadline_by_a_customer_whose_click_was_written_late_it_is_no_breach():
    swept = fold(pure.settle(started(), now=NOW + HOUR + TICK, owner=KARL), started())
    closed = [
        fold(pure.close(swept, at=at, reason="closed", owner=KARL), swept) for at in (NOW + HOUR, NOW + HOUR + TICK)
    ]
    assert [clock.state for clock in closed] == [State.CANCELLED, State.ENDED]


def test_a_breached_clock_does_not_pause():
    clock = fold(pure.settle(started(), now=NOW + 2 * HOUR, owner=None), started())
    assert pure.pause(clock, at=NOW + 3 * HOUR) == []


def test_a_shorter_target_counts_from_the_start():
    events = pure.retarget(
        started(), at=NOW + 10 * MINUTE, target=Target(seconds=1800), calendar=ALWAYS_OPEN, reason="raised", owner=KARL
    )
    clock = fold(events, started())
    assert (clock.due_at, clock.version, clock.breached_at) == (NOW + 30 * MINUTE, 2, None)


def test_a_target_that_would_have_passed_is_one_breach_and_a_new_promise():
    at = NOW + 40 * MINUTE
    events = pure.retarget(
        started(), at=at, target=Target(seconds=1800), calendar=ALWAYS_OPEN, reason="raised", owner=KARL
    )
    clock = fold(events, started())
    assert [event.kind for event in events] == [EventKind.BREACH, EventKind.RETARGET]
    assert (clock.breached_at, clock.due_at, clock.owner_at_due) == (NOW + 30 * MINUTE, at + 30 * MINUTE, KARL)
    assert not answered(clock, at + MINUTE).is_met


def test_a_longer_target_does_not_heal_a_breach():
    clock = fold(pure.settle(started(), now=NOW + 2 * HOUR, owner=None), started())
    events = pure.retarget(
        clock, at=NOW + 2 * HOUR, target=Target(seconds=36000), calendar=ALWAYS_OPEN, reason="declined", owner=None
    )
    clock = fold(events, clock)
    assert (clock.breached_at, clock.due_at) == (NOW + HOUR, NOW + 10 * HOUR)


def test_closed_before_the_deadline_nothing_is_owed_after_it_the_breach_stays():
    early = fold(pure.close(started(), at=NOW + MINUTE, reason="closed", owner=None), started())
    late = fold(pure.close(started(), at=NOW + 2 * HOUR, reason="closed", owner=KARL), started())
    assert (early.state, early.breached_at) == (State.CANCELLED, None)
    assert (late.state, late.breached_at, late.owner_at_due) == (State.ENDED, NOW + HOUR, KARL)


def test_spam_leaves_the_figures_even_after_the_deadline():
    clock = fold(pure.cancel(started(), at=NOW + 2 * HOUR, reason="spam"), started())
    assert (clock.state, clock.breached_at) == (State.CANCELLED, None)


def test_an_exempted_clock_keeps_its_end_and_its_breach():
    clock = answered(started(), NOW + 2 * HOUR)
    void = {"effect": pure.Effect.VOID, "calendar": ALWAYS_OPEN}
    clock = fold(pure.exempt(clock, at=NOW + 9 * HOUR, reason="declared incident", **void), clock)
    assert (clock.state, clock.ended_at, clock.breached_at) == (State.EXEMPT, NOW + 2 * HOUR, NOW + HOUR)
    assert pure.exempt(clock, at=NOW + 10 * HOUR, reason="again", **void) == []


def test_a_clock_that_ended_while_paused_closes_its_pause():
    clock = fold(pure.pause(started(), at=NOW + MINUTE), started())
    clock = answered(clock, NOW + 3 * MINUTE)
    assert (clock.pauses, clock.paused_at, clock.is_met) == (((NOW + MINUTE, NOW + 3 * MINUTE),), None, True)


def test_nothing_more_happens_to_a_clock_that_is_over():
    over = answered(started(), NOW + MINUTE)
    at = NOW + 2 * HOUR
    assert pure.settle(over, now=at, owner=None) == []
    assert pure.pause(over, at=at) == []
    assert pure.resume(over, at=at, calendar=ALWAYS_OPEN) == []
    assert pure.fulfil(over, at=at, by=KARL, owner=None) == []
    assert pure.cancel(over, at=at, reason="spam") == []
    assert pure.close(over, at=at, reason="closed", owner=None) == []
    target = Target(seconds=60)
    assert pure.retarget(over, at=at, target=target, calendar=ALWAYS_OPEN, reason="", owner=None) == []


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind != EventKind.EXEMPT])
def test_an_event_that_cannot_be_is_refused(kind):
    over = answered(started(), NOW + MINUTE)
    with pytest.raises(ValueError, match="cannot happen to a clock that is fulfilled"):
        apply(over, Event(kind, NOW + HOUR, {"seconds": 60, "due_at": NOW.isoformat()}))


def test_a_clock_begins_with_its_start():
    with pytest.raises(ValueError, match="cannot begin with breach"):
        apply(None, Event(EventKind.BREACH, NOW))
    with pytest.raises(ValueError, match="without events"):
        fold([])


def test_an_exception_on_a_renewed_promise_leaves_the_breach_of_the_first_one():
    """Raised to critical after 40 minutes: one breach, and 30 minutes from then; a pause later on excuses no breach."""
    half_an_hour = Target(seconds=1800)
    clock = started()
    raised = {"target": half_an_hour, "calendar": ALWAYS_OPEN, "reason": "raised", "owner": None}
    clock = fold(pure.retarget(clock, at=NOW + 40 * MINUTE, **raised), clock)
    assert (clock.breached_at, clock.due_at) == (NOW + 30 * MINUTE, NOW + 70 * MINUTE)
    out = (NOW + 50 * MINUTE, NOW + 60 * MINUTE)
    pause = {"effect": pure.Effect.PAUSE, "calendar": ALWAYS_OPEN, "out": out, "reason": "maintenance"}
    clock = fold(pure.exempt(clock, at=NOW + 61 * MINUTE, **pause), clock)
    assert (clock.breached_at, clock.due_at) == (NOW + 30 * MINUTE, NOW + 80 * MINUTE)
