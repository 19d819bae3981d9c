"""What a dry run counts: the same targets as they were and as they would have been, clock by clock."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from helpdesk.reports.breaches import ANSWERED_LATE, LATE, MET, NOT_DUE, UNANSWERED, VOID
from helpdesk.reports.dryrun.replay import History, Outcome
from helpdesk.reports.figures import Figures
from helpdesk.reports.periods import Window
from helpdesk.reports.statement_figures import gross_verdict, verdict
from helpdesk.sla.clock import State

OUT = "out"  # in no figure: cancelled, or promised nothing
SIDES, BASES = ("was", "then"), ("net", "gross")
COUNTED = {MET: 0, ANSWERED_LATE: 1, UNANSWERED: 2}
TOTAL, HUB, TARGET = "total", "hub", "target"
# What becomes of a target. One can be several: a guarantee that becomes an objective with a later deadline, say.
WORSE, BETTER, LEFT, ENTERED, NONE = "worse", "better", "left", "entered", "none"
KIND, TARGETED, POLICY, SOONER, LATER = "kind", "target", "policy", "sooner", "later"
MINUTE, HOUR = 60, 3600

Cell = tuple[str, str]  # promise, metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One target on one side of the comparison."""

    promise: str = ""
    policy: int = -1  # 0: the policy that is not saved yet; -1: none
    target: str = ""  # `1800s`, `1d`
    counted: datetime | None = None
    gross_counted: datetime | None = None
    answered: datetime | None = None
    verdict: str = OUT
    gross_verdict: str = OUT

    @classmethod
    def of(cls, outcome: Outcome | None, *, now: datetime) -> "Side":
        if outcome is None:
            return cls()
        state = outcome.state
        answered = state.ended_at if state.answered_by is not None else None
        is_out = state.state == State.CANCELLED
        return cls(
            promise=outcome.promise.value,
            policy=outcome.policy,
            target=written_target(state.promised_target.values()),
            counted=state.breached_at or state.due_at,
            gross_counted=state.gross_breached_at or state.gross_due_at,
            answered=answered,
            verdict=OUT if is_out else verdict(state, answered, now),
            gross_verdict=OUT if is_out else gross_verdict(state, answered, now),
        )


def written_target(values: dict[str, int]) -> str:
    return f"{values['seconds']}s" if "seconds" in values else f"{values['business_days']}d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A target as it was, and as it would have been.

    `is_net`: it is in the net figures' period; else in the gross one alone, where an exception had moved its deadline.
    """

    history: History
    was: Side
    then: Side
    is_older: bool
    is_net: bool = True

    @property
    def shift(self) -> timedelta | None:
        """How much later the deadline would have come; less than nothing for sooner."""
        if self.was.counted is None or self.then.counted is None:
            return None
        return self.then.counted - self.was.counted

    @property
    def is_changed(self) -> bool:
        return self.was != self.then

    def changes(self) -> list[str]:
        was, then = self.was, self.then
        if not then.promise:
            return [NONE]
        found = []
        if not self.is_net:
            pass  # neither side is in a net figure: nothing of its outcome changes there
        elif was.verdict in COUNTED and then.verdict in COUNTED:
            found += [WORSE] if was.verdict == MET and then.verdict in LATE else []
            found += [BETTER] if was.verdict in LATE and then.verdict == MET else []
        elif (was.verdict in COUNTED) != (then.verdict in COUNTED):
            found.append(LEFT if was.verdict in COUNTED else ENTERED)
        found += [KIND] if was.promise != then.promise else []
        found += [TARGETED] if was.target != then.target else []
        found += [POLICY] if was.policy != then.policy else []
        if self.shift:
            found.append(LATER if self.shift > timedelta(0) else SOONER)
        return found


@dataclass(slots=True)
class Tally:
    """The sums of a run; read from and written to JSON between chunks, so that a killed one goes on."""

    # By promise, metric, dimension and key: met, late, unanswered; net was, net then, gross was, gross then.
    cells: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    changes: dict[Cell, Counter[str]] = field(default_factory=dict)
    shifts: dict[Cell, Counter[int]] = field(default_factory=dict)  # seconds; beyond an hour whole minutes

    def add(self, row: Compared, window: Window) -> None:
        metric, was, then = row.history.metric.value, row.was, row.then
        for index, (side, basis) in enumerate((side, basis) for basis in BASES for side in SIDES):
            seen = was if side == "was" else then
            said = seen.verdict if basis == "net" else seen.gross_verdict
            dated = was.counted if basis == "net" else was.gross_counted
            if said in COUNTED and dated is not None and window.start <= dated < window.end:
                self._count(seen.promise, metric, row, index * len(COUNTED) + COUNTED[said])
        if row.is_changed:
            self._change(row, (was.promise, metric))

    def _count(self, promise: str, metric: str, row: Compared, place: int) -> None:
        pair = f"{row.was.target}>{row.then.target}"
        for dimension, key in ((TOTAL, ""), (HUB, row.history.ticket.hub_id), (TARGET, pair)):
            cell = self.cells.setdefault((promise, metric, dimension, key), [0] * 12)
            cell[place] += 1

    def _change(self, row: Compared, cell: Cell) -> None:
        found = self.changes.setdefault(cell, Counter())
        found["changed"] += 1
        found["older"] += row.is_older
        found.update(row.changes())
        if row.shift:
            seconds = int(row.shift.total_seconds())
            if abs(seconds) >= HOUR:
                seconds = round(seconds / MINUTE) * MINUTE
            self.shifts.setdefault(cell, Counter())[seconds] += 1

    def to_json(self) -> dict[str, Any]:
        return {
            "cells": [[*key, counts] for key, counts in sorted(self.cells.items())],
            "changes": [[*cell, counts] for cell, counts in sorted(self.changes.items())],
            "shifts": [[*cell, sorted(counts.items())] for cell, counts in sorted(self.shifts.items())],
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Tally":
        return cls(
            cells={tuple(row[:4]): row[4] for row in document.get("cells", [])},
            changes={tuple(row[:2]): Counter(row[2]) for row in document.get("changes", [])},
            shifts={tuple(row[:2]): Counter(dict(map(tuple, row[2]))) for row in document.get("shifts", [])},
        )

    def figures(self, cell: Cell, *, side: str, basis: str = "net", dimension: str = TOTAL, key: str = "") -> Figures:
        counts = self.cells.get((*cell, dimension, key), [0] * 12)
        start = (BASES.index(basis) * 2 + SIDES.index(side)) * len(COUNTED)
        met, late, unanswered = counts[start : start + 3]
        return Figures(due=met + late + unanswered, met=met, answered_late=late, unanswered=unanswered)

    def keys(self, cell: Cell, dimension: str) -> list[str]:
        return sorted(key for *of, name, key in self.cells if tuple(of) == cell and name == dimension)

    def cells_there(self) -> list[Cell]:
        return sorted({(promise, metric) for promise, metric, *_rest in self.cells} | set(self.changes))

    def middle(self, cell: Cell) -> tuple[timedelta, timedelta] | None:
        """The shift in the middle of those that shifted, and the longest either way; None without any."""
        counts = self.shifts.get(cell)
        if not counts:
            return None
        half, passed = (counts.total() + 1) // 2, 0
        for seconds in sorted(counts):
            passed += counts[seconds]
            if passed >= half:
                longest = max(counts, key=abs)
                return timedelta(seconds=seconds), timedelta(seconds=longest)
        return None


__all__ = ["NOT_DUE", "OUT", "VOID", "Compared", "Side", "Tally"]
