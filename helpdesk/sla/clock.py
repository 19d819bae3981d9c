"""The clock of a promise: a pure state machine over append-only events (SPEC 2.2).

A clock runs one metric of one ticket towards one target. Its state is the fold of its events: the
transition functions here (`start`, `settle`, `pause`, …) only make the next event from the state, and
`fold.apply` is the only thing that changes the state. Nothing here knows a database or the time.

An answer at the very instant of the deadline is in time; a breach is stamped with that instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.target import Interval, Target

NOTHING: Mapping[str, Any] = MappingProxyType({})


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


class Effect(StrEnum):
    """What an approved exception does to a clock (SPEC 2.4)."""

    VOID = "void"
    PAUSE = "pause"
    RESTART = "restart"
    RETARGET = "retarget"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a clock. `at` is when it took effect, however late it was written down."""

    kind: EventKind
    at: datetime
    data: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Clock:
    """The state that a clock's events add up to.

    `due_at` is the deadline in force (None while paused: nobody knows it then), reckoned from
    `counted_from`, which is the start until a promise is renewed or restarted. `version` counts
    the deadlines the clock has had. `breached_at` is set once, to the deadline that was missed;
    only an approved exception can take it back.

    Everything named *gross* is the same as if no exception had ever been approved (SPEC 2.4):
    `gross_basis` is the target and start that the gross deadline is reckoned by, None while they
    are the same; `gross_breached_at` is never taken back. A void clock goes on for the gross figures.
    """

    started_at: datetime
    target: Target
    due_at: datetime | None
    counted_from: datetime
    gross_due_at: datetime | None
    state: State = State.RUNNING
    version: int = 1
    pauses: tuple[Interval, ...] = ()
    exempted: tuple[Interval, ...] = ()  # stretches that an exception left out
    paused_at: datetime | None = None
    questioned_pauses: int = 0  # pauses that began while a message of the customer was unanswered
    breached_at: datetime | None = None
    gross_basis: tuple[Target, datetime] | None = None
    gross_breached_at: datetime | None = None
    ended_at: datetime | None = None
    owner_at_due: int | None = None
    answered_by: int | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_unanswered(self) -> bool:
        """Open, or void while the customer still waits: the answer is written down for the gross figures."""
        return self.is_open or (self.state == State.EXEMPT and self.ended_at is None)

    @property
    def is_met(self) -> bool:
        return self.state == State.FULFILLED and self.breached_at is None

    @property
    def promised_target(self) -> Target:
        """The target that a policy gave, whatever an exception made of it."""
        return self.gross_basis[0] if self.gross_basis else self.target

    @property
    def stretches_out(self) -> tuple[Interval, ...]:
        """What does not count although the calendar is open."""
        return (*self.pauses, *self.exempted)

    def pause_until(self, at: datetime) -> tuple[Interval, ...]:
        """The pause that is running, as it would be if it ended at `at`."""
        return () if self.paused_at is None else ((self.paused_at, at),)

    def gross_settled(self, now: datetime) -> "Clock":
        """With the gross breach of an unanswered clock whose gross deadline has passed."""
        passed = self.gross_due_at is not None and self.gross_due_at < now
        if not (passed and self.is_unanswered and self.gross_breached_at is None):
            return self
        return replace(self, gross_breached_at=self.gross_due_at)


def start(
    *,
    at: datetime,
    target: Target,
    calendar: BusinessCalendar,
    under: Mapping[str, Any] = NOTHING,
    asked: datetime | None = None,
) -> Event:
    """Start a clock; the event carries the target, the deadline that follows, and `under` which rules.

    `asked`: when it was asked for, where it counts from a later instant (a call in a window).
    """
    since = {"asked": asked.isoformat()} if asked is not None and asked < at else {}
    due = target.due(calendar, at)
    return Event(EventKind.START, at, {**target.values(), "due_at": due.isoformat(), **under, **since})


def settle(clock: Clock, *, now: datetime, owner: int | None) -> list[Event]:
    """The breach of a running clock whose deadline has passed, if nobody wrote it down yet.

    Called before anything else happens to a clock, so that the owner at the due time is the true one.
    """
    if clock.state != State.RUNNING or clock.breached_at or clock.due_at is None or now <= clock.due_at:
        return []
    return [Event(EventKind.BREACH, clock.due_at, {"owner": owner})]


def pause(clock: Clock, *, at: datetime, questioned: bool = False) -> list[Event]:
    """Stop counting. A breached clock doesn't pause: breached wins; at the very deadline there is nothing left to stop.

    `questioned`: a message of the customer was unanswered (pause integrity, SPEC 2.2).
    """
    void = clock.state == State.EXEMPT
    due, breached = (clock.gross_due_at, clock.gross_breached_at) if void else (clock.due_at, clock.breached_at)
    if not clock.is_unanswered or clock.paused_at or breached or due <= at:
        return []
    return [Event(EventKind.PAUSE, at, {"questioned": True} if questioned else {})]


def resume(clock: Clock, *, at: datetime, calendar: BusinessCalendar) -> list[Event]:
    """Count again; the deadline moves by the open time that the pause took."""
    if clock.paused_at is None:
        return []
    pauses = (*clock.pauses, (clock.paused_at, at))
    return [Event(EventKind.RESUME, at, _deadlines(replace(clock, pauses=pauses), calendar))]


def retarget(
    clock: Clock,
    *,
    at: datetime,
    target: Target,
    calendar: BusinessCalendar,
    reason: str,
    owner: int | None,
    under: Mapping[str, Any] = NOTHING,
) -> list[Event]:
    """Give an unanswered clock another target or calendar, counted from its start (SPEC 2.3).

    Where the new deadline has passed already, that is one breach, stamped with it, and the new target
    counts from `at`: the promise that the customer can still be given. A clock that is breached keeps
    its breach; one that was paused goes on, since breached wins.
    """
    if not clock.is_unanswered:
        return []
    moved = _moved(clock, target, at=at)
    deadlines = _deadlines(moved, calendar)
    events, since = [], {}
    if due_in(deadlines) < at and clock.is_open:
        if not clock.breached_at:
            gross = clock.gross_settled(at).gross_breached_at or gross_due_in(deadlines)
            breach = {"owner": owner, "reason": reason, "gross_due_at": gross.isoformat()}
            events.append(Event(EventKind.BREACH, due_in(deadlines), breach))
            events += resume(clock, at=at, calendar=calendar)
        moved = replace(moved, counted_from=at, gross_basis=moved.gross_basis and (target, at))
        deadlines, since = _deadlines(moved, calendar), {"since": at.isoformat()}
    kept = {"gross_target": target.values()} if moved.target != target else {}
    values = {**moved.target.values(), **kept, **deadlines, **since, "reason": reason, **under}
    return [*events, Event(EventKind.RETARGET, at, values)]


def due_under(clock: Clock, *, at: datetime, target: Target, calendar: BusinessCalendar) -> datetime:
    """The deadline that `retarget` would give, were it not for a breach that it makes."""
    return due_in(_deadlines(_moved(clock, target, at=at), calendar))


def _moved(clock: Clock, target: Target, *, at: datetime) -> Clock:
    """An unanswered clock under a target of the rules. A target that an exception gave stays while theirs does."""
    basis = clock.gross_basis and (target, clock.gross_basis[1])
    net = clock.target if target == clock.promised_target else target
    return replace(clock, target=net, gross_basis=basis, pauses=(*clock.pauses, *clock.pause_until(at)))


def fulfil(clock: Clock, *, at: datetime, by: int | None, owner: int | None) -> list[Event]:
    """Answer a clock: met, or breached when `at` lies behind the deadline. A void one keeps its answer only."""
    if not clock.is_unanswered:
        return []
    return [*settle(clock, now=at, owner=owner), Event(EventKind.FULFIL, at, {"by": by, "owner": owner})]


def cancel(clock: Clock, *, at: datetime, reason: str) -> list[Event]:
    """Take an unanswered clock out of every figure: spam, duplicate, merged."""
    return [Event(EventKind.CANCEL, at, {"reason": reason})] if clock.is_unanswered else []


def close(clock: Clock, *, at: datetime, reason: str, owner: int | None) -> list[Event]:
    """End a clock without an answer: cancelled before the deadline, a breach after it (SPEC 2.3).

    Where an exception had moved the deadline behind `at`, the breach is one of the gross figures only.
    """
    if not clock.is_unanswered:
        return []
    missed = clock.gross_settled(at).gross_breached_at
    stays = missed is not None and missed < at
    cancel = Event(EventKind.CANCEL, at, {"reason": reason, "breach_stays": stays})
    return [*settle(clock, now=at, owner=owner), cancel]


def exempt(
    clock: Clock,
    *,
    at: datetime,
    effect: Effect,
    calendar: BusinessCalendar,
    reason: str,
    out: Interval | None = None,
    since: datetime | None = None,
    target: Target | None = None,
    under: Mapping[str, Any] = NOTHING,
) -> list[Event]:
    """Let an approved exception take effect on a clock, open or ended (SPEC 2.4).

    *Void* takes the target out of the net figures; *pause* leaves the stretch `out` uncounted;
    *restart* counts from `since`; *retarget* gives another `target`. ValueError, for the person who
    asks, where a value is missing, or where the deadline would not come later: an exception never
    takes from what was promised.
    """
    if clock.state in (State.CANCELLED, State.EXEMPT):
        return []
    values: dict[str, Any] = {"effect": effect.value, "reason": reason, **under}
    if effect == Effect.VOID:
        return [Event(EventKind.EXEMPT, at, values)]
    if effect == Effect.PAUSE and out and out[0] < out[1]:
        values |= {"from": out[0].isoformat(), "until": out[1].isoformat()}
        moved = replace(clock, exempted=(*clock.exempted, out))
    elif effect == Effect.RESTART and since:
        values["since"] = since.isoformat()
        moved = replace(clock, counted_from=since)
    elif effect == Effect.RETARGET and target:
        values |= target.values()
        moved = replace(clock, target=target)
    else:
        raise ValueError(f"{effect.value}: its values are missing")
    closed = replace(clock, pauses=(*clock.pauses, *clock.pause_until(at)))
    due = moved.target.due(calendar, moved.counted_from, (*closed.pauses, *moved.exempted))
    if due <= due_in(_deadlines(closed, calendar)):
        raise ValueError(f"{effect.value}: the deadline would not come later")
    return [Event(EventKind.EXEMPT, at, values | {"due_at": due.isoformat()})]


def _deadlines(clock: Clock, calendar: BusinessCalendar) -> dict[str, str]:
    """The deadline as an event carries it, and the gross one where an exception parted them."""
    due = clock.target.due(calendar, clock.counted_from, clock.stretches_out)
    if clock.gross_basis is None:
        return {"due_at": due.isoformat()}
    target, since = clock.gross_basis
    gross = target.due(calendar, since, clock.pauses)
    return {"due_at": max(due, gross).isoformat(), "gross_due_at": gross.isoformat()}


def due_in(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["due_at"])


def gross_due_in(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data.get("gross_due_at", data["due_at"]))
