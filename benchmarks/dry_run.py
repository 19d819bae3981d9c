"""A draft replayed over a quarter: seconds, memory, and a plain loop that only reads the same rows.

    python -m benchmarks.dry_run [days]

For the database at the settings (`manage.py demo_data --tickets 1000000`). Nothing is left behind: the tables of dry
runs are made and filled in a transaction that is rolled back, without foreign keys, so that nobody waits for it.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from helpdesk.accounts.models import User  # noqa: E402
from helpdesk.core.jobs import Broker  # noqa: E402
from helpdesk.reports.dryrun import services as dry  # noqa: E402
from helpdesk.reports.dryrun.models import DryRun, DryRunRow  # noqa: E402
from helpdesk.reports.dryrun.reading import due_within  # noqa: E402
from helpdesk.reports.periods import Period  # noqa: E402
from helpdesk.sla.models import Calendar, Clock, Policy  # noqa: E402
from helpdesk.sla.target import Target  # noqa: E402

DAYS = int(sys.argv[1]) if len(sys.argv) > 1 else 91


def timed(name: str, work: Callable[[], Any]) -> Any:
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = work()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(f"{name}: {time.monotonic() - begun:.1f} s, memory +{grown} MB, {found}", flush=True)
    return found


def plain(period: Period, now: Any) -> int:
    """Read the clocks with their tickets and events, in one statement, and look at each row."""
    keys = due_within(period.window(now=now)).values("pk")
    rows = 0
    with connection.cursor() as cursor:
        sql, values = keys.query.sql_with_params()
        cursor.execute(
            "DECLARE plain CURSOR FOR SELECT c.*, t.*, e.* FROM helpdesk_clock c JOIN helpdesk_ticket t "
            "ON t.id = c.ticket_id JOIN helpdesk_clockevent e ON e.clock_id = c.id "
            f"WHERE c.id IN ({sql}) ORDER BY c.id, e.number",
            values,
        )
        while True:
            cursor.execute("FETCH 2000 FROM plain")
            found = cursor.fetchall()
            if not found:
                return rows
            rows += len(found)


def run(period: Period, now: Any, **draft: Any) -> str:
    actor = User.objects.filter(staff_role="manager").first()
    made = dry.start_dry_run(name="Benchmark", period=period, actor=actor, now=now, **draft)
    chunks = dry.advance_dry_runs(now=now, seconds=3600)
    made.refresh_from_db()
    kept = made.rows.count()
    return f"{made.seen} targets, {made.changed} different, {made.failed} failed, {chunks} chunks, {kept} rows"


def main() -> None:
    Broker.look_again_at = float("inf")  # nobody is asked to work on it
    now = Clock.objects.aggregate(last=models.Max("started_at"))["last"] or timezone.now()
    last = now.date()
    period = Period(first=last - timedelta(days=DAYS - 1), last=last, zone=timezone.get_default_timezone())
    for model in (DryRun, DryRunRow):
        for field in model._meta.fields:
            if field.remote_field:
                field.db_constraint = False
    standard = Policy.objects.get(name__startswith="Standard, designated")
    terms = standard.versions.get(is_current=True).terms
    shorter = replace(terms, targets=(replace(terms.targets[0], target=Target(seconds=1800)), *terms.targets[1:]))
    place = Policy.objects.filter(position__lt=standard.position).count()
    calendar = Calendar.objects.get(is_default=True)
    hours = calendar.versions.get(is_current=True).definition
    hours = {**hours, "holidays": sorted({*hours.get("holidays", []), (last - timedelta(days=14)).isoformat()})}
    with transaction.atomic():
        with connection.schema_editor() as editor:
            editor.create_model(DryRun)
            editor.create_model(DryRunRow)
        timed("plain loop over the same rows", lambda: plain(period, now))
        timed("one target changed", lambda: run(period, now, policy=standard, terms=shorter, place=place))
        timed("a holiday added", lambda: run(period, now, calendar=calendar, definition=hours))
        everybody = Policy.objects.get(name="All other users")
        said = everybody.versions.get(is_current=True).terms
        timed("first of all policies: every target changes", lambda: run(period, now, policy=everybody, terms=said))
        transaction.set_rollback(True)


main()
