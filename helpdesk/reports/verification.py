"""Proof that the report's figures are what the clocks' events say, by a query of its own (SPEC 2.6)."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from helpdesk.accounts.models import StaffRole, User
from helpdesk.notifications.services import beat
from helpdesk.reports.breaches import DUE, Filters
from helpdesk.reports.figures import Figures, report
from helpdesk.reports.periods import Period
from helpdesk.reports.promptness import Promptness
from helpdesk.sla.clock import Metric, Promise

HEARTBEAT = "verify_report"

# Neither the columns of a clock nor the report's own statement: deadlines, answers and breaches are
# read from the events, and an answer is judged by its instant, not by whether a breach was written.
_RECOUNT = """
WITH steps AS (  -- each event, with how many events of a kind came up to it
    SELECT *,
           CASE WHEN kind IN ('start', 'resume', 'retarget')
                THEN coalesce(data->>'gross_due_at', data->>'due_at')::timestamptz END AS new_gross,
           count(*) FILTER (WHERE kind IN ('start', 'resume', 'retarget')) OVER so_far AS deadlines,
           count(*) FILTER (WHERE kind = 'pause') OVER so_far > count(*) FILTER (WHERE kind = 'resume') OVER so_far
               AS paused
    FROM helpdesk_clockevent
    WINDOW so_far AS (PARTITION BY clock_id ORDER BY number)
),
grossly AS (  -- the gross deadline in force after each event; none while paused
    SELECT *, CASE WHEN NOT paused THEN first_value(new_gross) OVER (PARTITION BY clock_id, deadlines ORDER BY number)
              END AS gross_after
    FROM steps
),
followed AS (
    SELECT *, lag(gross_after) OVER (PARTITION BY clock_id ORDER BY number) AS gross FROM grossly
),
ends AS (
    SELECT clock_id, min(number) AS ended_by FROM helpdesk_clockevent
    WHERE kind IN ('fulfil', 'cancel') GROUP BY clock_id
),
facts AS (
    SELECT clock_id,
           min(at) FILTER (WHERE kind = 'start') AS started,
           max(number) FILTER (WHERE kind = 'breach') AS breach_number,
           min(at) FILTER (WHERE kind = 'fulfil') AS answered,
           min(at) FILTER (WHERE kind = 'cancel') AS ended,
           bool_or(kind = 'cancel' AND data->>'breach_stays' IS DISTINCT FROM 'true') AS cancelled,
           bool_or(kind = 'exempt' AND coalesce(data->>'effect', 'void') = 'void') AS void,
           (array_agg((data->>'due_at')::timestamptz ORDER BY number DESC)
               FILTER (WHERE kind <> 'breach' AND data ? 'due_at'))[1] AS deadline,
           (array_agg(paused ORDER BY number DESC))[1] AS paused,
           (array_agg(gross_after ORDER BY number DESC))[1] AS gross_deadline,
           -- A gross deadline that passed, unseen by a breach where an exception had moved the net one.
           (array_agg(CASE WHEN gross < at THEN gross
                           WHEN kind = 'breach' THEN coalesce((data->>'gross_due_at')::timestamptz, at)
                           ELSE new_gross END ORDER BY number)
               FILTER (WHERE (gross < at OR kind = 'breach' OR kind = 'retarget' AND new_gross < at)
                             AND number <= coalesce(ended_by, number)))[1] AS gross_missed,
           max((data->>'owner')::bigint) FILTER (WHERE kind = 'fulfil') AS owner_at_answer,
           max((data->>'by')::bigint) FILTER (WHERE kind = 'fulfil') AS author,
           max(ended_by) AS ended_by
    FROM followed LEFT JOIN ends USING (clock_id) GROUP BY clock_id
),
breaches AS (
    SELECT facts.*, breach.at AS noticed, (breach.data->>'owner')::bigint AS owner_then
    FROM facts LEFT JOIN helpdesk_clockevent AS breach
      ON breach.clock_id = facts.clock_id AND breach.number = facts.breach_number
),
lifting AS (  -- the last exception after the breach that judges it anew, and until when it had to be answered
    SELECT DISTINCT ON (clock_id) breaches.clock_id, exempt.number AS judged_by,
           (exempt.data->>'due_at')::timestamptz AS moved_to,
           CASE WHEN ended_by < exempt.number THEN coalesce(answered, ended) ELSE exempt.at END AS known_until
    FROM breaches
    JOIN helpdesk_clockevent AS exempt
      ON exempt.clock_id = breaches.clock_id AND exempt.kind = 'exempt' AND exempt.number > breach_number
         AND exempt.data->>'effect' IN ('pause', 'restart', 'retarget')
    -- Not the breach of a promise that was renewed since.
    WHERE NOT EXISTS (SELECT FROM helpdesk_clockevent AS renewal
                      WHERE renewal.clock_id = exempt.clock_id AND renewal.kind = 'retarget' AND renewal.data ? 'since'
                        AND renewal.number > breach_number AND renewal.number < exempt.number)
    ORDER BY clock_id, exempt.number DESC
),
timed AS (  -- a reply of before the deadline counts, though a sweep came between
    SELECT breaches.*, coalesce(judged_by > ended_by AND noticed < coalesce(answered, ended), false) AS lifted_later,
           nullif(least(moved, coalesce(answered, ended, 'infinity')), coalesce(answered, ended, 'infinity'))
               AS breached,
           nullif(least(gross_missed, coalesce(answered, 'infinity')), coalesce(answered, 'infinity'))
               AS gross_breached
    FROM breaches LEFT JOIN lifting USING (clock_id)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN judged_by IS NULL THEN noticed WHEN moved_to < known_until THEN moved_to END AS moved
    ) AS judgement
),
judged AS (
    SELECT timed.clock_id, clock.promise, clock.metric, ticket.hub_id AS hub, ticket.account_id AS account,
           CASE WHEN breached IS NOT NULL THEN owner_then
                WHEN answered IS NULL THEN ticket.owner_id
                WHEN lifted_later THEN coalesce(owner_then, author)
                ELSE coalesce(owner_at_answer, author) END AS specialist,
           -- Ended unanswered, and not late: out of the net figures.
           NOT (cancelled OR void OR ended IS NOT NULL AND breached IS NULL) AND (breached IS NOT NULL OR NOT paused)
               AS net,
           coalesce(breached, deadline) AS due,
           answered IS NOT NULL AND breached IS NULL AND answered <= deadline AS met,
           coalesce(answered, ended, %(now)s) - coalesce(breached, deadline) AS over,
           CASE %(dates)s WHEN 'created' THEN ticket.created_at WHEN 'replied' THEN answered
                          ELSE coalesce(breached, deadline) END AS dated,
           CASE %(dates)s WHEN 'created' THEN ticket.created_at WHEN 'replied' THEN answered
                          ELSE coalesce(gross_breached, gross_deadline) END AS gross_dated,
           NOT cancelled AS gross,
           coalesce(gross_breached, gross_deadline) AS gross_due,
           answered IS NOT NULL AND gross_breached IS NULL AND answered <= gross_deadline AS gross_met,
           answered IS NOT NULL AS replied, ticket.team_id AS team,
           CASE WHEN answered IS NOT NULL THEN author END AS replier,
           100 * EXTRACT(EPOCH FROM greatest(answered - started, interval '0'))
               / nullif(EXTRACT(EPOCH FROM coalesce(breached, deadline) - started), 0) AS share
    FROM timed
    JOIN helpdesk_clock AS clock ON clock.id = timed.clock_id
    JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
)
SELECT promise, metric, part.dimension, part.key, count(*), count(*) FILTER (WHERE met),
       count(*) FILTER (WHERE replied AND NOT met), count(*) FILTER (WHERE NOT replied),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY over) FILTER (WHERE NOT met),
       percentile_disc(0.9) WITHIN GROUP (ORDER BY over) FILTER (WHERE NOT met),
       max(over) FILTER (WHERE NOT met)
FROM judged
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM unnest(ARRAY[25, 50, 75]) AS upper WHERE share > upper)::text AS in_time,
           (SELECT 4 + count(*) FROM unnest(ARRAY[150, 200, 400]) AS upper WHERE share > upper)::text AS in_late
) AS bands
CROSS JOIN LATERAL (VALUES ('total', ''), ('hub', hub), ('account', account::text),
                           ('specialist', coalesce(specialist::text, '')), ('team', coalesce(team::text, '')),
                           ('replier', replier::text),
                           ('band', CASE WHEN NOT replied THEN '8' WHEN met THEN in_time ELSE in_late END))
    AS part (dimension, key)
WHERE part.key IS NOT NULL AND net AND due < %(now)s AND dated >= %(start)s AND dated < %(end)s
GROUP BY promise, metric, part.dimension, part.key
UNION ALL
SELECT promise, metric, part.dimension, part.key, count(*), count(*) FILTER (WHERE gross_met),
       count(*) FILTER (WHERE replied AND NOT gross_met), count(*) FILTER (WHERE NOT replied), NULL, NULL, NULL
FROM judged
CROSS JOIN LATERAL (VALUES ('gross total', ''), ('gross hub', hub), ('gross account', account::text))
    AS part (dimension, key)
WHERE gross AND gross_due < %(now)s AND gross_dated >= %(start)s AND gross_dated < %(end)s
GROUP BY promise, metric, part.dimension, part.key
UNION ALL  -- escalations: how many, of how many targets; after how long, in place of how late
SELECT promise, metric, part.dimension, '', count(*), count(DISTINCT clock_id), 0, 0,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY part.took),
       CASE part.dimension WHEN 'acknowledged' THEN percentile_disc(0.9) WITHIN GROUP (ORDER BY part.took)
                           ELSE percentile_disc(0.99) WITHIN GROUP (ORDER BY part.took) END, NULL
FROM judged
JOIN (SELECT clock_id, acknowledged_at, acknowledged_at - detected_at AS reacted, detected_at - due_at AS delay
      FROM helpdesk_escalation WHERE state <> 'superseded') AS escalation USING (clock_id)
CROSS JOIN LATERAL (
    SELECT 'escalated', delay
    UNION ALL SELECT CASE WHEN acknowledged_at IS NULL THEN 'waiting' ELSE 'acknowledged' END, reacted
    UNION ALL SELECT 'noticed late', NULL WHERE EXTRACT(EPOCH FROM delay) > 60
) AS part (dimension, took)
WHERE net AND due < %(now)s AND dated >= %(start)s AND dated < %(end)s
GROUP BY promise, metric, part.dimension
"""

# Promise, metric, dimension, key.
Cell = tuple[str, str, str, str]


@dataclass(slots=True)
class Verification:
    """How many groups of figures were compared, and which differ (at most 100 are named)."""

    first: str
    last: str
    zone: str
    dates: str = DUE
    compared: int = 0
    due: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def verify_report(period: Period, *, now: datetime, dates: str = DUE) -> Verification:
    """Compare the report with a recount of the events, for every promise and metric.

    Net in all, by hub, account, specialist, team and who answered: counts, and how late (half, nine in ten, the
    worst); the distribution of the answers' times: counts; escalations: counts, and how promptly.
    Gross in all, by hub and by account: counts. `dates` is what puts a target into the period. Both readings see
    one snapshot, so that work done meanwhile is no difference.
    """
    result = Verification(period.first.isoformat(), period.last.isoformat(), str(period.zone), dates)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        said, recounted = _reported(period, now=now, dates=dates), _recount(period, now=now, dates=dates)
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


def _reported(period: Period, *, now: datetime, dates: str) -> dict[Cell, Figures]:
    cells: dict[Cell, Figures] = {}
    for promise in Promise:
        for metric in Metric:
            filters = Filters(period=period, promise=promise.value, metric=metric.value, dates=dates)
            found = report(filters, reader=User(staff_role=StaffRole.MANAGER), now=now)
            parts = {
                "total": [found.total],
                "hub": found.hubs,
                "account": found.accounts,
                "specialist": found.specialists,
                "team": found.teams,
                "replier": found.repliers,
                "band": found.bands,
            }
            for dimension, rows in parts.items():
                for row in rows:
                    key = "" if row.key is None else str(row.key)
                    if row.now.due:
                        cells[promise.value, metric.value, dimension, key] = row.now
                    if row.gross.due and dimension in ("total", "hub", "account"):
                        cells[promise.value, metric.value, f"gross {dimension}", key] = row.gross
            escalated = _escalated(found.prompt)
            cells.update({(promise.value, metric.value, *cell): row for cell, row in escalated.items()})
    return cells


def _escalated(told: Promptness) -> dict[tuple[str, str], Figures]:
    """As the recount counts them; how many targets have an acknowledged one the report doesn't say."""
    rows = {
        "escalated": Figures(due=told.fired, met=told.targets, late_p50=told.noticed_p50, late_p90=told.noticed_p99),
        "waiting": Figures(due=told.waiting, met=told.waiting_targets),
        "acknowledged": Figures(
            due=told.fired - told.waiting, late_p50=told.acknowledged_p50, late_p90=told.acknowledged_p90
        ),
        "noticed late": Figures(due=told.late, met=told.late_targets),
    }
    return {(name, ""): row for name, row in rows.items() if row.due}


def _recount(period: Period, *, now: datetime, dates: str) -> dict[Cell, Figures]:
    window = period.window(now=now)
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"start": window.start, "end": window.end, "now": now, "dates": dates})
        return {
            (promise, metric, dimension, key): Figures(
                due=due,
                met=0 if dimension == "acknowledged" else met,
                answered_late=late,
                unanswered=unanswered,
                **({} if dimension == "band" else {"late_p50": p50, "late_p90": p90, "late_max": worst}),
            )
            for promise, metric, dimension, key, due, met, late, unanswered, p50, p90, worst in cursor
        }
