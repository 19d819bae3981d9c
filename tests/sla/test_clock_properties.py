"""What holds whatever happens to a clock, and however rarely the sweep comes by."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

from hypothesis import given
from hypothesis import strategies as st

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Clock, Event, EventKind, State
from helpdesk.sla.fold import fold
from helpdesk.sla.ladder import next_check, rungs
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Recipient, Step, Terms

NOW = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)  # the Friday before the clocks change
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
CALENDARS = [
    ALWAYS_OPEN,
    BusinessCalendar.from_dict(
        {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(WEEKDAYS, [["09:00", "12:00"], ["13:00", "17:30"]])}
    ),
    BusinessCalendar.from_dict(
        {
            "timezone": "America/New_York",
            "weekly": {**dict.fromkeys(WEEKDAYS, [["20:00", "24:00"]]), "sat": [["00:00", "04:00"]]},
            "holidays": ["2026-03-30"],
        }
    ),
]
calendars = st.sampled_from(CALENDARS)
targets = st.one_of(
    st.integers(60, 40 * 3600).map(lambda seconds: Target(seconds=seconds)),
    st.integers(1, 3).map(lambda days: Target(business_days=days)),
)
gaps = st.integers(0, 30 * 3600).map(lambda seconds: timedelta(seconds=seconds))
ACTS = ["pause", "resume", "retarget", "settle", "fulfil", "cancel", "close", "exempt"]
# Most of a life consists of pauses and new targets; the ends come seldom, or lives would be short.
lives = st.lists(
    st.tuples(st.sampled_from(ACTS[:4] * 4 + ACTS[4:]), gaps, targets, st.sampled_from([None, 1, 2])), max_size=14
)


def happen(clock: Clock, act: str, at: datetime, target: Target, owner: int | None, calendar) -> list[Event]:
    match act:
        case "pause":
            return pure.pause(clock, at=at)
        case "resume":
            return pure.resume(clock, at=at, calendar=calendar)
        case "retarget":
            return pure.retarget(clock, at=at, target=target, calendar=calendar, reason="", owner=owner)
        case "settle":
            return pure.settle(clock, now=at, owner=owner)
        case "fulfil":
            return pure.fulfil(clock, at=at, by=owner, owner=owner)
        case "cancel":
            return pure.cancel(clock, at=at, reason="")
        case "close":
            return pure.close(clock, at=at, reason="", owner=owner)
        case _:
            return pure.exempt(clock, at=at, effect=pure.Effect.VOID, calendar=calendar, reason="")


def live(calendar, target: Target, life: list) -> list[tuple[Clock | None, list[Event], Clock]]:
    """Each act as (state before, events, state after), the start first; what is overdue is settled before an act."""
    start = [pure.start(at=NOW, target=target, calendar=calendar)]
    history = [(None, start, fold(start))]
    at = NOW
    for act, gap, other, owner in life:
        at += gap
        before = history[-1][2]
        settled = fold(pure.settle(before, now=at, owner=owner), before)
        events = pure.settle(before, now=at, owner=owner) + happen(settled, act, at, other, owner, calendar)
        history.append((before, events, fold(events, before)))
    return history


@given(calendars, targets, lives)
def test_the_state_is_the_fold_of_all_events(calendar, target, life):
    history = live(calendar, target, life)
    assert fold(event for _before, events, _after in history for event in events) == history[-1][2]


@given(calendars, targets, lives)
def test_a_deadline_never_moves_without_an_event_that_says_so(calendar, target, life):
    for before, events, after in live(calendar, target, life)[1:]:
        moving = [event for event in events if event.kind in (EventKind.RESUME, EventKind.RETARGET)]
        assert after.version - before.version == len(moving)
        if not moving and EventKind.PAUSE not in {event.kind for event in events}:
            assert after.due_at == before.due_at
        if moving and after.due_at is not None:
            assert after.due_at == datetime.fromisoformat(moving[-1].data["due_at"])


@given(calendars, targets, lives)
def test_the_verdict_is_decided_once(calendar, target, life):
    for before, events, after in live(calendar, target, life)[1:]:
        if before.breached_at is not None and before.state != State.EXEMPT:
            assert (after.breached_at, after.is_met) == (before.breached_at, False)
            assert EventKind.BREACH not in {event.kind for event in events}
        if not before.is_unanswered:
            assert {event.kind for event in events} <= {EventKind.EXEMPT}
            assert (after.ended_at, after.answered_by) == (before.ended_at, before.answered_by)


@given(calendars, targets, lives)
def test_met_means_answered_no_later_than_the_deadline_in_force(calendar, target, life):
    for before, events, after in live(calendar, target, life)[1:]:
        if EventKind.FULFIL in {event.kind for event in events}:
            counts = before.state != State.EXEMPT and before.breached_at is None
            in_time = counts and (before.due_at is None or after.ended_at <= before.due_at)
            assert after.is_met == in_time
        if after.breached_at != before.breached_at and EventKind.RETARGET not in {event.kind for event in events}:
            assert after.breached_at == before.due_at


@given(calendars, targets, lives)
def test_a_resumed_clock_has_its_target_left_in_open_unpaused_time(calendar, target, life):
    for _before, events, after in live(calendar, target, life)[1:]:
        kinds = [event.kind for event in events]
        if EventKind.RESUME in kinds and after.target.seconds is not None:
            counted = calendar.between(after.counted_from, after.due_at, after.pauses)
            assert counted == timedelta(seconds=after.target.seconds)


ladders = st.builds(
    lambda percents, repeat: Terms(
        conditions=Conditions(),
        targets=(),
        steps=tuple(Step(percent=percent, recipients=(Recipient.OWNER,)) for percent in sorted(percents)),
        repeat_minutes=repeat,
    ),
    st.sets(st.integers(1, 250), max_size=5),
    st.sampled_from([0, 7, 30]),
)


@given(calendars, targets, ladders, st.lists(gaps, min_size=1, max_size=30))
def test_however_the_sweep_comes_by_each_rung_is_found_once_in_order(calendar, target, terms, pauses_of_the_sweep):
    """Sweeping in any rhythm finds what one look at the end would find: nothing twice, nothing skipped."""
    clock = fold([pure.start(at=NOW, target=target, calendar=calendar)])
    check = next_check(clock, terms=terms, calendar=calendar, since=NOW)
    assert check is not None
    found, now, state = [], NOW, clock
    for pause in pauses_of_the_sweep:
        now += pause
        if check is None or check >= now:  # the sweep doesn't see it
            continue
        steps = rungs(state, terms=terms, calendar=calendar, since=check)
        found += takewhile(lambda rung, now=now: rung.at < now, steps)
        state = fold(pure.settle(state, now=now, owner=None), state)
        check = next_check(state, terms=terms, calendar=calendar, since=now)
        assert check is None or check >= now
    every = rungs(clock, terms=terms, calendar=calendar, since=NOW)
    assert found == list(takewhile(lambda rung: rung.at < now, every))
    assert len({(rung.step.percent, rung.reminder) for rung in found}) == len(found)
    assert all(first.at <= second.at for first, second in pairwise(found))
    # And the breach was written down no later than by the last look.
    assert (state.breached_at is not None) == (clock.due_at < now)


@given(calendars, targets, ladders, lives)
def test_a_clock_that_does_not_run_is_never_looked_at(calendar, target, terms, life):
    for _before, _events, after in live(calendar, target, life):
        check = next_check(after, terms=terms, calendar=calendar, since=NOW)
        if after.state != State.RUNNING:
            assert check is None
        elif after.breached_at is None:
            assert check <= after.due_at
