"""How promptly escalations were noticed and acknowledged: of the targets that a report counts net (SPEC 2.6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import EmptyResultSet
from django.db import connection

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import LATE_NOTICE, Filters, selection

# Times are those of actual escalations. Those not acknowledged yet have none, and stand apart as a share.
_STATEMENT = """
SELECT count(*), count(DISTINCT clock_id),
       count(*) FILTER (WHERE acknowledged_at IS NULL),
       count(DISTINCT clock_id) FILTER (WHERE acknowledged_at IS NULL),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY acknowledged_at - detected_at)
           FILTER (WHERE acknowledged_at IS NOT NULL),
       percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY detected_at - due_at),
       count(*) FILTER (WHERE detected_at - due_at > %s),
       count(DISTINCT clock_id) FILTER (WHERE detected_at - due_at > %s)
FROM helpdesk_escalation WHERE state = 'fired' AND clock_id IN ({clocks})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promptness:
    """Escalations that fired, and, after each count, of how many targets: these are what a number opens."""

    fired: int = 0
    targets: int = 0
    waiting: int = 0  # nobody has acknowledged them
    waiting_targets: int = 0
    acknowledged_p50: timedelta | None = None  # from being noticed
    acknowledged_p90: timedelta | None = None
    noticed_p50: timedelta | None = None  # from being due
    noticed_p99: timedelta | None = None
    late: int = 0  # noticed later than `LATE_NOTICE` after they were due
    late_targets: int = 0


def promptness(filters: Filters, *, reader: User, now: datetime) -> Promptness:
    """Of the report's own period. One query."""
    try:
        sql, params = selection(filters, reader=reader, now=now).values("pk").query.sql_with_params()
    except EmptyResultSet:  # a reader who may count nothing
        return Promptness()
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT.format(clocks=sql), [LATE_NOTICE, LATE_NOTICE, *params])
        fired, targets, waiting, waiting_targets, acknowledged, noticed, late, late_targets = cursor.fetchone()
    p50, p90 = acknowledged or (None, None)
    noticed_p50, noticed_p99 = noticed or (None, None)
    return Promptness(
        fired=fired,
        targets=targets,
        waiting=waiting,
        waiting_targets=waiting_targets,
        acknowledged_p50=p50,
        acknowledged_p90=p90,
        noticed_p50=noticed_p50,
        noticed_p99=noticed_p99,
        late=late,
        late_targets=late_targets,
    )
