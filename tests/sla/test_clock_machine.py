"""Whatever happens to a clock, in whatever order: what its events say and add up to, and what fires (SPEC 2.2 to 2.5).

The oracle for the gross figures is a *twin*: a clock that lives the same life without its exceptions.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Clock, Effect, Event, EventKind, State
from helpdesk.sla.fold import fold
from helpdesk.sla.ladder import Rung, next_check, rungs
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Recipient, Step, Terms

NOW = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)  # the Friday before the clocks change
MINUTE = timedelta(minutes=1)
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
    st.integers(1, 600).map(lambda minutes: Target(seconds=60 * minutes)),
    st.integers(1, 3).map(lambda days: Target(business_days=days)),
)
# Short ones most of the time, so that much happens before a deadline.
gaps = st.one_of(st.integers(0, 40), st.integers(0, 40), st.integers(0, 3000)).map(lambda minutes: minutes * MINUTE)
owners = st.sampled_from([None, 1, 2])

MOVING = (EventKind.RESUME, EventKind.RETARGET, EventKind.EXEMPT)


def moves(event: Event) -> bool:
    """Whether an event gives a clock another deadline."""
    return event.kind in MOVING and event.data.get("effect") != Effect.VOID


class Life:
    """A clock as the services keep it: what is overdue is written down first, and a paused clock runs on to its end."""

    def __init__(self, target: Target, calendar: BusinessCalendar) -> None:
        self.calendar = calendar
        self.events = [pure.start(at=NOW, target=target, calendar=calendar)]
        self.clock = fold(self.events)

    def add(self, events: list[Event]) -> None:
        # As it comes back from the database.
        events = [Event(event.kind, event.at, json.loads(json.dumps(dict(event.data)))) for event in events]
        self.events += events
        self.clock = fold(events, self.clock)

    def settle(self, now: datetime, owner: int | None) -> None:
        self.add(pure.settle(self.clock, now=now, owner=owner))

    def pause(self, now: datetime) -> None:
        self.add(pure.pause(self.clock, at=now))

    def resume(self, now: datetime) -> None:
        self.add(pure.resume(self.clock, at=now, calendar=self.calendar))

    def retarget(self, now: datetime, owner: int | None, target: Target, calendar: BusinessCalendar) -> None:
        what = {"target": target, "calendar": calendar, "reason": "", "owner": owner}
        if events := pure.retarget(self.clock, at=now, **what):
            self.calendar = calendar
            self.add(events)

    def fulfil(self, at: datetime, owner: int | None) -> None:
        self.resume(at)
        self.add(pure.fulfil(self.clock, at=at, by=1, owner=owner))

    def close(self, at: datetime, owner: int | None) -> None:
        self.resume(at)
        self.add(pure.close(self.clock, at=at, reason="", owner=owner))

    def cancel(self, at: datetime) -> None:
        self.add(pure.cancel(self.clock, at=at, reason=""))

    def gross_verdict(self, now: datetime) -> datetime | None:
        """The gross deadline that was missed by `now`, if one was."""
        clock = self.clock
        passed = clock.is_unanswered and clock.gross_due_at is not None and clock.gross_due_at < now
        return clock.gross_breached_at or (clock.gross_due_at if passed else None)


class ClockMachine(RuleBasedStateMachine):
    """One clock, and its twin without exceptions."""

    @initialize(length=targets, calendar=calendars, shortest=st.sampled_from([1, 5, 9]))
    def open(self, length, calendar, shortest):
        self.now, self.shortest = NOW, shortest
        self.life, self.twin = Life(length, calendar), Life(length, calendar)
        self.both = (self.life, self.twin)
        self.seen, self.seen_events, self.gross = self.life.clock, 1, None
        self.written_late = False

    def may_end(self) -> bool:
        """Not too early: a short life shows little."""
        return len(self.life.events) >= self.shortest

    def comes(self, gap: timedelta, owner: int | None) -> None:
        """Time passes, and what is overdue is written down."""
        self.now += gap
        for life in self.both:
            life.settle(self.now, owner)

    @rule(gap=gaps, owner=owners)
    def a_sweep_comes_by(self, gap, owner):
        self.comes(gap, owner)

    @rule(gap=gaps, owner=owners)
    def the_ticket_waits_on_the_customer(self, gap, owner):
        self.comes(gap, owner)
        for life in self.both:
            life.pause(self.now)

    @rule(gap=gaps, owner=owners)
    def the_customer_writes(self, gap, owner):
        self.comes(gap, owner)
        for life in self.both:
            life.resume(self.now)

    @rule(gap=gaps, owner=owners, length=targets, calendar=calendars)
    def the_rules_change(self, gap, owner, length, calendar):
        self.comes(gap, owner)
        for life in self.both:
            life.retarget(self.now, owner, length, calendar)

    @rule(gap=gaps, owner=owners, calendar=calendars)
    def the_hours_change(self, gap, owner, calendar):
        self.comes(gap, owner)
        for life in self.both:
            life.retarget(self.now, owner, life.clock.promised_target, calendar)

    @precondition(may_end)
    @rule(gap=gaps, owner=owners, late=st.sampled_from([0, 0, 1, 30]))
    def a_specialist_answers(self, gap, owner, late):
        """`late`: minutes that the reply waited for a lock, while others wrote what happened after it."""
        self.comes(gap, owner)
        self.written_late = late > 0
        for life in self.both:
            life.fulfil(self.now - late * MINUTE, owner)

    @precondition(may_end)
    @rule(gap=gaps, owner=owners, late=st.sampled_from([0, 0, 1, 30]))
    def the_customer_closes(self, gap, owner, late):
        self.comes(gap, owner)
        self.written_late = late > 0
        for life in self.both:
            life.close(self.now - late * MINUTE, owner)

    @precondition(may_end)
    @rule(gap=gaps, owner=owners)
    def it_is_spam(self, gap, owner):
        self.comes(gap, owner)
        for life in self.both:
            life.cancel(self.now)

    @precondition(may_end)
    @rule(gap=gaps, owner=owners)
    def an_exception_voids_it(self, gap, owner):
        self.comes(gap, owner)
        self.except_it(effect=Effect.VOID)

    @rule(gap=gaps, owner=owners, begin=st.integers(-60, 300), length=st.integers(1, 300))
    def an_exception_leaves_a_stretch_out(self, gap, owner, begin, length):
        self.comes(gap, owner)
        begin = self.life.clock.counted_from + begin * MINUTE
        self.except_it(effect=Effect.PAUSE, out=(begin, begin + length * MINUTE))

    @rule(gap=gaps, owner=owners, ago=st.integers(0, 60))
    def an_exception_restarts_it(self, gap, owner, ago):
        self.comes(gap, owner)
        self.except_it(effect=Effect.RESTART, since=max(NOW, self.now - ago * MINUTE))

    @rule(gap=gaps, owner=owners, length=targets)
    def an_exception_gives_it_another_target(self, gap, owner, length):
        self.comes(gap, owner)
        self.except_it(effect=Effect.RETARGET, target=length)

    def except_it(self, **exception):
        try:
            events = pure.exempt(self.life.clock, at=self.now, calendar=self.life.calendar, reason="why", **exception)
        except ValueError as error:
            assert "would not come later" in str(error)  # noqa: PT017 - the refusal is part of the rule
            return
        before = self.life.clock
        self.life.add(events)
        for event in events:
            if exception["effect"] != Effect.VOID and before.due_at is not None:
                assert datetime.fromisoformat(event.data["due_at"]) > before.due_at

    @invariant()
    def the_state_is_the_fold_of_the_events(self):
        for life in self.both:
            assert fold(life.events) == life.clock

    @invariant()
    def a_deadline_moves_by_an_event_that_says_so_and_each_is_counted(self):
        for life in self.both:
            moving = [event for event in life.events if moves(event)]
            assert life.clock.version == 1 + len(moving)
        clock, before, new = self.life.clock, self.seen, self.life.events[self.seen_events :]
        if clock.due_at != before.due_at:
            assert new
            if clock.due_at is None:
                assert EventKind.PAUSE in {event.kind for event in new}
            else:
                last = [event for event in new if moves(event)][-1]
                assert clock.due_at == datetime.fromisoformat(last.data["due_at"])

    @invariant()
    def the_gross_verdict_is_what_it_would_be_without_exceptions(self):
        clock, twin = self.life.clock, self.twin.clock
        assert self.life.gross_verdict(self.now) == self.twin.gross_verdict(self.now)
        assert twin.gross_breached_at == twin.breached_at or twin.state == State.CANCELLED or twin.is_unanswered
        if clock.is_unanswered and clock.gross_breached_at is None and twin.breached_at is None:
            assert clock.gross_due_at == twin.due_at
        assert clock.is_unanswered == twin.is_unanswered
        assert (clock.state == State.CANCELLED) == (twin.state == State.CANCELLED)

    @invariant()
    def the_gross_verdict_is_decided_once(self):
        verdict = self.life.clock.gross_breached_at
        if self.gross is not None and not self.written_late:
            assert verdict == self.gross
        self.gross = verdict

    @invariant()
    def an_exception_is_never_to_the_customers_gain_nor_the_figures_loss(self):
        """Net never stricter than gross."""
        clock = self.life.clock
        if clock.breached_at is not None and clock.state != State.CANCELLED:
            assert self.life.gross_verdict(self.now) is not None
        if clock.due_at is not None and clock.gross_breached_at is None:
            assert clock.gross_due_at <= clock.due_at
        if EventKind.EXEMPT not in {event.kind for event in self.life.events}:
            assert (clock, self.life.events) == (self.twin.clock, self.twin.events)

    @invariant()
    def met_or_breached_by_the_rule(self):
        clock, before, new = self.life.clock, self.seen, self.life.events[self.seen_events :]
        kinds = {event.kind for event in new}
        if not before.is_unanswered:
            assert kinds <= {EventKind.EXEMPT}
            assert (clock.ended_at, clock.answered_by, clock.gross_breached_at) == (
                before.ended_at,
                before.answered_by,
                before.gross_breached_at,
            )
        if EventKind.FULFIL in kinds and before.state != State.EXEMPT:
            late = clock.due_at is not None and clock.ended_at > clock.due_at
            broken = before.breached_at is not None and before.breached_at < clock.ended_at
            assert clock.is_met == (not late and not broken)
        if before.breached_at is not None and EventKind.EXEMPT not in kinds and not self.written_late:
            assert clock.breached_at == before.breached_at  # decided once
        if clock.is_met:
            assert clock.breached_at is None
        if clock.state == State.ENDED:
            assert clock.breached_at < clock.ended_at
        self.seen, self.seen_events = clock, len(self.life.events)


class LadderMachine(RuleBasedStateMachine):
    """One clock and its sweeps, as the services set the next check; the oracle lists the steps of each deadline."""

    @initialize(
        length=targets,
        calendar=calendars,
        percents=st.sets(st.integers(1, 250), max_size=5),
        repeat=st.sampled_from([0, 7, 30]),
    )
    def open(self, length, calendar, percents, repeat):
        steps = tuple(Step(percent=percent, recipients=(Recipient.OWNER,)) for percent in sorted(percents))
        self.terms = Terms(conditions=Conditions(), targets=(), steps=steps, repeat_minutes=repeat)
        self.now, self.life = NOW, Life(length, calendar)
        self.acknowledged = 0
        self.check = self.next_check(since=NOW)
        self.fired: list[tuple[int, int, int]] = []
        self.due: set[tuple[int, int, int]] = set()  # of all deadlines so far, as one look at each shows them
        self.began = NOW  # the present deadline

    def next_check(self, *, since):
        return next_check(
            self.life.clock,
            terms=self.terms,
            calendar=self.life.calendar,
            since=since,
            reminders=self.acknowledged != self.life.clock.version,
        )

    def ladder(self, clock: Clock, since: datetime, reminders: bool = True) -> Iterator[Rung]:
        return rungs(clock, terms=self.terms, calendar=self.life.calendar, since=since, reminders=reminders)

    def happen(self, gap, act):
        """As `sla.services` does after each act: under a new deadline only the steps ahead, else what is owed, too."""
        self.now += gap
        before, number = self.life.clock.version, len(self.life.events)
        self.life.settle(self.now, None)
        act()
        if len(self.life.events) == number:
            return
        owed = self.check is not None and self.life.clock.version == before
        self.check = self.next_check(since=min(self.now, self.check) if owed else self.now)
        if self.life.clock.version != before:
            self.began = self.now

    @rule(gap=gaps)
    def a_sweep_comes_by(self, gap):
        self.now += gap
        clock = self.life.clock
        reminders = self.acknowledged != clock.version
        every = takewhile(lambda rung: rung.at < self.now, self.ladder(clock, self.began, reminders))
        self.due |= {(clock.version, rung.step.percent, rung.reminder) for rung in every}
        if self.check is None or self.check >= self.now:
            return
        for rung in takewhile(lambda rung: rung.at < self.now, self.ladder(clock, self.check, reminders)):
            self.fired.append((clock.version, rung.step.percent, rung.reminder))
        self.life.settle(self.now, None)
        self.check = self.next_check(since=self.now)

    @rule(gap=gaps)
    def somebody_acknowledges(self, gap):
        self.now += gap
        self.acknowledged = self.life.clock.version
        if self.check is not None:
            self.check = self.next_check(since=self.check)

    @rule(gap=gaps)
    def it_waits_on_the_customer(self, gap):
        self.happen(gap, lambda: self.life.pause(self.now))

    @rule(gap=gaps)
    def the_customer_writes(self, gap):
        self.happen(gap, lambda: self.life.resume(self.now))

    @rule(gap=gaps, length=targets, calendar=calendars)
    def the_rules_change(self, gap, length, calendar):
        self.happen(gap, lambda: self.life.retarget(self.now, None, length, calendar))

    @rule(gap=gaps, length=targets)
    def an_exception_is_approved(self, gap, length):
        def act():
            what = {"effect": Effect.RETARGET, "target": length, "reason": ""}
            with suppress(ValueError):  # the deadline would not come later
                self.life.add(pure.exempt(self.life.clock, at=self.now, calendar=self.life.calendar, **what))

        self.happen(gap, act)

    @precondition(lambda self: len(self.life.events) > 5)
    @rule(gap=gaps)
    def a_specialist_answers(self, gap):
        self.happen(gap, lambda: self.life.fulfil(self.now, None))

    @invariant()
    def each_step_fires_at_most_once_for_a_deadline(self):
        assert len(self.fired) == len(set(self.fired))

    @invariant()
    def exactly_those_fired_whose_time_came_while_the_clock_ran(self):
        assert set(self.fired) == self.due

    @invariant()
    def what_does_not_run_is_not_looked_at(self):
        clock = self.life.clock
        assert (self.check is not None) <= (clock.state == State.RUNNING)
        if clock.state == State.RUNNING and clock.breached_at is None:
            assert self.check <= clock.due_at


TestClock = ClockMachine.TestCase
TestClock.settings = settings(max_examples=400, stateful_step_count=30, deadline=None)
TestLadder = LadderMachine.TestCase
TestLadder.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
