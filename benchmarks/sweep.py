"""What one sweep costs: per due ticket, in queries, in memory; beside the same rows written by plain COPY.

    python manage.py demo_data --tickets 1000000 --accounts 2000 --open 50000 --due 10000
    python -m benchmarks.sweep [--due 10000]

Sweeps the settings' database at the instant at which so many clocks are due, and prints JSON. It
leaves what a sweep leaves: each run takes the next ones. Milliseconds are wall time, with the
escalation, the notices and the mails of each ticket written and committed. The raw limit is the
same rows, ready as text, taken in by COPY and one UPDATE in one transaction (rolled back).
"""

import json
import os
import resource
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter, process_time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402

from helpdesk.escalation.models import Escalation  # noqa: E402
from helpdesk.escalation.sweep import sweep  # noqa: E402
from helpdesk.notifications.models import Notice, OutboxMail  # noqa: E402
from helpdesk.sla.models import Clock, ClockEvent  # noqa: E402
from helpdesk.tickets.models import Ticket  # noqa: E402

# Where to find what a sweep at an instant has written.
WRITTEN: dict[type[Model], str] = {
    ClockEvent: "recorded_at",
    Escalation: "detected_at",
    Notice: "created_at",
    OutboxMail: "created_at",
}


def instant_with(due: int) -> datetime:
    """The earliest instant at which so many clocks are due."""
    waiting = Clock.objects.filter(next_check_at__isnull=False).order_by("next_check_at")
    return waiting.values_list("next_check_at", flat=True)[due]


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements that are executed meanwhile, savepoints apart."""
    found: list[str] = []

    def note(execute: Callable, sql: str, *arguments: Any) -> Any:
        found.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        yield found


def peak() -> float:
    """The most memory this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(due: int) -> dict[str, Any]:
    sweep(now=datetime.min.replace(tzinfo=instant_with(due).tzinfo, year=2000))  # imports, connection, caches
    now = instant_with(due)
    last = {model: model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0 for model in WRITTEN}
    memory, cpu, begun = peak(), process_time(), perf_counter()
    with counting() as statements:
        result = sweep(now=now)
    seconds = perf_counter() - begun
    cpu, grown = process_time() - cpu, peak() - memory
    rows = {model: model.objects.filter(pk__gt=pk) for model, pk in last.items()}
    raw = raw_seconds(last=last, now=now)
    per_due = 1000 / max(1, result.claimed)
    return {
        "tickets": Ticket.objects.count(),
        "open": Ticket.objects.active().count(),
        **result.as_json(),
        "seconds": round(seconds, 3),
        "ms_per_due": round(seconds * per_due, 4),
        "cpu_ms_per_due": round(cpu * per_due, 4),
        "queries": len(statements),
        "queries_per_batch": round((len(statements) - 4) / max(1, result.batches), 2),
        "peak_memory_grew_mb": round(grown, 1),
        "rows": {model.__name__: found.count() for model, found in rows.items()},
        "raw_seconds": round(raw, 3),
        "raw_ms_per_due": round(raw * per_due, 4),
        "ratio_to_raw": round(seconds / raw, 2),
    }


def raw_seconds(*, last: dict[type[Model], int], now: datetime) -> float:
    """How long PostgreSQL takes for these rows when somebody hands them over ready."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that references are checked within the time taken
        ready = {}
        for model, pk in last.items():
            table = model._meta.db_table
            columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
            with cursor.copy(f"COPY (SELECT {columns} FROM {table} WHERE id > {pk}) TO STDOUT") as copy:
                ready[f"COPY {table} ({columns}) FROM STDIN"] = b"".join(copy)
            cursor.execute(f"DELETE FROM {table} WHERE id > %s", [pk])
        begun = perf_counter()
        for statement, text in ready.items():
            with cursor.copy(statement) as copy:
                copy.write(text)
        cursor.execute(
            "UPDATE helpdesk_clock SET next_check_at = next_check_at + interval '1 second', event_count = event_count"
            " WHERE id IN (SELECT clock_id FROM helpdesk_escalation WHERE id > %s)",
            [last[Escalation]],
        )
        seconds = perf_counter() - begun
        transaction.set_rollback(True)
    return seconds


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--due", type=int, default=10_000)
    print(json.dumps(measure(parser.parse_args().due), indent=2))


if __name__ == "__main__":
    main()
