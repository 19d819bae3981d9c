"""Proof that clocks are what their events say."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from helpdesk.notifications.services import beat
from helpdesk.sla import clock as pure
from helpdesk.sla.models import Clock, ClockEvent

HEARTBEAT = "verify_clocks"
CHUNK = 2000


@dataclass(slots=True)
class Verification:
    """How many clocks were compared, and which differ (at most 100 are named)."""

    checked: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def add(self, clock: Clock, problem: str) -> None:
        self.differing += 1
        if len(self.examples) < 100:
            self.examples.append(f"clock {clock.pk}: {problem}")


def verify(*, now: datetime) -> Verification:
    """Compare each clock's columns with the fold of its events, in chunks, and note the outcome."""
    result = Verification()
    last = 0
    while chunk := list(Clock.objects.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        rows = ClockEvent.objects.filter(clock__in=chunk).order_by("clock_id", "number")
        events = {pk: list(group) for pk, group in groupby(rows.iterator(CHUNK), key=lambda row: row.clock_id)}
        for clock in chunk:
            result.checked += 1
            if difference(clock, events.get(clock.pk, [])) and (problem := _settled_difference(clock)):
                result.add(clock, problem)
    beat(name=HEARTBEAT, now=now, detail=result.as_json())
    return result


@transaction.atomic
def _settled_difference(clock: Clock) -> str:
    """Look again at a clock that seemed to differ, locked: somebody may have worked on it between the two readings."""
    locked = Clock.objects.select_for_update(no_key=True).get(pk=clock.pk)
    return difference(locked, list(locked.events.order_by("number")))


def difference(clock: Clock, events: list[ClockEvent]) -> str:
    """What is wrong with a clock, in words; empty when its columns are the fold of its events."""
    if [event.number for event in events] != list(range(1, clock.event_count + 1)):
        return f"events are not numbered 1 to {clock.event_count}"
    try:
        state = pure.fold(event.folded() for event in events)
    except ValueError as error:
        return str(error)
    columns = clock.folded()
    for name in pure.Clock.__dataclass_fields__:
        if getattr(state, name) != getattr(columns, name):
            return f"{name} is {getattr(columns, name)}, its events say {getattr(state, name)}"
    return ""
