"""Proof that clocks are what their events say, by two ways: the product's own fold, and an auditor's recomputation."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction

from helpdesk.notifications.services import beat
from helpdesk.sla import clock as pure
from helpdesk.sla.audit import Rules, audit
from helpdesk.sla.fold import fold
from helpdesk.sla.models import Clock, ClockEvent

HEARTBEAT = "verify_clocks"
CHUNK = 2000


@dataclass(slots=True)
class Verification:
    """How many clocks were verified, and which differ (at most 100 are named).

    `by_fold` and `by_audit`: how many of them the fold of their events, and the recomputation, found.
    """

    checked: int = 0
    differing: int = 0
    by_fold: int = 0
    by_audit: int = 0
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def add(self, pk: int, folded: str, audited: list[str]) -> None:
        self.differing += bool(folded or audited)
        self.by_fold += bool(folded)
        self.by_audit += bool(audited)
        words = "; ".join(filter(None, [folded, *audited]))
        if words and len(self.examples) < 100:
            self.examples.append(f"clock {pk}: {words}")


def verify(*, now: datetime) -> Verification:
    """Verify every clock, in chunks, and note the outcome."""
    result = check()
    beat(name=HEARTBEAT, now=now, detail=result.as_json())
    return result


def check(clock_ids: Sequence[int] | None = None) -> Verification:
    """Verify clocks: all of them, or those with these ids. Nothing is written."""
    result, rules = Verification(), Rules()
    for ids in _chunks(clock_ids):
        result.checked += len(ids)
        for pk in sorted({*_folded(ids), *audit(ids, rules)}):
            result.add(pk, *_settled(pk, rules))
    return result


def _chunks(clock_ids: Sequence[int] | None) -> Iterator[Sequence[int]]:
    if clock_ids is not None:
        yield from (clock_ids[start : start + CHUNK] for start in range(0, len(clock_ids), CHUNK))
        return
    last, clocks = 0, Clock.objects.order_by("pk").values_list("pk", flat=True)
    while chunk := list(clocks.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1]
        yield chunk


@transaction.atomic
def _settled(pk: int, rules: Rules) -> tuple[str, list[str]]:
    """Look again at a clock that seemed to differ, locked: somebody may have worked on it between the readings."""
    Clock.objects.select_for_update(no_key=True).get(pk=pk)
    return _folded([pk]).get(pk, ""), audit([pk], rules).get(pk, [])


def _folded(ids: Sequence[int]) -> dict[int, str]:
    """Where the columns of clocks are not the fold of their events."""
    rows = ClockEvent.objects.filter(clock__in=ids).order_by("clock_id", "number")
    events = {pk: list(group) for pk, group in groupby(rows.iterator(CHUNK), key=lambda row: row.clock_id)}
    clocks = Clock.objects.filter(pk__in=ids)
    return {clock.pk: words for clock in clocks if (words := difference(clock, events.get(clock.pk, [])))}


def difference(clock: Clock, events: list[ClockEvent]) -> str:
    """What is wrong with a clock, in words; empty when its columns are the fold of its events."""
    if [event.number for event in events] != list(range(1, clock.event_count + 1)):
        return f"events are not numbered 1 to {clock.event_count}"
    try:
        state = fold(event.folded() for event in events)
    except (KeyError, ValueError) as error:
        return f"events cannot be folded: {error}"
    columns = clock.folded()
    for name in pure.Clock.__dataclass_fields__:
        if getattr(state, name) != getattr(columns, name):
            return f"{name} is {getattr(columns, name)}, its events say {getattr(state, name)}"
    return ""
