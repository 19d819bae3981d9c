"""What a statement says of a month: read from the clocks' events alone, and from no column that changes.

Events are append-only, so what was written down by an instant stays the same for ever: figures *as of*
that instant come out the same to the byte whenever they are made again (decision 27). What counts, and
when, is what the breach report says (`breaches`), by another way: each clock's events are folded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, takewhile
from typing import Any

from django.db.models import DateTimeField, Exists, OuterRef, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from helpdesk.core.shares import per_cent
from helpdesk.reports.breaches import ANSWERED_LATE, LATE, MET, NOT_DUE, UNANSWERED, VOID
from helpdesk.reports.figures import Figures
from helpdesk.reports.periods import Window
from helpdesk.sla import clock as pure
from helpdesk.sla.clock import EventKind, Metric, Promise, State
from helpdesk.sla.fold import fold
from helpdesk.sla.models import Clock, ClockEvent


def written(at: datetime | None) -> str | None:
    """An instant, exactly, in UTC: `2026-11-24T12:05:00Z`, with its microseconds where it has any."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One target, judged as of an instant; `counted` and `gross_counted` decide in which month it falls due."""

    clock: int
    ticket: int
    hub: str
    metric: str
    promise: str
    asked: datetime
    target: dict[str, int]
    counted: datetime | None
    gross_counted: datetime | None
    answered: datetime | None
    verdict: str
    gross_verdict: str
    exceptions: tuple[tuple[str, str], ...]

    def counts(self, window: Window) -> bool:
        return self.verdict not in (VOID, NOT_DUE) and _within(self.counted, window)

    def counts_gross(self, window: Window) -> bool:
        return self.gross_verdict != NOT_DUE and _within(self.gross_counted, window)

    @property
    def lifted(self) -> bool:
        return self.gross_verdict in LATE and self.verdict not in LATE

    @property
    def took(self) -> int | None:
        """Whole seconds to the answer; a call that came before its window took none, as in the breach report."""
        return None if self.answered is None else max(0, int((self.answered - self.asked).total_seconds()))


def _within(at: datetime | None, window: Window) -> bool:
    return at is not None and window.start <= at < window.end


def figures(*, account_id: int, window: Window, as_of: datetime) -> dict[str, Any]:
    """The figures of an account for the targets due in a window, by what was written down until `as_of`.

    Guarantees with each of their targets, objectives as sums, apart. Two queries.
    """
    found = targets(account_id=account_id, window=window, as_of=as_of)
    guaranteed = [row for row in found if row.promise == Promise.GUARANTEED]
    objectives = [row for row in found if row.promise == Promise.OBJECTIVE]
    return {
        "guaranteed": {
            **_sums(guaranteed, window),
            "void": sum(row.verdict == VOID and row.counts_gross(window) for row in guaranteed),
            "response": _response([row for row in guaranteed if row.metric == Metric.FIRST_RESPONSE], window),
            "by_target": _by_target(guaranteed, window),
            "exceptions": _exceptions(guaranteed, window),
            "targets": [_target(row, window) for row in guaranteed],
        },
        "objectives": {
            metric: _sums([row for row in objectives if row.metric == metric], window)
            for metric in sorted({row.metric for row in objectives})
        },
    }


def targets(*, account_id: int, window: Window, as_of: datetime) -> list[Judged]:
    """The account's targets that count in a window, net or gross, in the order in which they fell due."""
    known = ClockEvent.objects.filter(recorded_at__lte=as_of)
    for name in ("due_at", "gross_due_at"):
        known = known.annotate(**{f"new_{name}": Cast(KeyTextTransform(name, "data"), DateTimeField())})
    due = (Q(new_due_at__gte=window.start) & Q(new_due_at__lt=window.end)) | (
        Q(new_gross_due_at__gte=window.start) & Q(new_gross_due_at__lt=window.end)
    )
    missed = Q(kind=EventKind.BREACH) & Q(at__gte=window.start) & Q(at__lt=window.end)
    clocks = (
        Clock.objects.filter(ticket__account=account_id, started_at__lt=window.end)
        .filter(Exists(known.filter(due | missed, clock=OuterRef("pk"))))
        .order_by("pk")
        .values("pk", "ticket_id", "ticket__hub_id", "metric", "promise")
    )
    by_id = {row["pk"]: row for row in clocks}
    rows = [judge(by_id[pk], events, as_of=as_of) for pk, events in _histories(list(by_id), as_of=as_of)]
    counting = [row for row in rows if row and (row.counts(window) or row.counts_gross(window))]
    return sorted(counting, key=lambda row: (row.counted or row.gross_counted, row.clock))


def _histories(clocks: list[int], *, as_of: datetime) -> Iterator[tuple[int, list[ClockEvent]]]:
    """Each clock's events up to the first one that was written down later: two that were written at once
    may carry instants in the other order, and a history without its middle is none."""
    events = (
        ClockEvent.objects.filter(clock__in=clocks)
        .order_by("clock_id", "number")
        .only("clock_id", "number", "kind", "at", "recorded_at", "data")
    )
    for pk, group in groupby(events, key=lambda event: event.clock_id):
        if known := list(takewhile(lambda event: event.recorded_at <= as_of, group)):
            yield pk, known


def judge(row: dict[str, Any], events: Iterable[ClockEvent], *, as_of: datetime) -> Judged | None:
    """What became of a clock, as the breach report judges it; None for one that is cancelled."""
    events = list(events)
    state = fold(event.folded() for event in events).gross_settled(as_of)
    if state.state == State.CANCELLED:
        return None
    answered = state.ended_at if state.answered_by is not None else None
    return Judged(
        clock=row["pk"],
        ticket=row["ticket_id"],
        hub=row["ticket__hub_id"],
        metric=row["metric"],
        promise=row["promise"],
        asked=state.started_at,
        target=state.promised_target.values(),
        counted=state.breached_at or state.due_at,
        gross_counted=state.gross_breached_at or state.gross_due_at,
        answered=answered,
        verdict=verdict(state, answered, as_of),
        gross_verdict=gross_verdict(state, answered, as_of),
        exceptions=tuple(
            (event.data.get("reason", ""), event.data.get("effect", pure.Effect.VOID.value))
            for event in events
            if event.kind == EventKind.EXEMPT
        ),
    )


def verdict(state: pure.Clock, answered: datetime | None, as_of: datetime) -> str:
    """How a clock that isn't cancelled ended, net, as the breach report judges it."""
    if state.state == State.EXEMPT:
        return VOID
    if answered is not None:
        return MET if state.breached_at is None else ANSWERED_LATE
    ahead = state.breached_at is None and (state.due_at is None or state.due_at >= as_of)
    return NOT_DUE if ahead and state.is_open else UNANSWERED


def gross_verdict(state: pure.Clock, answered: datetime | None, as_of: datetime) -> str:
    """The same gross, as if no exception had been approved."""
    if answered is not None:
        return MET if state.gross_breached_at is None else ANSWERED_LATE
    ahead = state.gross_breached_at is None and (state.gross_due_at is None or state.gross_due_at >= as_of)
    return NOT_DUE if ahead and state.ended_at is None else UNANSWERED


def written_share(met: int, due: int) -> str | None:
    """Attainment as a document has it."""
    share = per_cent(met, due)
    return None if share is None else f"{share:.1f}"


def _count(verdicts: Iterable[str]) -> dict[str, Any]:
    found = Counter(verdicts)
    counted = Figures(
        due=found.total(), met=found[MET], answered_late=found[ANSWERED_LATE], unanswered=found[UNANSWERED]
    )
    return {
        "due": counted.due,
        "met": counted.met,
        "answered_late": counted.answered_late,
        "unanswered": counted.unanswered,
        "attainment": written_share(counted.met, counted.due),
    }


def _sums(rows: list[Judged], window: Window) -> dict[str, Any]:
    return {
        "net": _count(row.verdict for row in rows if row.counts(window)),
        "gross": _count(row.gross_verdict for row in rows if row.counts_gross(window)),
    }


def _response(rows: list[Judged], window: Window) -> dict[str, int | None]:
    """Seconds that half, and nine in ten, of the answered ones needed at most; times of actual tickets."""
    times = sorted(row.took for row in rows if row.counts(window) and row.took is not None)

    def share(percent: int) -> int | None:
        return times[max(0, -(-len(times) * percent // 100) - 1)] if times else None

    return {"p50": share(50), "p90": share(90)}


def _by_target(rows: list[Judged], window: Window) -> list[dict[str, Any]]:
    """Apart by what was promised: half an hour is another promise than an hour."""

    def key(row: Judged) -> tuple[str, list[tuple[str, int]]]:
        return row.metric, sorted(row.target.items())

    return [
        {"metric": metric, "target": dict(target), **_sums(list(group), window)}
        for (metric, target), group in groupby(sorted(rows, key=key), key=key)
    ]


def _exceptions(rows: list[Judged], window: Window) -> dict[str, dict[str, int]]:
    """By code: the targets that an approved exception touched, and those that are late only without it."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        for code in sorted({code for code, _effect in row.exceptions}) if row.counts_gross(window) else ():
            counts = found.setdefault(code, {"targets": 0, "lifted": 0})
            counts["targets"] += 1
            counts["lifted"] += row.lifted
    return found


def _target(row: Judged, window: Window) -> dict[str, Any]:
    late = row.answered - row.counted if row.verdict == ANSWERED_LATE else None
    return {
        "reference": f"PS-{row.ticket}",
        "clock": row.clock,
        "hub": row.hub,
        "metric": row.metric,
        "target": row.target,
        "asked": written(row.asked),
        "due": written(row.counted),
        "gross_due": written(row.gross_counted),
        "answered": written(row.answered),
        "verdict": row.verdict,
        "gross_verdict": row.gross_verdict,
        "late_seconds": None if late is None else int(late.total_seconds()),
        "counts": row.counts(window),
        "counts_gross": row.counts_gross(window),
        "exceptions": [{"code": code, "effect": effect} for code, effect in row.exceptions],
    }
