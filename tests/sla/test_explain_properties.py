"""Whatever happens to a clock, its explanation leaves nothing out and adds up (SPEC 2.2)."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Clock, Effect, Event, State
from helpdesk.sla.explain import ADDED_UP, Explanation, Kind, Mark, explain, folded, reasons
from helpdesk.sla.fold import fold
from helpdesk.sla.target import Target
from tests.sla.test_clock_properties import CALENDARS, NOW, gaps, targets

NOTHING = timedelta(0)
# Open on three special days, and never again: after them a target counts day and night.
CLOSED_FOR_GOOD = BusinessCalendar.from_dict(
    {
        "timezone": "Asia/Tokyo",
        "special_days": {day: [["08:00", "11:30"]] for day in ("2026-03-27", "2026-03-30", "2026-04-02")},
    }
)
calendars = st.sampled_from([*CALENDARS, CLOSED_FOR_GOOD])
ENDS = ["except void", "fulfil", "cancel", "close"]
ACTS = ["pause", "resume", "retarget", "new hours", "settle", "except pause", "except restart", "except retarget"]
acts = st.sampled_from(ACTS * 3 + ENDS)
lives = st.lists(st.tuples(acts, gaps, targets, gaps), max_size=12)


def happen(clock: Clock, act: str, at, target: Target, gap, calendar) -> list[Event]:
    """What an act brings about; nothing where it is refused."""
    owned = {"at": at, "reason": "", "owner": None}
    changed = {"at": at, "calendar": calendar, "reason": ""}
    match act:
        case "pause":
            return pure.pause(clock, at=at)
        case "resume":
            return pure.resume(clock, at=at, calendar=calendar)
        case "settle":
            return pure.settle(clock, now=at, owner=None)
        case "retarget":
            return pure.retarget(clock, **changed, target=target, owner=None)
        case "new hours":
            return pure.retarget(clock, **changed, target=clock.promised_target, owner=None)
        case "fulfil":
            return pure.fulfil(clock, at=at, by=None, owner=None)
        case "cancel":
            return pure.cancel(clock, at=at, reason="")
        case "close":
            return pure.close(clock, **owned)
    values = {"out": (at - gap, at + gap / 2), "since": max(clock.started_at, at - gap), "target": target}
    try:
        return pure.exempt(clock, **changed, effect=Effect(act.removeprefix("except ")), **values)
    except ValueError:
        return []


@st.composite
def explanations(draw) -> tuple[Explanation, list[Event], BusinessCalendar]:
    calendar, target = draw(calendars), draw(targets)
    events = [pure.start(at=NOW, target=target, calendar=calendar)]
    at = NOW
    for act, gap, other, stretch in draw(lives):
        at += gap
        events += pure.settle(fold(events), now=at, owner=None)
        hours = draw(calendars) if act == "new hours" and fold(events).is_unanswered else calendar
        events += happen(fold(events), act, at, other, stretch, hours)
        calendar = hours
    now = at + draw(gaps)
    events += pure.settle(fold(events), now=now, owner=None)
    return explain(events, calendar=calendar, now=now), events, calendar


@given(explanations())
def test_the_stretches_touch_from_the_first_instant_to_the_last(made):
    told, _events, _calendar = made
    clock, rows = told.clock, told.stretches
    ends = [at for at in (clock.due_at, clock.ended_at, clock.started_at) if at is not None]
    ends += [marker.at for marker in told.markers if marker.mark == Mark.NOW]
    assert (told.begin, told.end) == (min(clock.started_at, told.basis.counted_from), max(ends))
    assert [row.begin for row in rows[:1]] == [told.begin] * bool(rows)
    assert [row.end for row in rows[-1:]] == [told.end] * bool(rows)
    assert all(row.begin < row.end for row in rows)
    assert all(one.end == other.begin for one, other in pairwise(rows))
    until = max(clock.ended_at or ends[-1], clock.started_at)
    assert all(row.end <= until for row in rows if row.kind == Kind.COUNTED)
    assert all(row.begin >= until for row in rows if row.kind in (Kind.AHEAD, Kind.SPARE))
    assert all((one.kind, one.cause) != (other.kind, other.cause) for one, other in pairwise(rows))


@given(explanations())
def test_what_counts_before_the_deadline_is_the_target(made):
    told, _events, _calendar = made
    clock = told.clock
    assume(clock.due_at is not None and told.basis.target.seconds is not None)
    counted = [row for row in told.stretches if row.kind in (Kind.COUNTED, Kind.AHEAD, Kind.SPARE)]
    assert sum((row.counted for row in counted), NOTHING) == timedelta(seconds=told.basis.target.seconds)
    assert all(row.end <= clock.due_at for row in counted)
    assert all(row.begin >= clock.due_at for row in told.stretches if row.kind == Kind.OVER)
    last = counted[-1]  # and it is used up at the deadline, not before
    assert last.end == clock.due_at
    assert last.total == timedelta(seconds=told.basis.target.seconds)


@given(explanations())
def test_the_sum_runs_and_only_open_time_counts(made):
    told, _events, calendar = made
    total = NOTHING
    on = told.calendar
    for row in told.stretches:
        total += row.counted
        assert row.total == total
        assert row.open == on.between(row.begin, row.end)
        assert row.counted == (row.open if row.kind in ADDED_UP else NOTHING)
        if row.kind in ADDED_UP:
            assert row.open == row.length
        if row.kind == Kind.CLOSED:
            assert row.open == NOTHING
    assert on == calendar or told.basis.target.due(calendar, told.basis.counted_from) is not None


@given(explanations())
def test_each_stretch_is_what_the_clock_says(made):
    told, events, _calendar = made
    clock, basis = told.clock, told.basis
    for row in told.stretches:
        middle = row.begin + row.length / 2
        paused = any(begin <= middle < end for begin, end in clock.pauses)
        paused = paused or (clock.paused_at is not None and clock.paused_at <= middle)
        assert (row.kind == Kind.DROPPED) == (middle < basis.counted_from)
        if row.kind != Kind.DROPPED:
            assert (row.kind == Kind.PAUSED) == paused
        if row.kind == Kind.PAUSED:
            assert (events[row.cause].kind, events[row.cause].at <= row.begin) == ("pause", True)
        if row.kind == Kind.EXEMPTED:
            assert "from" in events[row.cause].data
        if row.kind == Kind.DROPPED and basis.counted_from != clock.started_at:
            assert "since" in events[row.cause].data
        assert row.kind != Kind.AHEAD or clock.is_unanswered
        assert row.kind != Kind.SPARE or clock.ended_at is not None


@given(explanations())
def test_a_resumed_clock_gets_the_deadline_that_was_foretold(made):
    told, events, calendar = made
    assert (told.if_resumed is not None) == (told.clock.state == State.PAUSED)
    if told.clock.state != State.PAUSED:
        return
    (now,) = (marker.at for marker in told.markers if marker.mark == Mark.NOW)
    resumed = fold(pure.resume(told.clock, at=now, calendar=calendar), told.clock)
    assert resumed.due_at == told.if_resumed


@given(explanations())
def test_the_markers_are_in_order_and_on_the_line(made):
    told, events, _calendar = made
    instants = [marker.at for marker in told.markers]
    assert instants == sorted(instants)
    assert all(told.begin <= at <= told.end for at in instants)
    due = [marker.at for marker in told.markers if marker.mark == Mark.DUE]
    assert due == [told.clock.due_at] * (told.clock.due_at is not None)
    for marker in told.markers:
        if marker.event is not None:
            assert events[marker.event].at == marker.at


@given(explanations(), st.integers(5, 14))
def test_folding_hides_nothing_but_the_middle(made, most):
    told, _events, _calendar = made
    marks = [marker.at for marker in told.markers]
    rows = folded(told.stretches, most=most, marks=marks)
    assert len(rows) <= max(most, 0)
    flat = [one for row in rows for one in (row.inside or (row,))]
    assert flat == list(told.stretches)
    for row in rows:
        if row.inside:
            assert (row.begin, row.end) == (row.inside[0].begin, row.inside[-1].end)
            assert row.counted == sum((one.counted for one in row.inside), NOTHING)
            assert row.total == row.inside[-1].total
            assert len(row.inside) > 1
    if len(told.stretches) <= most:
        assert not any(row.inside for row in rows)


@given(explanations())
def test_there_is_a_reason_for_every_closed_stretch(made):
    told, _events, _calendar = made
    for row in told.stretches:
        if row.kind == Kind.CLOSED:
            found = reasons(told.calendar, row.begin, row.end)
            assert found
            assert len(found) == len(set(found))
