"""Which guarantees will be missed in the coming hours, if work goes on at its present pace (SPEC 2.8).

The method is plain, so that a manager can judge it. The unanswered guarantees stand in a line by their deadlines,
those that are late already in front; the team answers them in this order, as many an hour as in the
last two. Whoever's turn comes behind their deadline will be missed. What is still to come in is not in it. How
wrong it has been is found by making the same forecast for instants of the last four weeks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import visible_to
from helpdesk.sla.clock import OPEN, Metric, Promise, State

HOUR = timedelta(hours=1)
HORIZON = 4 * HOUR
PACE_OF = 2 * HOUR  # how far back the pace is measured
STALE = 24 * HOUR  # late for longer than this, a target is nobody's next turn
BACK, EVERY = timedelta(days=28), 4 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A guaranteed target: from when it ran, its deadline, and when it ended (answered, or without an answer)."""

    ticket: int
    started: datetime
    due: datetime
    ended: datetime | None
    answered: bool

    def waits(self, at: datetime) -> bool:
        return self.started <= at and (self.ended is None or self.ended > at)

    @property
    def missed(self) -> bool:
        return self.ended is None or self.ended > self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One in the line; `at` is when its turn would come, None at no pace at all."""

    ticket: int
    due: datetime
    at: datetime | None

    @property
    def will_be_missed(self) -> bool:
        return self.at is None or self.at > self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What the method said for `count` instants, and what came: missed in the `HORIZON` after each, on average."""

    count: int = 0
    predicted: float = 0.0
    actual: float = 0.0
    off: float = 0.0  # the mean distance between the two
    exact: int = 0  # instants at which it was off by one at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    now: datetime
    pace: float  # guarantees answered an hour
    late: int  # in front of the line
    turns: list[Turn]
    error: Error

    @property
    def missed(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.will_be_missed]


def line(rows: Sequence[Row], *, at: datetime, pace: float) -> tuple[int, list[Turn]]:
    """How many late ones stand in front, and the turns of those due within `HORIZON`. `rows` by their deadlines."""
    waiting = [row for row in _due_between(rows, at - STALE, at + HORIZON) if row.waits(at)]
    late = sum(row.due <= at for row in waiting)
    turns = [
        Turn(ticket=row.ticket, due=row.due, at=at + place * HOUR / pace if pace else None)
        for place, row in enumerate(waiting, start=1)
        if row.due > at
    ]
    return late, turns


def pace_at(answers: Sequence[datetime], at: datetime) -> float:
    """Answers an hour, of the `PACE_OF` before an instant. `answers` in order."""
    return (bisect_right(answers, at) - bisect_right(answers, at - PACE_OF)) / (PACE_OF / HOUR)


def back_test(rows: Sequence[Row], answers: Sequence[datetime], *, now: datetime) -> Error:
    """The method at every `EVERY` of the last `BACK` whose horizon is over, against what came."""
    first = now - BACK
    said, came = [], []
    while first + HORIZON <= now:
        _late, turns = line(rows, at=first, pace=pace_at(answers, first))
        said.append(sum(turn.will_be_missed for turn in turns))
        missed = _due_between(rows, first, first + HORIZON)
        came.append(sum(row.missed and row.waits(first) and row.due > first for row in missed))
        first += EVERY
    off = [abs(a - b) for a, b in zip(said, came, strict=True)]
    count = len(off) or 1
    return Error(
        count=len(off),
        predicted=sum(said) / count,
        actual=sum(came) / count,
        off=sum(off) / count,
        exact=sum(distance <= 1 for distance in off),
    )


def forecast(*, reader: User, now: datetime) -> Forecast:
    """The coming `HORIZON`, and how far off the method was. One query, of the targets of four weeks."""
    rows = _rows(reader, now=now)
    answers = sorted(row.ended for row in rows if row.answered and row.ended)
    pace = pace_at(answers, now)
    late, turns = line(rows, at=now, pace=pace)
    return Forecast(now=now, pace=pace, late=late, turns=turns, error=back_test(rows, answers, now=now))


def _rows(reader: User, *, now: datetime) -> list[Row]:
    """Guaranteed targets by their deadlines; those that left the figures were nobody's to answer."""
    clocks = (
        visible_to(reader)
        .filter(promise=Promise.GUARANTEED, metric__in=[metric.value for metric in Metric])  # as the index has it
        .filter(counted_at__gt=now - BACK - STALE, counted_at__lte=now + HORIZON)
        .exclude(state__in=(State.CANCELLED, State.EXEMPT))
        .order_by("counted_at", "pk")
        .values_list("ticket_id", "started_at", "counted_at", "ended_at", "answered_by", "state")
    )
    return [
        Row(ticket=ticket, started=started, due=due, ended=None if state in OPEN else ended, answered=by is not None)
        for ticket, started, due, ended, by, state in clocks
    ]


def _due_between(rows: Sequence[Row], begin: datetime, end: datetime) -> Sequence[Row]:
    """Those due from `begin` up to, and with, `end`."""
    return rows[bisect_left(rows, begin, key=_due) : bisect_right(rows, end, key=_due)]


def _due(row: Row) -> datetime:
    return row.due
