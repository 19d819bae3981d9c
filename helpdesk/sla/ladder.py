"""The escalation ladder of a clock: which steps there are, and when each one's time comes. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Clock, State
from helpdesk.sla.target import instant_at
from helpdesk.sla.terms import Step, Terms


@dataclass(frozen=True, slots=True)
class Rung:
    """One step that falls due at an instant. `reminder` 0 is the step itself, then 1, 2, …"""

    step: Step
    reminder: int
    at: datetime


def rungs(
    clock: Clock, *, terms: Terms, calendar: BusinessCalendar, since: datetime, reminders: bool = True
) -> Iterator[Rung]:
    """The rungs of a running clock's present deadline that fall at `since` or later, in order.

    Endless with `reminders` (off once somebody acknowledged) while the policy repeats its last step:
    the caller stops. A paused, answered or cancelled clock has none (SPEC 2.5).
    """
    if clock.state != State.RUNNING or clock.due_at is None or not terms.steps:
        return
    out = clock.stretches_out
    total = calendar.between(clock.counted_from, clock.due_at, out)
    for step in terms.steps:
        at = instant_at(
            percent=step.percent,
            total=total,
            started_at=clock.counted_from,
            due_at=clock.due_at,
            calendar=calendar,
            pauses=out,
        )
        if at >= since:
            yield Rung(step, 0, at)
    if not (reminders and terms.repeat_minutes):
        return
    at = max(at, clock.due_at)
    pause = timedelta(minutes=terms.repeat_minutes)
    reminder = max(1, -((at - since) // pause))  # the first one at `since` or later
    while True:
        yield Rung(terms.reminder_step, reminder, at + pause * reminder)
        reminder += 1


def next_check(
    clock: Clock, *, terms: Terms, calendar: BusinessCalendar, since: datetime, reminders: bool = True
) -> datetime | None:
    """When the sweep must look at this clock again: its next rung, or its deadline where that comes first."""
    if clock.state != State.RUNNING or clock.due_at is None:
        return None
    rung = next(rungs(clock, terms=terms, calendar=calendar, since=since, reminders=reminders), None)
    instants = [rung.at] if rung else []
    if clock.breached_at is None:
        instants.append(clock.due_at)
    return min(instants, default=None)
