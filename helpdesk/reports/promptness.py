"""How promptly escalations were noticed and acknowledged: of the targets that a report counts net (SPEC 2.6)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from helpdesk.reports.breaches import LATE_NOTICE

# Sums over escalations that fired; a part of the report's statement. Times are those of actual escalations. Those
# not acknowledged yet have none, and stand apart as a share.
_WAITING = "FILTER (WHERE acknowledged_at IS NULL)"
_LATE = f"FILTER (WHERE detected_at - due_at > interval '{LATE_NOTICE.total_seconds():.0f} seconds')"
PROMPTNESS = f"""
    count(*) AS fired, count(DISTINCT clock_id) AS targets,
    count(*) {_WAITING} AS waiting, count(DISTINCT clock_id) {_WAITING} AS waiting_targets,
    count(*) {_LATE} AS late, count(DISTINCT clock_id) {_LATE} AS late_targets,
    percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM acknowledged_at - detected_at))
        FILTER (WHERE acknowledged_at IS NOT NULL) AS acknowledged,
    percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM detected_at - due_at)) AS noticed
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


def promptness(row: dict[str, Any]) -> Promptness:
    """The sums as the database has them; an empty row is nothing."""
    counts = {name: number for name, number in row.items() if name not in ("acknowledged", "noticed")}
    times = {}
    for name, shares in (("acknowledged", ("p50", "p90")), ("noticed", ("p50", "p99"))):
        for share, seconds in zip(shares, row.get(name) or (), strict=False):
            times[f"{name}_{share}"] = None if seconds is None else timedelta(seconds=seconds)
    return Promptness(**counts, **times)
