"""How long the breach report and a statement take: `python -m benchmarks.report`, on a database with its data.

For each period: the report as the page makes it (six queries), by each basis, and against it plain SQL for the same
figures by due, written by hand. A statement: the account with most tickets, last month. Best of three, milliseconds;
growth of memory in MB. With `--export N`, files of N rows: seconds, and how far memory grew.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Count, Max  # noqa: E402
from django.utils import timezone  # noqa: E402

from helpdesk.accounts.models import Account, StaffRole, User  # noqa: E402
from helpdesk.reports.breaches import CREATED, DUE, REPLIED, Filters, Target, latest_first, selection, stream  # noqa: E402
from helpdesk.reports.export import csv_chunks, xlsx  # noqa: E402
from helpdesk.reports.figures import report  # noqa: E402
from helpdesk.reports.periods import DAY, Period, month_start  # noqa: E402
from helpdesk.reports.statement_figures import figures  # noqa: E402
from helpdesk.reports.statements import window_of  # noqa: E402
from helpdesk.sla.models import Clock  # noqa: E402

RUNS = 3
# The same figures as the page, written by hand: net and gross, both periods, every dimension, what is late by how
# much, how long answers took, and how promptly escalations were noticed. One statement for each way of grouping:
# what somebody would write who wants them.
PICKED = """
CREATE TEMP TABLE picked AS
SELECT clock.id, counted_at, hub_id, account_id, team_id, answered_by_id, cause,
       coalesce(owner_at_due_id, CASE WHEN breached_at IS NULL THEN coalesce(answered_by_id, owner_id) END)
           AS specialist,
       date_trunc('month', counted_at AT TIME ZONE 'Europe/Berlin') AS bucket,
       extract(isodow FROM counted_at AT TIME ZONE 'Europe/Berlin') * 24
           + extract(hour FROM counted_at AT TIME ZONE 'Europe/Berlin') AS slot,
       CASE WHEN answered_by_id IS NULL THEN 9
            WHEN counted_at > started_at THEN
                least(8, floor(4 * extract(epoch FROM ended_at - started_at)
                               / extract(epoch FROM counted_at - started_at)))
            END AS band,
       counted_at >= %(start)s AND counted_at < %(end)s AND state <> 'exempt' AS net,
       gross_counted_at >= %(start)s AND gross_counted_at < %(end)s AS gross,
       counted_at < %(middle)s AS before, gross_counted_at < %(middle)s AS gross_before,
       answered_by_id IS NOT NULL AS answered, breached_at IS NULL AS kept, gross_breached_at IS NULL AS gross_kept,
       extract(epoch FROM coalesce(ended_at, %(end)s) - counted_at) AS over,
       extract(epoch FROM ended_at - started_at) AS took
FROM helpdesk_clock AS clock JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
WHERE promise = 'guaranteed' AND metric = 'first_response' AND state <> 'cancelled'
  AND (counted_at >= %(start)s AND counted_at < %(end)s OR gross_counted_at >= %(start)s AND gross_counted_at < %(end)s)
"""
COUNTS = ", ".join(
    f"count(*) FILTER (WHERE {count} AND {'' if before else 'NOT'} {prefix}before AND {verdict.format(prefix)})"
    for count, prefix in (("net", ""), ("gross", "gross_"))
    for before in (False, True)
    for verdict in ("true", "answered AND {}kept", "answered AND NOT {}kept", "NOT answered")
)
SETS = "(hub_id), (account_id), (team_id), (specialist), (answered_by_id)"
PLAIN = f"""
SELECT {COUNTS} FROM picked GROUP BY GROUPING SETS ((), {SETS}, (bucket), (slot), (cause), (band));
SELECT percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY over), max(over) FROM picked
WHERE net AND NOT (answered AND kept) GROUP BY GROUPING SETS ((before), (before, hub_id), (before, account_id),
    (before, team_id), (before, specialist), (before, answered_by_id));
SELECT percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY took) FROM picked
WHERE net AND answered GROUP BY before;
SELECT count(*), count(DISTINCT clock_id), count(DISTINCT clock_id) FILTER (WHERE acknowledged_at IS NULL),
       count(DISTINCT clock_id) FILTER (WHERE detected_at - due_at > interval '1 minute'),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY acknowledged_at - detected_at),
       percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY detected_at - due_at)
FROM helpdesk_escalation WHERE state = 'fired' AND clock_id IN (SELECT id FROM picked WHERE net AND NOT before);
SELECT id FROM picked WHERE net AND NOT before AND NOT answered ORDER BY counted_at LIMIT 8;
"""


def best(work: Callable[[], object]) -> float:
    times = []
    for _run in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return round(min(times), 1)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def files(rows: int, *, reader: User, now: datetime) -> dict[str, object]:
    """Objectives of all time beside guarantees are not enough for a million, so the rows repeat."""
    filters = Filters(period=Period(first=date(2000, 1, 1), last=now.date(), zone=ZoneInfo("UTC")))
    clocks = latest_first(selection(filters, reader=reader, now=now))

    def chunks() -> Iterator[list[Target]]:
        left = rows
        while left > 0:
            for chunk in stream(clocks):
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

    def csv() -> int:
        return sum(len(piece) for piece in csv_chunks(chunks(), filters=filters))

    def workbook() -> int:
        with xlsx(chunks(), filters=filters, title="Targets") as book:
            return book.seek(0, os.SEEK_END)

    said: dict[str, object] = {}
    for name, work in (("csv", csv), ("xlsx", workbook)):
        before, begun = peak(), time.perf_counter()
        size = work()
        seconds = round(time.perf_counter() - begun, 1)
        said[name] = {"seconds": seconds, "MB": round(size / 2**20, 1), "memory": round(peak() - before, 1)}
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--export", type=int, default=0)
    export = parser.parse_args().export
    now = min(timezone.now(), Clock.objects.aggregate(last=Max("counted_at"))["last"] + timedelta(hours=1))
    reader, zone = User(staff_role=StaffRole.MANAGER), ZoneInfo("Europe/Berlin")
    today = now.astimezone(zone).date()
    said: dict[str, object] = {"clocks": Clock.objects.count()}
    for name, days in (("30 days", 30), ("quarter", 91), ("two years", 730)):
        period = Period(first=today - (days - 1) * DAY, last=today, zone=zone)
        filters = Filters(period=period)
        window, before = period.window(now=now), period.previous(now=now)

        def plain(before: object = before.start, middle: object = window.start, end: object = window.end) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(PICKED, {"start": before, "middle": middle, "end": end})
                for statement in PLAIN.split(";")[:-1]:
                    cursor.execute(statement)
                    cursor.fetchall()
                cursor.execute("DROP TABLE picked")

        began = peak()
        times = {
            dates: best(partial(report, replace(filters, dates=dates), reader=reader, now=now))
            for dates in (DUE, CREATED, REPLIED)
        }
        said[name] = {"report": times, "plain SQL": best(plain), "memory": peak() - began}
    busiest = Account.objects.annotate(many=Count("tickets")).order_by("-many").first()
    month = month_start(today, -1)
    window = window_of(month, zone=busiest.time_zone)
    said["statement"] = {
        "tickets of the account": busiest.many,
        "milliseconds": best(lambda: figures(account_id=busiest.pk, window=window, as_of=now)),
    }
    if export:
        said[f"files of {export} rows"] = files(export, reader=reader, now=now)
    print(json.dumps(said, indent=2))


if __name__ == "__main__":
    main()
