"""The clock of a promise: a pure state machine over append-only events (SPEC 2.2).

A clock runs one metric of one ticket towards one target. Its state is the fold of its events;
the transition functions (`start`, `settle`, `pause`, …) only make the next event from the state,
and `apply` is the only thing that changes the state. Nothing here knows a database or the time.

An answer at the very instant of the deadline is in time; a breach is stamped with that instant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar


class Metric(StrEnum):
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"
    CALLBACK = "callback"
    CHAT_PICKUP = "chat_pickup"


class Promise(StrEnum):
    GUARANTEED = "guaranteed"
    OBJECTIVE = "objective"


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    FULFILLED = "fulfilled"
    ENDED = "ended"  # over without an answer, its breach stays
    CANCELLED = "cancelled"
    EXEMPT = "exempt"


OPEN = frozenset({State.RUNNING, State.PAUSED})


class EventKind(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    RETARGET = "retarget"
    FULFIL = "fulfil"
    BREACH = "breach"
    CANCEL = "cancel"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Target:
    """How long: a stretch of open time, or a number of business days. Exactly one of the two."""

    seconds: int | None = None
    business_days: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.business_days is None):
            raise ValueError("target: give either seconds or business_days")
        if (self.seconds or self.business_days or 0) <= 0:
            raise ValueError("target: must be longer than nothing")

    def due(
        self, calendar: BusinessCalendar, start: datetime, pauses: Iterable[tuple[datetime, datetime]] = ()
    ) -> datetime:
        """The deadline of a clock started at `start` (aware; result in UTC).

        A pause moves the deadline of business days by the open time that it took before it. Where the
        calendar never opens again (its special days are over), the target counts day and night: a
        ticket is accepted, and watched, whatever became of a calendar.
        """
        pauses = tuple(sorted(pauses))
        try:
            return self._due(calendar, start, pauses)
        except OverflowError:
            return self._due(ALWAYS_OPEN, start, pauses)

    def _due(
        self, calendar: BusinessCalendar, start: datetime, pauses: tuple[tuple[datetime, datetime], ...]
    ) -> datetime:
        if self.seconds is not None:
            return calendar.add(start, timedelta(seconds=self.seconds), pauses)
        due = calendar.add_business_days(start, self.business_days)
        for begin, end in pauses:
            if begin < due:
                due = calendar.add(due, calendar.between(max(begin, start), end))
        return due


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a clock. `at` is when it took effect, however late it was written down."""

    kind: EventKind
    at: datetime
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Clock:
    """The state that a clock's events add up to.

    `due_at` is the deadline in force (None while paused: nobody knows it then). `version` counts
    the deadlines the clock has had. `breached_at` is set once, to the deadline that was missed.
    """

    started_at: datetime
    target: Target
    due_at: datetime | None
    state: State = State.RUNNING
    version: int = 1
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    paused_at: datetime | None = None
    breached_at: datetime | None = None
    ended_at: datetime | None = None
    owner_at_due: int | None = None
    answered_by: int | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_met(self) -> bool:
        return self.state == State.FULFILLED and self.breached_at is None


def start(*, at: datetime, target: Target, calendar: BusinessCalendar) -> Event:
    """Start a clock; the event carries the target and the deadline that follows from it."""
    return Event(EventKind.START, at, {**_target(target), "due_at": target.due(calendar, at).isoformat()})


def settle(clock: Clock, *, now: datetime, owner: int | None) -> list[Event]:
    """The breach of a running clock whose deadline has passed, if nobody wrote it down yet.

    Called before anything else happens to a clock, so that the owner at the due time is the true one.
    """
    if clock.state != State.RUNNING or clock.breached_at or clock.due_at is None or now <= clock.due_at:
        return []
    return [Event(EventKind.BREACH, clock.due_at, {"owner": owner})]


def pause(clock: Clock, *, at: datetime) -> list[Event]:
    """Stop counting. A breached clock doesn't pause: breached wins."""
    if clock.state != State.RUNNING or clock.breached_at:
        return []
    return [Event(EventKind.PAUSE, at)]


def resume(clock: Clock, *, at: datetime, calendar: BusinessCalendar) -> list[Event]:
    """Count again; the deadline moves by the open time that the pause took."""
    if clock.state != State.PAUSED:
        return []
    due = clock.target.due(calendar, clock.started_at, (*clock.pauses, (clock.paused_at, at)))
    return [Event(EventKind.RESUME, at, {"due_at": due.isoformat()})]


def retarget(
    clock: Clock, *, at: datetime, target: Target, calendar: BusinessCalendar, reason: str, owner: int | None
) -> list[Event]:
    """Give an open clock another target, counted from its start (SPEC 2.3).

    Where the new deadline has passed already, that is one breach, stamped with it, and the new
    target counts from `at`: the promise that the customer can still be given. A clock that is
    breached keeps its breach.
    """
    if not clock.is_open:
        return []
    due = target.due(calendar, clock.started_at, clock.pauses)
    events = []
    if due < at:
        if not clock.breached_at:
            events.append(Event(EventKind.BREACH, due, {"owner": owner, "reason": reason}))
        due = target.due(calendar, at)
    return [*events, Event(EventKind.RETARGET, at, {**_target(target), "due_at": due.isoformat(), "reason": reason})]


def fulfil(clock: Clock, *, at: datetime, by: int | None, owner: int | None) -> list[Event]:
    """Answer an open clock: met, or breached when `at` lies behind the deadline."""
    if not clock.is_open:
        return []
    return [*settle(clock, now=at, owner=owner), Event(EventKind.FULFIL, at, {"by": by, "owner": owner})]


def cancel(clock: Clock, *, at: datetime, reason: str) -> list[Event]:
    """Take an open clock out of every figure: spam, duplicate, merged."""
    return [Event(EventKind.CANCEL, at, {"reason": reason})] if clock.is_open else []


def close(clock: Clock, *, at: datetime, reason: str, owner: int | None) -> list[Event]:
    """End an open clock without an answer: cancelled before the deadline, a breach after it (SPEC 2.3)."""
    if not clock.is_open:
        return []
    breach = settle(clock, now=at, owner=owner)
    stays = bool(breach) or (clock.breached_at is not None and clock.breached_at < at)
    return [*breach, Event(EventKind.CANCEL, at, {"reason": reason, "breach_stays": stays})]


def exempt(clock: Clock, *, at: datetime, reason: str) -> list[Event]:
    """Void a clock, open or ended, by an approved exception (SPEC 2.4)."""
    return [] if clock.state in (State.CANCELLED, State.EXEMPT) else [Event(EventKind.EXEMPT, at, {"reason": reason})]


def apply(clock: Clock | None, event: Event) -> Clock:
    """The state after `event`. Raises ValueError for an event that cannot happen in this state."""
    if clock is None:
        if event.kind != EventKind.START:
            raise ValueError(f"a clock cannot begin with {event.kind}")
        return Clock(started_at=event.at, target=_read_target(event.data), due_at=_due(event.data))
    match event.kind:
        case EventKind.PAUSE if clock.state == State.RUNNING:
            return replace(clock, state=State.PAUSED, paused_at=event.at, due_at=None)
        case EventKind.RESUME if clock.state == State.PAUSED:
            return replace(
                clock,
                state=State.RUNNING,
                pauses=(*clock.pauses, (clock.paused_at, event.at)),
                paused_at=None,
                due_at=_due(event.data),
                version=clock.version + 1,
            )
        case EventKind.RETARGET if clock.is_open:
            # A paused clock takes the new target; its deadline is known when it resumes.
            due = _due(event.data) if clock.state == State.RUNNING else None
            return replace(clock, target=_read_target(event.data), due_at=due, version=clock.version + 1)
        case EventKind.BREACH if clock.is_open and clock.breached_at is None:
            return replace(clock, breached_at=event.at, owner_at_due=event.data.get("owner"))
        case EventKind.FULFIL if clock.is_open:
            # An answer of before the deadline may be written down after a sweep saw the deadline pass.
            is_late = clock.breached_at is not None and clock.breached_at < event.at
            return replace(
                _end(clock, State.FULFILLED, event.at),
                answered_by=event.data.get("by"),
                breached_at=clock.breached_at if is_late else None,
                owner_at_due=clock.owner_at_due if is_late else event.data.get("owner"),
            )
        case EventKind.CANCEL if clock.is_open:
            return _end(clock, State.ENDED if event.data.get("breach_stays") else State.CANCELLED, event.at)
        case EventKind.EXEMPT if clock.state not in (State.CANCELLED, State.EXEMPT):
            return replace(_end(clock, State.EXEMPT, event.at), ended_at=clock.ended_at or event.at)
    raise ValueError(f"{event.kind} cannot happen to a clock that is {clock.state}")


def fold(events: Iterable[Event], clock: Clock | None = None) -> Clock:
    """The state after all `events`, in order. Raises ValueError when there are none."""
    for event in events:
        clock = apply(clock, event)
    if clock is None:
        raise ValueError("a clock without events")
    return clock


def instant_at(
    *,
    percent: int,
    total: timedelta,
    started_at: datetime,
    due_at: datetime,
    calendar: BusinessCalendar,
    pauses: tuple[tuple[datetime, datetime], ...] = (),
) -> datetime:
    """When `percent` of `total`, the open time from start to deadline, is used up; past 100 the same pace goes on."""
    if percent == 100:
        return due_at
    if percent < 100:
        return calendar.add(started_at, total * percent / 100, pauses)
    beyond = total * (percent - 100) / 100
    try:
        return calendar.add(due_at, beyond)
    except OverflowError:  # closed for good: day and night, as in `Target.due`
        return due_at + beyond


def _end(clock: Clock, state: State, at: datetime) -> Clock:
    pauses = clock.pauses if clock.paused_at is None else (*clock.pauses, (clock.paused_at, at))
    return replace(clock, state=state, ended_at=at, paused_at=None, pauses=pauses)


def _target(target: Target) -> dict[str, int]:
    return {name: value for name in ("seconds", "business_days") if (value := getattr(target, name)) is not None}


def _read_target(data: Mapping[str, Any]) -> Target:
    return Target(seconds=data.get("seconds"), business_days=data.get("business_days"))


def _due(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["due_at"])
