"""Which guarantees will be missed in the coming hours, if work goes on at its present pace (SPEC 2.8).

The method is plain, so that a manager can judge it. The unanswered guarantees stand in a line by their deadlines,
those that are late already in front; the team answers them in this order, as many an hour as in the
last two. Whoever's turn comes behind their deadline will be missed. What is still to come in is not in it. How
wrong it has been is found by making the same forecast for instants of the last four weeks.

The database does the counting: a busy service has tens of thousands of targets in four weeks, of which only the
few that will be missed are read.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, F, Q, When

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import visible_to
from helpdesk.sla.clock import OPEN, Metric, Promise, State

HOUR = timedelta(hours=1)
HORIZON = 4 * HOUR
PACE_OF = 2 * HOUR  # how far back the pace is measured
STALE = 24 * HOUR  # late for longer than this, a target is nobody's next turn
BACK, EVERY = timedelta(days=28), 4 * HOUR
TRIED = BACK // EVERY  # instants that the method is tried at: those whose horizon is over. The one after them is now
MOST_LISTED = 100

# Instants are numbered, EVERY apart, so that each target names the few at which it stood in the line, and no
# instant has to look through all targets. A turn comes `place` answers after its instant; to compare
# whole numbers of seconds with it, both sides are multiplied by the pace, which may be nought.
_STATEMENT = """
WITH target AS MATERIALIZED ({picked}),
numbered AS (
    SELECT *, %s::timestamptz AS first, make_interval(secs => %s) AS every, make_interval(secs => %s) AS pace_of
    FROM target
),
answers AS (
    SELECT tried.number, count(*) AS answers
    FROM numbered
    CROSS JOIN LATERAL (SELECT ceil(EXTRACT(EPOCH FROM ended - first) / %s)::integer AS number) AS tried
    WHERE answered AND first + tried.number * every < ended + pace_of
          -- What is due later is read for no instant, so that the present is measured as the past is.
          AND due <= first + tried.number * every + make_interval(secs => %s)
    GROUP BY tried.number
),
line AS (
    SELECT tried.number, ticket_id, due, ended, first + tried.number * every AS at,
           row_number() OVER (PARTITION BY tried.number ORDER BY due, id) AS place
    FROM numbered
    CROSS JOIN LATERAL generate_series(
        greatest(0, ceil(
            EXTRACT(EPOCH FROM greatest(started_at, due - make_interval(secs => %s)) - first) / %s)::integer),
        least(%s, floor(EXTRACT(EPOCH FROM due + make_interval(secs => %s) - first) / %s)::integer,
              ceil(EXTRACT(EPOCH FROM ended - first) / %s)::integer - 1)
    ) AS tried (number)
),
turns AS (
    SELECT line.*, due > at AS ahead,
           place * EXTRACT(EPOCH FROM make_interval(secs => %s)) > coalesce(answers, 0) * EXTRACT(EPOCH FROM due - at)
               AS behind
    FROM line LEFT JOIN answers USING (number)
),
instants AS (
    SELECT number, count(*) FILTER (WHERE NOT ahead) AS late, count(*) FILTER (WHERE ahead) AS due,
           count(*) FILTER (WHERE ahead AND behind) AS predicted,
           count(*) FILTER (WHERE ahead AND (ended IS NULL OR ended > due)) AS came
    FROM turns GROUP BY number
),
missed AS (
    SELECT ticket_id AS ticket, EXTRACT(EPOCH FROM due) AS due, place
    FROM turns WHERE number = %s AND ahead AND behind ORDER BY place LIMIT %s
)
SELECT (SELECT json_agg(instants) FROM instants), (SELECT json_agg(missed ORDER BY place) FROM missed),
       (SELECT answers FROM answers WHERE number = %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One in the line that will be missed; `at` is when its turn would come, None at no pace at all."""

    ticket: int
    due: datetime
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What the method said for `count` instants, and what came: missed in the `HORIZON` after each, on average."""

    count: int = TRIED
    predicted: float = 0.0
    actual: float = 0.0
    off: float = 0.0  # the mean distance between the two
    exact: int = TRIED  # instants at which it was off by one at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """As of `now`: how many stand in front late, fall due within `HORIZON`, and will be missed; the first of these."""

    now: datetime
    pace: float = 0.0  # guarantees answered an hour
    late: int = 0
    due: int = 0
    missed: int = 0
    turns: list[Turn] = field(default_factory=list)  # of those missed, `MOST_LISTED` at most, by deadline
    error: Error = Error()


def forecast(*, reader: User, now: datetime) -> Forecast:
    """The coming `HORIZON`, and how far off the method was. One query, whatever there is to count."""
    first, every, horizon = now - BACK, EVERY.total_seconds(), HORIZON.total_seconds()
    try:
        picked, params = _picked(reader, now=now).query.sql_with_params()
    except EmptyResultSet:  # a reader who may count nothing
        return Forecast(now=now)
    given = [first, every, PACE_OF.total_seconds(), every, horizon, horizon, every]
    given += [TRIED, STALE.total_seconds(), every, every, PACE_OF.total_seconds(), TRIED, MOST_LISTED, TRIED]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT.format(picked=picked), [*params, *given])
        instants, missed, answers = cursor.fetchone()
    counts = {row["number"]: row for row in _documents(instants)}
    pace = (answers or 0) / (PACE_OF / HOUR)
    here = counts.get(TRIED, {})
    return Forecast(
        now=now,
        pace=pace,
        late=here.get("late", 0),
        due=here.get("due", 0),
        missed=here.get("predicted", 0),
        turns=[
            Turn(
                ticket=row["ticket"],
                due=datetime.fromtimestamp(row["due"], tz=now.tzinfo),
                at=now + row["place"] * HOUR / pace if pace else None,
            )
            for row in _documents(missed)
        ],
        error=_error([counts[number] for number in range(TRIED) if number in counts]),
    )


def _error(instants: list[dict[str, int]]) -> Error:
    """Of the instants at which anybody stood in the line; at the others the method said nought, and nought came."""
    off = [abs(row["predicted"] - row["came"]) for row in instants]
    return Error(
        predicted=sum(row["predicted"] for row in instants) / TRIED,
        actual=sum(row["came"] for row in instants) / TRIED,
        off=sum(off) / TRIED,
        exact=TRIED - sum(distance > 1 for distance in off),
    )


def _picked(reader: User, *, now: datetime) -> Any:
    """Guaranteed targets; those that left the figures were nobody's to answer."""
    return (
        visible_to(reader)
        .filter(promise=Promise.GUARANTEED, metric__in=[metric.value for metric in Metric])  # as the index has it
        .filter(counted_at__gt=now - BACK - STALE, counted_at__lte=now + HORIZON)
        .exclude(state__in=(State.CANCELLED, State.EXEMPT))
        .annotate(
            due=F("counted_at"),
            ended=Case(When(~Q(state__in=OPEN), then=F("ended_at"))),
            answered=Case(When(~Q(state__in=OPEN), then=Q(answered_by__isnull=False)), default=False),
        )
        .values("id", "ticket_id", "started_at", "due", "ended", "answered")
    )


def _documents(value: Any) -> list[dict[str, Any]]:
    # Django leaves JSON of a plain cursor as text.
    return json.loads(value) if isinstance(value, str) else value or []
