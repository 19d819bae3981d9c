"""The sweep: finds clocks whose next check has come, in due order, and fires what is due.

One batch is one transaction: the rows are claimed with SKIP LOCKED, so any number of sweepers work
side by side; escalations, breach events, notices and mails are written and the next check is set, or
nothing of it. A sweeper killed half-way leaves its batch as it was. The queries of a batch don't
depend on how many clocks it holds, and only clocks that are due are read. What steps do to tickets is
only written down here, and done after the batches: a sweep never locks a ticket (see `acts`).
"""

import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from helpdesk.core.bulk import insert
from helpdesk.core.jobs import kick
from helpdesk.escalation.acts import perform_pending
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.recipients import Directory, Hearing
from helpdesk.escalation.telling import telling
from helpdesk.notifications.services import DELIVER_TASK, Telling, beat, tell
from helpdesk.sla import clock as pure
from helpdesk.sla.fold import apply
from helpdesk.sla.ladder import Rung, next_check, rungs
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.sla.services import Rules
from helpdesk.sla.terms import Way

log = logging.getLogger(__name__)
HEARTBEAT = "sweep"
NOBODY = Hearing(readers=[], skipped=[])
# What is read of a clock: its state, and what decides about its steps.
COLUMNS = (
    *Clock.FOLDED,
    "ticket",
    "metric",
    "promise",
    "policy_version",
    "calendar_version",
    "event_count",
    "next_check_at",
    "acknowledged_version",
)


@dataclass(slots=True)
class SweepResult:
    """What one sweep did. `late_seconds`: the longest time between a due instant and this sweep."""

    claimed: int = 0
    fired: int = 0
    superseded: int = 0
    breached: int = 0
    failed: int = 0
    acts: int = 0
    batches: int = 0
    late_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Batch:
    """The rows that one batch is going to write."""

    events: list[dict[str, Any]] = field(default_factory=list)
    escalations: list[dict[str, Any]] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)

    def add(self, other: "_Batch") -> None:
        self.events += other.events
        self.escalations += other.escalations
        self.tellings += other.tellings


def sweep(
    *, now: datetime, batch_size: int | None = None, max_batches: int = 1000, heartbeat: str = HEARTBEAT
) -> SweepResult:
    """Fire everything whose time lies before `now`; returns when nothing due is left unclaimed.

    A clock that cannot be reckoned (its policy's document is spoilt, say) holds up nobody else's. It
    stays as it is and due, so that each sweep tries it again, says so in the log, and no step is lost.
    """
    result, failing = SweepResult(), set()
    size = batch_size or settings.SWEEP_BATCH
    directory, rules = Directory.load(now=now), Rules()
    more = True
    while more and result.batches < max_batches:
        more = _sweep_batch(now=now, size=size, directory=directory, rules=rules, result=result, failing=failing)
    result.failed = len(failing)
    if result.fired:
        kick(DELIVER_TASK)
    result.acts = perform_pending(now=now)
    beat(name=heartbeat, now=now, detail=result.as_json())
    return result


@transaction.atomic
def _sweep_batch(
    *, now: datetime, size: int, directory: Directory, rules: Rules, result: SweepResult, failing: set[int]
) -> bool:
    """One transaction. True where more may be due."""
    clocks = _claim(now=now, size=size, without=failing)
    if not clocks:
        return False
    rules.learn(clocks)
    batch, swept = _Batch(), []
    for clock in clocks:
        own = _Batch()
        try:
            _sweep_clock(clock, now=now, directory=directory, rules=rules, batch=own, result=result)
        except Exception:
            log.exception("clock %s cannot be swept", clock.pk)
            failing.add(clock.pk)
        else:
            batch.add(own)
            swept.append(clock)
    insert(ClockEvent, batch.events)
    insert(Escalation, batch.escalations, ignore_conflicts=True)
    tell(batch.tellings, now=now)
    _save(swept)
    result.batches += 1
    result.claimed += len(clocks)
    return len(clocks) == size


def _claim(*, now: datetime, size: int, without: Collection[int] = ()) -> list[Clock]:
    """The clocks that have been due longest and that no other sweep holds, locked, with what a mail says."""
    ticket = ("subject", "severity", "requester_role", "owner", "team")
    told = ("account__name", "hub__name", "requester__full_name")
    return list(
        Clock.objects.filter(next_check_at__lt=now)
        .exclude(pk__in=without)
        .select_related("ticket__account", "ticket__hub", "ticket__requester")
        .only(*COLUMNS, *(f"ticket__{name}" for name in (*ticket, *told)))
        .order_by("next_check_at")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)[:size]
    )


def _sweep_clock(
    clock: Clock, *, now: datetime, directory: Directory, rules: Rules, batch: _Batch, result: SweepResult
) -> None:
    """One clock: its breach if the deadline passed, its steps, its next check."""
    terms, hours = rules.of(clock)
    state, since = clock.folded(), clock.next_check_at
    reminders = clock.acknowledged_version != clock.version
    steps = rungs(state, terms=terms, calendar=hours, since=since, reminders=reminders)
    due = list(takewhile(lambda rung: rung.at < now, steps))
    for event in pure.settle(state, now=now, owner=clock.ticket.owner_id):
        state = apply(state, event)
        clock.take_state(state)
        clock.event_count += 1
        batch.events.append(_event(clock, event, now=now))
        result.breached += 1
    clock.next_check_at = next_check(state, terms=terms, calendar=hours, since=now, reminders=reminders)
    # After a gap the newest step fires, and the older ones are superseded.
    for rung in due[:-1]:
        batch.escalations.append(_escalation(clock, rung, now=now, state=Escalation.State.SUPERSEDED))
        result.superseded += 1
    for rung in due[-1:]:
        hearing = directory.find(ticket=clock.ticket, recipients=rung.step.recipients)
        if not hearing.readers:
            log.error("nobody is there to hear of a step of clock %s: no administrator is active", clock.pk)
        batch.escalations.append(_escalation(clock, rung, now=now, state=Escalation.State.FIRED, hearing=hearing))
        batch.tellings.append(telling(clock, rung, directory=directory, hearing=hearing, now=now))
        result.fired += 1
    result.late_seconds = max(result.late_seconds, (now - since).total_seconds())


def _event(clock: Clock, event: pure.Event, *, now: datetime) -> dict[str, Any]:
    return {
        "clock_id": clock.pk,
        "number": clock.event_count,
        "kind": event.kind.value,
        "at": event.at,
        "recorded_at": now,
        "data": dict(event.data),
    }


def _escalation(
    clock: Clock, rung: Rung, *, now: datetime, state: Escalation.State, hearing: Hearing = NOBODY
) -> dict[str, Any]:
    """A row. Without a mail that has to leave, what was told is delivered; a superseded step acts, too."""
    step = rung.step
    at_once = bool(hearing.readers) and Way.EMAIL not in step.ways
    return {
        "clock_id": clock.pk,
        "ticket_id": clock.ticket_id,
        "deadline_version": clock.version,
        "percent": step.percent,
        "reminder": rung.reminder,
        "state": state,
        "due_at": rung.at,
        "detected_at": now,
        "delivered_at": now if at_once else None,
        "told": hearing.told,
        "skipped": hearing.skipped,
        "acts": {"raise_priority": step.raise_priority, "assign_team": step.assign_team} if step.acts else {},
        "acts_pending": step.acts,
    }


def _save(clocks: list[Clock]) -> None:
    """Set what a sweep may change, in one statement; nothing else of the rows is touched."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE helpdesk_clock AS clock
               SET next_check_at = new.next_check_at, breached_at = new.breached_at,
                   gross_breached_at = new.gross_breached_at, owner_at_due_id = new.owner_at_due_id,
                   event_count = new.event_count
              FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::bigint[],
                          %s::int[])
                   AS new (id, next_check_at, breached_at, gross_breached_at, owner_at_due_id, event_count)
             WHERE clock.id = new.id
            """,
            [
                [clock.pk for clock in clocks],
                [clock.next_check_at for clock in clocks],
                [clock.breached_at for clock in clocks],
                [clock.gross_breached_at for clock in clocks],
                [clock.owner_at_due_id for clock in clocks],
                [clock.event_count for clock in clocks],
            ],
        )
