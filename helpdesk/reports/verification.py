"""Proof that the report's figures are what the clocks' events say, by a query of its own (SPEC 2.6)."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from helpdesk.accounts.models import StaffRole, User
from helpdesk.notifications.services import beat
from helpdesk.reports.breaches import Filters
from helpdesk.reports.figures import Figures, report
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Metric, Promise

HEARTBEAT = "verify_report"

# Neither the columns of a clock nor the report's own statement: deadlines, answers and breaches are
# read from the events, and an answer is judged by its instant, not by whether a breach was written.
_RECOUNT = """
WITH facts AS (
    SELECT clock_id,
           min(at) FILTER (WHERE kind = 'breach') AS noticed,
           min(at) FILTER (WHERE kind = 'fulfil') AS answered,
           min(at) FILTER (WHERE kind = 'cancel') AS ended,
           bool_or(kind = 'exempt' OR kind = 'cancel' AND data->>'breach_stays' IS DISTINCT FROM 'true') AS void,
           (array_agg((data->>'due_at')::timestamptz ORDER BY number DESC)
               FILTER (WHERE kind IN ('start', 'resume', 'retarget')))[1] AS deadline,
           (array_agg(kind ORDER BY number DESC)
               FILTER (WHERE kind IN ('start', 'pause', 'resume')))[1] = 'pause' AS paused,
           max((data->>'owner')::bigint) FILTER (WHERE kind = 'breach') AS owner_then,
           max(coalesce((data->>'owner')::bigint, (data->>'by')::bigint)) FILTER (WHERE kind = 'fulfil') AS answerer
    FROM helpdesk_clockevent GROUP BY clock_id
),
timed AS (  -- a reply of before the deadline counts, though a sweep came between
    SELECT *, CASE WHEN answered <= noticed THEN NULL ELSE noticed END AS breached FROM facts
),
judged AS (
    SELECT clock.promise, clock.metric, ticket.hub_id AS hub, ticket.account_id AS account,
           CASE WHEN breached IS NOT NULL THEN owner_then
                WHEN answered IS NOT NULL THEN answerer ELSE ticket.owner_id END AS specialist,
           answered IS NOT NULL AND breached IS NULL AND answered <= deadline AS met,
           answered IS NOT NULL AS replied,
           coalesce(answered, ended, %(now)s) - coalesce(breached, deadline) AS over
    FROM timed
    JOIN helpdesk_clock AS clock ON clock.id = timed.clock_id
    JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
    WHERE NOT void AND (breached IS NOT NULL OR NOT paused)
      AND coalesce(breached, deadline) >= %(start)s AND coalesce(breached, deadline) < %(end)s
)
SELECT promise, metric, part.dimension, part.key, count(*), count(*) FILTER (WHERE met),
       count(*) FILTER (WHERE replied AND NOT met), count(*) FILTER (WHERE NOT replied),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY over) FILTER (WHERE NOT met),
       percentile_disc(0.9) WITHIN GROUP (ORDER BY over) FILTER (WHERE NOT met),
       max(over) FILTER (WHERE NOT met)
FROM judged
CROSS JOIN LATERAL (VALUES ('total', ''), ('hub', hub), ('account', account::text),
                           ('specialist', coalesce(specialist::text, ''))) AS part (dimension, key)
GROUP BY promise, metric, part.dimension, part.key
"""

# Promise, metric, dimension, key.
Cell = tuple[str, str, str, str]


@dataclass(slots=True)
class Verification:
    """How many groups of figures were compared, and which differ (at most 100 are named)."""

    first: str
    last: str
    zone: str
    compared: int = 0
    due: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def verify_report(period: Period, *, now: datetime) -> Verification:
    """Compare the report with a recount of the events, for every promise and metric.

    In all, by hub, by account and by specialist: counts, and how late (half, nine in ten, the worst).
    Both readings see one snapshot, so that work done meanwhile is no difference.
    """
    result = Verification(period.first.isoformat(), period.last.isoformat(), str(period.zone))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        said, recounted = _reported(period, now=now), _recount(period, now=now)
    for cell in sorted({*said, *recounted}):
        result.compared += 1
        result.due += recounted.get(cell, Figures()).due if cell[2] == "total" else 0
        if said.get(cell) != recounted.get(cell):
            result.differing += 1
            if len(result.examples) < 100:
                words = f"the report says {said.get(cell)}, the events {recounted.get(cell)}"
                result.examples.append(f"{' '.join(cell)}: {words}")
    beat(name=HEARTBEAT, now=now, detail=result.as_json())
    return result


def _reported(period: Period, *, now: datetime) -> dict[Cell, Figures]:
    cells: dict[Cell, Figures] = {}
    for promise in Promise:
        for metric in Metric:
            filters = Filters(period=period, promise=promise.value, metric=metric.value)
            found = report(filters, reader=User(staff_role=StaffRole.MANAGER), now=now)
            parts = {
                "total": [found.total],
                "hub": found.hubs,
                "account": found.accounts,
                "specialist": found.specialists,
            }
            for dimension, rows in parts.items():
                for row in rows:
                    if row.now.due:
                        key = "" if row.key is None else str(row.key)
                        cells[promise.value, metric.value, dimension, key] = row.now
    return cells


def _recount(period: Period, *, now: datetime) -> dict[Cell, Figures]:
    window = period.window(now=now)
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"start": window.start, "end": window.end, "now": now})
        return {
            (promise, metric, dimension, key): Figures(
                due=due,
                met=met,
                answered_late=late,
                unanswered=unanswered,
                late_p50=p50,
                late_p90=p90,
                late_max=worst,
            )
            for promise, metric, dimension, key, due, met, late, unanswered, p50, p90, worst in cursor
        }
