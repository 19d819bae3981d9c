"""The clock of a promise: a pure state machine over append-only events (SPEC 2.2).

A clock runs one metric of one ticket towards one target. Its state is the fold of its events;
the transition functions (`start`, `settle`, `pause`, …) only make the next event from the state,
and `apply` is the only thing that changes the state. Nothing here knows a database or the time.

An answer at the very instant of the deadline is in time; a breach is stamped with that instant.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar

Interval = tuple[datetime, datetime]
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
class Target:
    """How long: a stretch of open time, or a number of business days. Exactly one of the two."""

    seconds: int | None = None
    business_days: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.business_days is None):
            raise ValueError("target: give either seconds or business_days")
        if (self.seconds or self.business_days or 0) <= 0:
            raise ValueError("target: must be longer than nothing")

    def due(self, calendar: BusinessCalendar, start: datetime, pauses: Iterable[Interval] = ()) -> datetime:
        """The deadline of a clock started at `start` (aware; result in UTC).

        A pause moves the deadline of business days by the open time that it took before it. Where the
        calendar never opens again (its special days are over), the target counts day and night: a
        ticket is accepted, and watched, whatever became of a calendar.
        """
        pauses = _merged(pauses)
        try:
            return self._due(calendar, start, pauses)
        except OverflowError:
            return self._due(ALWAYS_OPEN, start, pauses)

    def counts_on(
        self, calendar: BusinessCalendar, start: datetime, pauses: Iterable[Interval] = ()
    ) -> BusinessCalendar:
        """The calendar that `due` reckons on: this one, or day and night."""
        try:
            self._due(calendar, start, _merged(pauses))
        except OverflowError:
            return ALWAYS_OPEN
        return calendar

    def _due(self, calendar: BusinessCalendar, start: datetime, pauses: tuple[Interval, ...]) -> datetime:
        if self.seconds is not None:
            return calendar.add(start, timedelta(seconds=self.seconds), pauses)
        due = calendar.add_business_days(start, self.business_days)
        for begin, end in pauses:
            if begin < due:
                due = calendar.add(due, calendar.between(max(begin, start), end))
                if due < end:  # it was due at an opening, with no open time left before it: at the next one, then
                    due = calendar.next_opening(end)
        return due


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


def start(*, at: datetime, target: Target, calendar: BusinessCalendar, under: Mapping[str, Any] = NOTHING) -> Event:
    """Start a clock; the event carries the target, the deadline that follows, and `under` which rules."""
    return Event(EventKind.START, at, {**_target(target), "due_at": target.due(calendar, at).isoformat(), **under})


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
    if _due(deadlines) < at and clock.is_open:
        if not clock.breached_at:
            gross = _gross_settled(clock, at).gross_breached_at or _gross_due(deadlines)
            breach = {"owner": owner, "reason": reason, "gross_due_at": gross.isoformat()}
            events.append(Event(EventKind.BREACH, _due(deadlines), breach))
            events += resume(clock, at=at, calendar=calendar)
        moved = replace(moved, counted_from=at, gross_basis=moved.gross_basis and (target, at))
        deadlines, since = _deadlines(moved, calendar), {"since": at.isoformat()}
    kept = {"gross_target": _target(target)} if moved.target != target else {}
    values = {**_target(moved.target), **kept, **deadlines, **since, "reason": reason, **under}
    return [*events, Event(EventKind.RETARGET, at, values)]


def due_under(clock: Clock, *, at: datetime, target: Target, calendar: BusinessCalendar) -> datetime:
    """The deadline that `retarget` would give, were it not for a breach that it makes."""
    return _due(_deadlines(_moved(clock, target, at=at), calendar))


def _moved(clock: Clock, target: Target, *, at: datetime) -> Clock:
    """An unanswered clock under a target of the rules. A target that an exception gave stays while theirs does."""
    basis = clock.gross_basis and (target, clock.gross_basis[1])
    net = clock.target if target == clock.promised_target else target
    return replace(clock, target=net, gross_basis=basis, pauses=(*clock.pauses, *_running_pause(clock, at)))


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
    missed = _gross_settled(clock, at).gross_breached_at
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
        values |= _target(target)
        moved = replace(clock, target=target)
    else:
        raise ValueError(f"{effect.value}: its values are missing")
    closed = replace(clock, pauses=(*clock.pauses, *_running_pause(clock, at)))
    due = moved.target.due(calendar, moved.counted_from, (*closed.pauses, *moved.exempted))
    if due <= _due(_deadlines(closed, calendar)):
        raise ValueError(f"{effect.value}: the deadline would not come later")
    return [Event(EventKind.EXEMPT, at, values | {"due_at": due.isoformat()})]


def apply(clock: Clock | None, event: Event) -> Clock:
    """The state after `event`. Raises ValueError for an event that cannot happen in this state."""
    if clock is None:
        if event.kind != EventKind.START:
            raise ValueError(f"a clock cannot begin with {event.kind}")
        due = _due(event.data)
        return Clock(event.at, _read_target(event.data), due, counted_from=event.at, gross_due_at=due)
    change = _CHANGES.get(event.kind)
    changed = change(_gross_settled(clock, event.at), event) if change else None
    if changed is None:
        raise ValueError(f"{event.kind} cannot happen to a clock that is {clock.state}")
    return changed


def fold(events: Iterable[Event], clock: Clock | None = None) -> Clock:
    """The state after all `events`, in order. Raises ValueError when there are none."""
    for event in events:
        clock = apply(clock, event)
    if clock is None:
        raise ValueError("a clock without events")
    return clock


def _gross_settled(clock: Clock, now: datetime) -> Clock:
    """With the gross breach of an unanswered clock whose gross deadline has passed."""
    passed = clock.gross_due_at is not None and clock.gross_due_at < now
    if not (passed and clock.is_unanswered and clock.gross_breached_at is None):
        return clock
    return replace(clock, gross_breached_at=clock.gross_due_at)


def _paused(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_unanswered or clock.paused_at is not None:
        return None
    questioned = clock.questioned_pauses + bool(event.data.get("questioned"))
    return replace(
        clock,
        state=State.PAUSED if clock.is_open else clock.state,
        paused_at=event.at,
        due_at=None,
        gross_due_at=None,
        questioned_pauses=questioned,
    )


def _resumed(clock: Clock, event: Event) -> Clock | None:
    if clock.paused_at is None:
        return None
    return replace(
        clock,
        state=State.RUNNING if clock.is_open else clock.state,
        pauses=(*clock.pauses, (clock.paused_at, event.at)),
        paused_at=None,
        due_at=_due(event.data),
        gross_due_at=_gross_due(event.data),
        version=clock.version + 1,
    )


def _retargeted(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_unanswered:
        return None
    data, since = event.data, _instant(event.data.get("since"))
    promised = _read_target(data.get("gross_target", data))
    moved = replace(
        clock,
        target=_read_target(data),
        counted_from=since or clock.counted_from,
        due_at=_due(data),
        gross_due_at=_gross_due(data),
        gross_basis=clock.gross_basis and (promised, since or clock.gross_basis[1]),
        version=clock.version + 1,
    )
    moved = _gross_settled(moved, event.at)
    # A paused clock takes the new target; its deadline is known when it resumes.
    return moved if moved.paused_at is None else replace(moved, due_at=None, gross_due_at=None)


def _breached(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_open or clock.breached_at is not None:
        return None
    # An exception may have moved the deadline that was missed now; the gross one came no later.
    gross = _gross_due({"due_at": event.at.isoformat(), **event.data})
    return replace(
        clock,
        breached_at=event.at,
        gross_breached_at=clock.gross_breached_at or gross,
        owner_at_due=event.data.get("owner"),
    )


def _fulfilled(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_unanswered:
        return None
    # An answer of before the deadline may be written down after a sweep saw the deadline pass.
    breached = _before(event.at, clock.breached_at)
    return replace(
        _end(clock, State.EXEMPT if clock.state == State.EXEMPT else State.FULFILLED, event.at),
        answered_by=event.data.get("by"),
        breached_at=breached,
        gross_breached_at=_before(event.at, clock.gross_breached_at),
        owner_at_due=clock.owner_at_due if breached else event.data.get("owner"),
    )


def _cancelled(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_unanswered:
        return None
    if not event.data.get("breach_stays"):
        return _end(clock, State.CANCELLED, event.at)
    breached = _before(event.at, clock.breached_at)
    # Missed by the gross deadline only: out of the net figures, like one that is void.
    state = State.ENDED if breached and clock.is_open else State.EXEMPT
    return replace(_end(clock, state, event.at), breached_at=breached)


def _before(at: datetime, breach: datetime | None) -> datetime | None:
    return breach if breach is not None and breach < at else None


def _exempted(clock: Clock, event: Event) -> Clock | None:
    if clock.state in (State.CANCELLED, State.EXEMPT):
        return None
    data = event.data
    if data.get("effect", Effect.VOID) == Effect.VOID:
        return replace(clock, state=State.EXEMPT)
    out = (_instant(data["from"]), _instant(data["until"])) if "from" in data else None
    target = _read_target(data) if data["effect"] == Effect.RETARGET else clock.target
    moved = replace(
        clock,
        target=target,
        counted_from=_instant(data.get("since")) or clock.counted_from,
        exempted=(*clock.exempted, out) if out else clock.exempted,
        gross_basis=clock.gross_basis or (clock.target, clock.counted_from),
        due_at=None if clock.state == State.PAUSED else _due(data),
        version=clock.version + 1,
    )
    if clock.breached_at is None or clock.breached_at < clock.counted_from:
        return moved  # nothing to judge again; the breach of a promise that was renewed since stays
    return _judged_again(moved, due=_due(data), at=event.at)


def _judged_again(clock: Clock, *, due: datetime, at: datetime) -> Clock:
    """The net verdict under a deadline that an exception moved. The gross one stays what it was."""
    if due < (clock.ended_at or at):
        return replace(clock, breached_at=due)
    # It ended unanswered before it was due: out of the net figures, like one that is void.
    state = State.EXEMPT if clock.state == State.ENDED else clock.state
    return replace(clock, breached_at=None, state=state, owner_at_due=clock.owner_at_due if clock.ended_at else None)


_CHANGES: dict[EventKind, Callable[[Clock, Event], Clock | None]] = {
    EventKind.PAUSE: _paused,
    EventKind.RESUME: _resumed,
    EventKind.RETARGET: _retargeted,
    EventKind.BREACH: _breached,
    EventKind.FULFIL: _fulfilled,
    EventKind.CANCEL: _cancelled,
    EventKind.EXEMPT: _exempted,
}


def instant_at(
    *,
    percent: int,
    total: timedelta,
    started_at: datetime,
    due_at: datetime,
    calendar: BusinessCalendar,
    pauses: tuple[Interval, ...] = (),
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
    pauses = (*clock.pauses, *_running_pause(clock, at))
    return replace(clock, state=state, ended_at=at, paused_at=None, pauses=pauses)


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """In order, those that overlap or touch made one: a stretch that is left out twice is left out once."""
    merged: list[Interval] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            begin, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((begin, end))
    return tuple(merged)


def _running_pause(clock: Clock, at: datetime) -> tuple[Interval, ...]:
    return () if clock.paused_at is None else ((clock.paused_at, at),)


def _deadlines(clock: Clock, calendar: BusinessCalendar) -> dict[str, str]:
    """The deadline as an event carries it, and the gross one where an exception parted them."""
    due = clock.target.due(calendar, clock.counted_from, clock.stretches_out)
    if clock.gross_basis is None:
        return {"due_at": due.isoformat()}
    target, since = clock.gross_basis
    gross = target.due(calendar, since, clock.pauses)
    return {"due_at": max(due, gross).isoformat(), "gross_due_at": gross.isoformat()}


def _target(target: Target) -> dict[str, int]:
    return {name: value for name in ("seconds", "business_days") if (value := getattr(target, name)) is not None}


def _read_target(data: Mapping[str, Any]) -> Target:
    return Target(seconds=data.get("seconds"), business_days=data.get("business_days"))


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _due(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["due_at"])


def _gross_due(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data.get("gross_due_at", data["due_at"]))
