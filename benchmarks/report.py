"""How long the breach report and a statement take: `python -m benchmarks.report`, on a database with its data.

For each period: the report as the page makes it (five queries), and against it the plain SQL that only counts
the same targets. A statement: the account with most tickets, last month. Best of three, milliseconds.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.db.models import Count, Max  # noqa: E402
from django.utils import timezone  # noqa: E402

from helpdesk.accounts.models import Account, StaffRole, User  # noqa: E402
from helpdesk.reports.breaches import Filters  # noqa: E402
from helpdesk.reports.figures import report  # noqa: E402
from helpdesk.reports.periods import DAY, Period  # noqa: E402
from helpdesk.reports.statement_figures import figures  # noqa: E402
from helpdesk.reports.statements import last_month, month_of, window_of  # noqa: E402
from helpdesk.sla.models import Clock  # noqa: E402

RUNS = 3
PLAIN = """
SELECT hub_id, account_id, count(*) FILTER (WHERE breached_at IS NULL), count(*)
FROM helpdesk_clock AS clock JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
WHERE promise = 'guaranteed' AND metric = 'first_response' AND state NOT IN ('cancelled', 'exempt')
  AND (counted_at >= %(start)s AND counted_at < %(end)s OR gross_counted_at >= %(start)s AND gross_counted_at < %(end)s)
GROUP BY GROUPING SETS ((), (hub_id), (account_id))
"""


def best(work: Callable[[], object]) -> float:
    times = []
    for _run in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return round(min(times), 1)


def main() -> None:
    now = min(timezone.now(), Clock.objects.aggregate(last=Max("counted_at"))["last"] + timedelta(hours=1))
    reader, zone = User(staff_role=StaffRole.MANAGER), ZoneInfo("Europe/Berlin")
    today = now.astimezone(zone).date()
    said: dict[str, object] = {"clocks": Clock.objects.count()}
    for name, days in (("30 days", 30), ("quarter", 91), ("two years", 730)):
        period = Period(first=today - (days - 1) * DAY, last=today, zone=zone)
        filters = Filters(period=period)
        window, before = period.window(now=now), period.previous(now=now)

        def plain(start: object = before.start, end: object = window.end) -> None:
            with connection.cursor() as cursor:
                cursor.execute(PLAIN, {"start": start, "end": end})
                cursor.fetchall()

        whole = best(lambda filters=filters: report(filters, reader=reader, now=now))
        said[name] = {"report": whole, "plain SQL": best(plain)}
    busiest = Account.objects.annotate(many=Count("tickets")).order_by("-many").first()
    month = last_month(month_of(today))
    window = window_of(month, zone=busiest.time_zone)
    said["statement"] = {
        "tickets of the account": busiest.many,
        "milliseconds": best(lambda: figures(account_id=busiest.pk, window=window, as_of=now)),
    }
    print(json.dumps(said, indent=2))


if __name__ == "__main__":
    main()
