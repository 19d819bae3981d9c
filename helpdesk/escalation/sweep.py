"""The sweep: finds clocks whose next check has come, in due order, and fires what is due.

One batch is one transaction: the rows are claimed with SKIP LOCKED, so any number of sweepers work
side by side; escalations, breach events, notices and mails are written and the next check is set, or
nothing of it. A sweeper killed half-way leaves its batch as it was. The queries of a batch don't
depend on how many clocks it holds, and only clocks that are due are read.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.recipients import Directory
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.services import Reader, beat, mail_row, post
from helpdesk.sla import clock as pure
from helpdesk.sla.ladder import Rung, rungs
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.sla.services import check_after

HEARTBEAT = "sweep"


@dataclass(slots=True)
class SweepResult:
    """What one sweep did. `late_seconds`: the longest time between a due instant and this sweep."""

    claimed: int = 0
    fired: int = 0
    superseded: int = 0
    breached: int = 0
    batches: int = 0
    late_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Batch:
    """The rows that one batch is going to write."""

    events: list[ClockEvent] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    mails: list[OutboxMail] = field(default_factory=list)


def sweep(*, now: datetime, batch_size: int | None = None, max_batches: int = 1000) -> SweepResult:
    """Fire everything whose time lies before `now`; returns when nothing due is left unclaimed."""
    result = SweepResult()
    size = batch_size or settings.SWEEP_BATCH
    directory = Directory.load()
    while result.batches < max_batches:
        claimed = _sweep_batch(now=now, size=size, directory=directory, result=result)
        if claimed < size:
            break
    beat(name=HEARTBEAT, now=now, detail=result.as_json())
    return result


@transaction.atomic
def _sweep_batch(*, now: datetime, size: int, directory: Directory, result: SweepResult) -> int:
    clocks = list(
        Clock.objects.filter(next_check_at__lt=now)
        .select_related("ticket__account", "ticket__hub", "ticket__requester", "policy_version", "calendar_version")
        .order_by("next_check_at")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)[:size]
    )
    if not clocks:
        return 0
    batch = _Batch()
    for clock in clocks:
        _sweep_clock(clock, now=now, directory=directory, batch=batch, result=result)
    ClockEvent.objects.bulk_create(batch.events)
    Escalation.objects.bulk_create(batch.escalations, ignore_conflicts=True)
    post(batch.mails, batch.notices)
    _save(clocks)
    result.batches += 1
    result.claimed += len(clocks)
    return len(clocks)


def _sweep_clock(clock: Clock, *, now: datetime, directory: Directory, batch: _Batch, result: SweepResult) -> None:
    """One clock: its breach if the deadline passed, its steps, its next check."""
    since = clock.next_check_at
    result.late_seconds = max(result.late_seconds, (now - since).total_seconds())
    due = list(_due_rungs(clock, since=since, now=now))
    for event in pure.settle(clock.folded(), now=now, owner=clock.ticket.owner_id):
        clock.take_state(pure.apply(clock.folded(), event))
        clock.event_count += 1
        batch.events.append(
            ClockEvent(
                clock=clock,
                number=clock.event_count,
                kind=event.kind.value,
                at=event.at,
                recorded_at=now,
                data=dict(event.data),
            )
        )
        result.breached += 1
    clock.next_check_at = check_after(clock, since=now)
    for rung in due[:-1]:
        batch.escalations.append(_escalation(clock, rung, now=now, state=Escalation.State.SUPERSEDED))
        result.superseded += 1
    for rung in due[-1:]:
        batch.escalations.append(_escalation(clock, rung, now=now, state=Escalation.State.FIRED))
        result.fired += 1
        _tell(clock, rung, directory=directory, batch=batch, now=now)


def _due_rungs(clock: Clock, *, since: datetime, now: datetime) -> Iterator[Rung]:
    """The steps whose time has come; after a gap the newest fires and the older ones are superseded."""
    steps = rungs(
        clock.folded(),
        terms=clock.policy_version.terms,
        calendar=clock.hours,
        since=since,
        reminders=clock.acknowledged_version != clock.version,
    )
    return takewhile(lambda rung: rung.at < now, steps)


def _escalation(clock: Clock, rung: Rung, *, now: datetime, state: Escalation.State) -> Escalation:
    return Escalation(
        clock=clock,
        ticket_id=clock.ticket_id,
        deadline_version=clock.version,
        percent=rung.step.percent,
        reminder=rung.reminder,
        state=state,
        due_at=rung.at,
        detected_at=now,
    )


def _tell(clock: Clock, rung: Rung, *, directory: Directory, batch: _Batch, now: datetime) -> None:
    """A notice and a mail for each recipient, with a key that makes each of them unique."""
    ticket = clock.ticket
    url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
    context = {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "hub": ticket.hub.name,
        "requester": ticket.requester.full_name,
        "requester_role": ticket.requester_role,
        "severity": ticket.severity,
        "owner": directory.people[ticket.owner_id].full_name if ticket.owner_id in directory.people else "",
        "metric": clock.metric,
        "is_guaranteed": clock.is_guaranteed,
        "target_seconds": clock.target_seconds,
        "target_business_days": clock.target_business_days,
        "percent": rung.step.percent,
        "reminder": rung.reminder,
        "due_at": clock.due_at.isoformat(),
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
        "step_due_at": rung.at.isoformat(),
        "detected_at": now.isoformat(),
        "url": settings.SITE_URL + url,
    }
    for user in directory.find(ticket=ticket, recipients=rung.step.recipients):
        key = f"escalation/{clock.pk}/{clock.version}/{rung.step.percent}/{rung.reminder}/{user.pk}"
        batch.notices.append(
            Notice(key=key, recipient=user, kind="escalation", context=context, url=url, created_at=now)
        )
        reader = Reader(email=user.email, user_id=user.pk, language=user.language, time_zone=user.time_zone)
        batch.mails.append(mail_row(key=key, reader=reader, template="escalation", context=context, now=now))


def _save(clocks: list[Clock]) -> None:
    """Set what a sweep may change, in one statement; nothing else of the rows is touched."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE helpdesk_clock AS clock
               SET next_check_at = new.next_check_at, breached_at = new.breached_at,
                   owner_at_due_id = new.owner_at_due_id, event_count = new.event_count
              FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::int[])
                   AS new (id, next_check_at, breached_at, owner_at_due_id, event_count)
             WHERE clock.id = new.id
            """,
            [
                [clock.pk for clock in clocks],
                [clock.next_check_at for clock in clocks],
                [clock.breached_at for clock in clocks],
                [clock.owner_at_due_id for clock in clocks],
                [clock.event_count for clock in clocks],
            ],
        )
