"""What an approved exception does to a clock, net and gross (SPEC 2.4)."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Clock, Effect, Event, EventKind, State
from helpdesk.sla.fold import apply, fold
from helpdesk.sla.target import Target

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)  # a Tuesday, 13:05 in Berlin
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = BusinessCalendar.from_dict(
    {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["09:00", "17:00"]])}
)
ANNA, KARL = 1, 2


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def started(minutes: int = 60) -> Clock:
    return fold([pure.start(at=NOW, target=Target(seconds=60 * minutes), calendar=ALWAYS_OPEN)])


def settled(clock: Clock, minutes: float) -> Clock:
    return fold(pure.settle(clock, now=at(minutes), owner=KARL), clock)


def exempted(clock: Clock, minutes: float, effect: Effect, **values) -> Clock:
    return fold(_exempt(clock, minutes, effect, **values), clock)


def _exempt(clock: Clock, minutes: float, effect: Effect, **values) -> list[Event]:
    return pure.exempt(clock, at=at(minutes), effect=effect, calendar=ALWAYS_OPEN, reason="third-party", **values)


def out(begin: float, end: float) -> dict:
    return {"out": (at(begin), at(end))}


def answered(clock: Clock, minutes: float) -> Clock:
    return fold(pure.fulfil(clock, at=at(minutes), by=ANNA, owner=ANNA), clock)


def closed(clock: Clock, minutes: float) -> Clock:
    return fold(pure.close(clock, at=at(minutes), reason="closed", owner=KARL), clock)


def retargeted(clock: Clock, minutes: float, target: int, *, calendar=ALWAYS_OPEN) -> list[Event]:
    return pure.retarget(
        clock, at=at(minutes), target=Target(seconds=60 * target), calendar=calendar, reason="rules", owner=KARL
    )


def test_its_event_says_what_was_approved_and_the_deadline_that_follows():
    (pause,) = _exempt(started(), 10, Effect.PAUSE, **out(5, 25), under={"exception": 7})
    assert (pause.kind, pause.at) == (EventKind.EXEMPT, at(10))
    assert pause.data == {
        "effect": "pause",
        "reason": "third-party",
        "exception": 7,
        "from": at(5).isoformat(),
        "until": at(25).isoformat(),
        "due_at": at(80).isoformat(),
    }
    (restart,) = _exempt(started(), 10, Effect.RESTART, since=at(5))
    assert restart.data == {
        "effect": "restart",
        "reason": "third-party",
        "since": at(5).isoformat(),
        "due_at": at(65).isoformat(),
    }
    (retarget,) = _exempt(started(), 10, Effect.RETARGET, target=Target(business_days=1))
    assert retarget.data == {
        "effect": "retarget",
        "reason": "third-party",
        "business_days": 1,
        "due_at": (NOW + 24 * HOUR).isoformat(),
    }
    (void,) = _exempt(started(), 10, Effect.VOID, under={"exception": 7})
    assert void.data == {"effect": "void", "reason": "third-party", "exception": 7}


@pytest.mark.parametrize(
    ("effect", "values", "due", "counted_from"),
    [
        (Effect.PAUSE, out(20, 30), 70, 0),
        (Effect.PAUSE, out(-30, 30), 90, 0),  # from before its start
        (Effect.RESTART, {"since": at(25)}, 85, 25),
        (Effect.RETARGET, {"target": Target(seconds=7200)}, 120, 0),
    ],
)
def test_the_net_deadline_moves_and_the_gross_one_stays(effect, values, due, counted_from):
    clock = exempted(started(), 40, effect, **values)
    assert (clock.state, clock.due_at, clock.gross_due_at, clock.version) == (State.RUNNING, at(due), at(60), 2)
    assert (clock.counted_from, clock.started_at) == (at(counted_from), at(0))
    met = answered(clock, due)
    assert (met.is_met, met.gross_breached_at) == (True, at(60))
    assert (answered(clock, 60).is_met, answered(clock, 60).gross_breached_at) == (True, None)
    missed = answered(settled(clock, due + 1), due + 1)
    assert (missed.breached_at, missed.gross_breached_at) == (at(due), at(60))


@pytest.mark.parametrize(
    ("effect", "values"),
    [
        (Effect.PAUSE, {}),
        (Effect.PAUSE, out(10, 10)),
        (Effect.PAUSE, out(20, 10)),
        (Effect.RESTART, {}),
        (Effect.RETARGET, {}),
    ],
)
def test_an_effect_without_its_values_is_refused(effect, values):
    with pytest.raises(ValueError, match=f"^{effect.value}: its values are missing$"):
        _exempt(started(), 10, effect, **values)


ALL_VALUES = {**out(10, 20), "since": at(5), "target": Target(seconds=7200)}


@pytest.mark.parametrize(
    ("effect", "names", "minutes"),
    [(Effect.PAUSE, ["out"], 70), (Effect.RESTART, ["since"], 65), (Effect.RETARGET, ["target"], 120)],
)
def test_the_values_of_another_effect_neither_stand_in_nor_count(effect, names, minutes):
    """A form may send more fields than the effect chosen has: the customer gets what was approved."""
    (event,) = _exempt(started(), 30, effect, **ALL_VALUES)
    assert (event.data["effect"], event.data["due_at"]) == (effect.value, at(minutes).isoformat())
    others = {name: value for name, value in ALL_VALUES.items() if name not in names}
    with pytest.raises(ValueError, match=f"^{effect.value}: its values are missing$"):
        _exempt(started(), 30, effect, **others)


@pytest.mark.parametrize(
    ("effect", "values"),
    [
        (Effect.PAUSE, out(60, 90)),  # behind the deadline
        (Effect.PAUSE, out(-30, 0)),  # before the start
        (Effect.RESTART, {"since": at(0)}),
        (Effect.RETARGET, {"target": Target(seconds=3600)}),
        (Effect.RETARGET, {"target": Target(seconds=60)}),
    ],
)
def test_one_that_would_not_move_the_deadline_back_is_refused(effect, values):
    with pytest.raises(ValueError, match=f"^{effect.value}: the deadline would not come later$"):
        _exempt(started(), 10, effect, **values)


def test_stretches_that_overlap_pauses_and_each_other_are_left_out_once():
    clock = fold(pure.pause(started(), at=at(10)), started())
    clock = fold(pure.resume(clock, at=at(20), calendar=ALWAYS_OPEN), clock)
    clock = exempted(clock, 25, Effect.PAUSE, **out(5, 25))
    clock = exempted(clock, 40, Effect.PAUSE, **out(20, 40))
    assert (clock.due_at, clock.gross_due_at) == (at(95), at(70))
    assert clock.exempted == ((at(5), at(25)), (at(20), at(40)))


def test_on_a_paused_clock_it_counts_from_when_it_goes_on():
    clock = fold(pure.pause(started(), at=at(10)), started())
    (event,) = _exempt(clock, 20, Effect.RETARGET, target=Target(seconds=7200))
    assert event.data["due_at"] == at(130).isoformat()  # if it went on at once
    clock = apply(clock, event)
    assert (clock.state, clock.due_at, clock.gross_due_at, clock.paused_at) == (State.PAUSED, None, None, at(10))
    clock = fold(pure.resume(clock, at=at(40), calendar=ALWAYS_OPEN), clock)
    assert (clock.due_at, clock.gross_due_at) == (at(150), at(90))


def test_a_breach_is_taken_back_by_a_deadline_that_lies_ahead_and_kept_by_one_that_passed():
    breached = settled(started(), 61)
    assert breached.owner_at_due == KARL
    healed = exempted(breached, 70, Effect.RETARGET, target=Target(seconds=7200))
    assert (healed.breached_at, healed.owner_at_due, healed.due_at) == (None, None, at(120))
    assert healed.gross_breached_at == at(60)
    at_its_instant = exempted(breached, 120, Effect.RETARGET, target=Target(seconds=7200))
    assert at_its_instant.breached_at is None
    later = exempted(breached, 121, Effect.RETARGET, target=Target(seconds=7200))
    assert (later.breached_at, later.owner_at_due, later.gross_breached_at) == (at(120), KARL, at(60))


def test_what_was_answered_late_is_judged_again_by_when_it_was_answered():
    late = answered(started(), 70)
    kept = exempted(late, 500, Effect.PAUSE, **out(0, 10))
    assert (kept.state, kept.is_met, kept.gross_breached_at) == (State.FULFILLED, True, at(60))
    assert (kept.ended_at, kept.answered_by, kept.owner_at_due) == (at(70), ANNA, ANNA)
    still = exempted(late, 500, Effect.PAUSE, **out(0, 9))
    assert (still.is_met, still.breached_at, still.gross_breached_at) == (False, at(69), at(60))
    in_time = exempted(answered(started(), 50), 500, Effect.RETARGET, target=Target(seconds=7200))
    assert (in_time.is_met, in_time.gross_breached_at) == (True, None)


def test_what_ended_unanswered_leaves_the_net_figures_and_stays_in_the_gross_ones():
    ended = closed(started(), 70)
    assert (ended.state, ended.breached_at) == (State.ENDED, at(60))
    excepted = exempted(ended, 500, Effect.PAUSE, **out(0, 10))
    assert (excepted.state, excepted.breached_at, excepted.gross_breached_at) == (State.EXEMPT, None, at(60))
    still = exempted(ended, 500, Effect.PAUSE, **out(0, 9))
    assert (still.state, still.breached_at) == (State.ENDED, at(69))


def test_closed_between_the_gross_and_the_net_deadline_it_is_the_same():
    """Whether the exception came before or after the close."""
    clock = exempted(started(), 40, Effect.PAUSE, **out(0, 10))
    between = closed(clock, 65)
    assert (between.state, between.breached_at, between.gross_breached_at) == (State.EXEMPT, None, at(60))
    assert (between.ended_at, between.is_unanswered) == (at(65), False)
    assert closed(clock, 60).state == State.CANCELLED
    late = closed(clock, 71)
    assert (late.state, late.breached_at, late.gross_breached_at) == (State.ENDED, at(70), at(60))
    # Sent before both deadlines, and written down when a sweep had seen them pass.
    in_time = closed(settled(clock, 75), 55)
    assert in_time.state == State.CANCELLED
    between = closed(settled(clock, 75), 65)
    assert (between.state, between.breached_at, between.gross_breached_at) == (State.EXEMPT, None, at(60))


def test_void_it_is_in_no_net_figure_and_its_answer_is_kept_for_the_gross_ones():
    void = exempted(started(), 10, Effect.VOID)
    assert (void.state, void.is_open, void.is_unanswered, void.version) == (State.EXEMPT, False, True, 1)
    assert pure.settle(void, now=at(61), owner=KARL) == []
    late = answered(void, 70)
    assert (late.state, late.ended_at, late.answered_by) == (State.EXEMPT, at(70), ANNA)
    assert (late.breached_at, late.gross_breached_at, late.is_met) == (None, at(60), False)
    assert answered(void, 60).gross_breached_at is None
    assert pure.fulfil(late, at=at(80), by=ANNA, owner=ANNA) == []


def test_void_and_closed_it_is_a_gross_breach_or_nothing():
    void = exempted(started(), 10, Effect.VOID)
    assert (closed(void, 60).state, closed(void, 60).gross_breached_at) == (State.CANCELLED, None)
    late = closed(void, 61)
    assert (late.state, late.gross_breached_at, late.ended_at) == (State.EXEMPT, at(60), at(61))
    spam = fold(pure.cancel(void, at=at(70), reason="spam"), void)
    assert spam.state == State.CANCELLED


def test_void_after_its_breach_it_keeps_who_owned_it():
    void = exempted(settled(started(), 61), 70, Effect.VOID)
    assert (void.state, void.breached_at, void.gross_breached_at, void.owner_at_due) == (
        State.EXEMPT,
        at(60),
        at(60),
        KARL,
    )
    late = closed(void, 80)
    assert (late.state, late.breached_at) == (State.EXEMPT, at(60))


def test_a_pause_asks_for_the_deadline_that_is_in_force():
    """With more time by an exception a ticket can still wait on the customer; void, it goes by the gross one."""
    longer = exempted(started(), 20, Effect.RETARGET, target=Target(seconds=7200))
    assert [event.at for event in pure.pause(longer, at=at(90))] == [at(90)]
    assert pure.pause(longer, at=at(120)) == []
    void = exempted(longer, 30, Effect.VOID)
    assert [event.at for event in pure.pause(void, at=at(59))] == [at(59)]
    assert pure.pause(void, at=at(60)) == []


def test_void_it_pauses_and_is_given_other_targets_for_the_gross_figures():
    void = exempted(started(), 10, Effect.VOID)
    paused = fold(pure.pause(void, at=at(20)), void)
    assert (paused.state, paused.paused_at, paused.gross_due_at) == (State.EXEMPT, at(20), None)
    assert pure.pause(paused, at=at(25)) == []
    moved = fold(retargeted(paused, 30, 120), paused)
    assert (moved.state, moved.due_at, moved.gross_due_at) == (State.EXEMPT, None, None)
    on = fold(pure.resume(moved, at=at(50), calendar=ALWAYS_OPEN), moved)
    assert (on.state, on.gross_due_at, on.due_at) == (State.EXEMPT, at(150), at(150))
    assert pure.resume(on, at=at(51), calendar=ALWAYS_OPEN) == []
    # Its deadline, or a shorter target's, passes: breached wins, for the gross figures only.
    assert pure.pause(on, at=at(150)) == []
    (event,) = retargeted(on, 60, 10)
    assert event.kind == EventKind.RETARGET
    missed = apply(on, event)
    assert (missed.state, missed.breached_at, missed.gross_breached_at) == (State.EXEMPT, None, at(10))
    assert pure.pause(missed, at=at(61)) == []


def test_paused_and_void_it_keeps_its_pause():
    clock = fold(pure.pause(started(), at=at(10)), started())
    void = exempted(clock, 20, Effect.VOID)
    assert (void.state, void.paused_at) == (State.EXEMPT, at(10))
    on = fold(pure.resume(void, at=at(40), calendar=ALWAYS_OPEN), void)
    assert (on.gross_due_at, on.pauses) == (at(90), ((at(10), at(40)),))


def test_a_new_target_is_a_gross_one_too_and_keeps_what_was_left_out():
    clock = exempted(started(), 20, Effect.PAUSE, **out(0, 10))
    clock = fold(retargeted(clock, 25, 30), clock)
    assert (clock.due_at, clock.gross_due_at, clock.breached_at, clock.gross_breached_at) == (
        at(40),
        at(30),
        None,
        None,
    )


def test_under_a_new_target_only_the_gross_deadline_has_passed():
    clock = exempted(started(), 20, Effect.PAUSE, **out(0, 20))
    moved = fold(retargeted(clock, 40, 30), clock)
    assert (moved.breached_at, moved.due_at, moved.gross_breached_at) == (None, at(50), at(30))
    paused = fold(pure.pause(clock, at=at(30)), clock)
    moved = fold(retargeted(paused, 60, 25), paused)
    assert (moved.state, moved.gross_breached_at) == (State.PAUSED, at(25))


def test_under_a_new_target_both_deadlines_have_passed():
    clock = exempted(started(), 20, Effect.PAUSE, **out(0, 20))
    breach, moved = retargeted(clock, 45, 20)
    assert (breach.kind, breach.at, breach.data) == (
        EventKind.BREACH,
        at(40),
        {"owner": KARL, "reason": "rules", "gross_due_at": at(20).isoformat()},
    )
    assert moved.data["since"] == at(45).isoformat()
    clock = fold([breach, moved], clock)
    assert (clock.breached_at, clock.gross_breached_at) == (at(40), at(20))
    assert (clock.due_at, clock.gross_due_at, clock.counted_from) == (at(65), at(65), at(45))


def test_a_gross_deadline_that_had_passed_before_the_new_target_is_the_one_that_was_missed():
    clock = exempted(started(), 20, Effect.RETARGET, target=Target(seconds=7200))
    clock = fold(retargeted(clock, 70, 30), clock)
    assert (clock.breached_at, clock.gross_breached_at) == (at(30), at(60))


def test_an_approved_target_stays_while_the_rules_keep_theirs():
    """Other hours, or a version that says the same of it, are no reason to take an exception back."""
    clock = exempted(started(), 20, Effect.RETARGET, target=Target(seconds=7200))
    assert clock.promised_target == Target(seconds=3600)
    (event,) = retargeted(clock, 25, 60, calendar=OFFICE)
    assert (event.data["seconds"], event.data["gross_target"]) == (7200, {"seconds": 3600})
    clock = apply(clock, event)
    assert (clock.target, clock.promised_target) == (Target(seconds=7200), Target(seconds=3600))
    assert (clock.due_at, clock.gross_due_at) == (at(120), at(60))
    (event,) = retargeted(clock, 30, 45)
    assert "gross_target" not in event.data
    clock = apply(clock, event)
    assert (clock.target, clock.promised_target, clock.due_at, clock.gross_due_at) == (
        Target(seconds=2700),
        Target(seconds=2700),
        at(45),
        at(45),
    )


def test_what_retarget_would_give_can_be_asked_before():
    clock = exempted(started(), 20, Effect.PAUSE, **out(0, 20))
    what = {"calendar": ALWAYS_OPEN, "target": Target(seconds=1800)}
    assert pure.due_under(clock, at=at(25), **what) == at(50)
    assert pure.due_under(clock, at=at(70), **what) == at(50)  # not the one that a breach renews
    paused = fold(pure.pause(clock, at=at(30)), clock)
    assert pure.due_under(paused, at=at(40), **what) == at(60)


def test_net_is_never_sooner_than_gross():
    """An hour of pause costs a day where Wednesday ends at noon; counted from behind the pause it costs nothing."""
    short = {"tue": [["09:00", "17:00"]], "wed": [["09:00", "12:00"]], "thu": [["09:00", "17:00"]]}
    short_wednesday = BusinessCalendar.from_dict({"timezone": "UTC", "weekly": short})
    day = Target(business_days=1)
    clock = fold([pure.start(at=NOW, target=day, calendar=ALWAYS_OPEN)])
    clock = fold(pure.pause(clock, at=at(5)), clock)
    clock = fold(pure.resume(clock, at=at(65), calendar=ALWAYS_OPEN), clock)
    clock = exempted(clock, 90, Effect.RESTART, since=at(85))
    rules = {"target": day, "calendar": short_wednesday, "reason": "", "owner": None}
    clock = fold(pure.retarget(clock, at=at(91), **rules), clock)
    thursday = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
    assert (clock.due_at, clock.gross_due_at) == (thursday, thursday)


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXEMPT])
def test_nothing_is_excepted_from_what_does_not_count(state):
    clock = started()
    gone = fold(pure.cancel(clock, at=at(5), reason="spam"), clock)
    over = gone if state == State.CANCELLED else exempted(clock, 5, Effect.VOID)
    assert over.state == state
    assert _exempt(over, 10, Effect.PAUSE, **out(0, 20)) == []
    with pytest.raises(ValueError, match=f"exempt cannot happen to a clock that is {state}"):
        apply(over, Event(EventKind.EXEMPT, at(10), {"effect": "void"}))
