"""What each event makes of a clock: `fold` gives the state after all of them, `apply` the one after the next. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from helpdesk.sla.clock import Clock, Effect, Event, EventKind, State, due_in, gross_due_in
from helpdesk.sla.target import Target


def apply(clock: Clock | None, event: Event) -> Clock:
    """The state after `event`. Raises ValueError for an event that cannot happen in this state."""
    if clock is None:
        if event.kind != EventKind.START:
            raise ValueError(f"a clock cannot begin with {event.kind}")
        due = due_in(event.data)
        return Clock(event.at, Target.read(event.data), due, counted_from=event.at, gross_due_at=due)
    change = _CHANGES.get(event.kind)
    changed = change(clock.gross_settled(event.at), event) if change else None
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
        due_at=due_in(event.data),
        gross_due_at=gross_due_in(event.data),
        version=clock.version + 1,
    )


def _retargeted(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_unanswered:
        return None
    data, since = event.data, _instant(event.data.get("since"))
    promised = Target.read(data.get("gross_target", data))
    moved = replace(
        clock,
        target=Target.read(data),
        counted_from=since or clock.counted_from,
        due_at=due_in(data),
        gross_due_at=gross_due_in(data),
        gross_basis=clock.gross_basis and (promised, since or clock.gross_basis[1]),
        version=clock.version + 1,
    )
    moved = moved.gross_settled(event.at)
    # A paused clock takes the new target; its deadline is known when it resumes.
    return moved if moved.paused_at is None else replace(moved, due_at=None, gross_due_at=None)


def _breached(clock: Clock, event: Event) -> Clock | None:
    if not clock.is_open or clock.breached_at is not None:
        return None
    # An exception may have moved the deadline that was missed now; the gross one came no later.
    gross = gross_due_in({"due_at": event.at.isoformat(), **event.data})
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


def _exempted(clock: Clock, event: Event) -> Clock | None:
    if clock.state in (State.CANCELLED, State.EXEMPT):
        return None
    data = event.data
    if data.get("effect", Effect.VOID) == Effect.VOID:
        return replace(clock, state=State.EXEMPT)
    out = (_instant(data["from"]), _instant(data["until"])) if "from" in data else None
    target = Target.read(data) if data["effect"] == Effect.RETARGET else clock.target
    moved = replace(
        clock,
        target=target,
        counted_from=_instant(data.get("since")) or clock.counted_from,
        exempted=(*clock.exempted, out) if out else clock.exempted,
        gross_basis=clock.gross_basis or (clock.target, clock.counted_from),
        due_at=None if clock.state == State.PAUSED else due_in(data),
        version=clock.version + 1,
    )
    if clock.breached_at is None or clock.breached_at < clock.counted_from:
        return moved  # nothing to judge again; the breach of a promise that was renewed since stays
    return _judged_again(moved, due=due_in(data), at=event.at)


def _judged_again(clock: Clock, *, due: datetime, at: datetime) -> Clock:
    """The net verdict under a deadline that an exception moved. The gross one stays what it was."""
    if due < (clock.ended_at or at):
        return replace(clock, breached_at=due)
    # It ended unanswered before it was due: out of the net figures, like one that is void.
    state = State.EXEMPT if clock.state == State.ENDED else clock.state
    return replace(clock, breached_at=None, state=state, owner_at_due=clock.owner_at_due if clock.ended_at else None)


def _end(clock: Clock, state: State, at: datetime) -> Clock:
    pauses = (*clock.pauses, *clock.pause_until(at))
    return replace(clock, state=state, ended_at=at, paused_at=None, pauses=pauses)


def _before(at: datetime, breach: datetime | None) -> datetime | None:
    return breach if breach is not None and breach < at else None


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


_CHANGES: dict[EventKind, Callable[[Clock, Event], Clock | None]] = {
    EventKind.PAUSE: _paused,
    EventKind.RESUME: _resumed,
    EventKind.RETARGET: _retargeted,
    EventKind.BREACH: _breached,
    EventKind.FULFIL: _fulfilled,
    EventKind.CANCEL: _cancelled,
    EventKind.EXEMPT: _exempted,
}
