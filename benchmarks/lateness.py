"""How late a step is written when a thousand come due within a minute, beside 50,000 open clocks (SPEC 2.5).

    python -m tests.servers python -m benchmarks.lateness [--open 50000] [--due 1000] [--picture FILE.svg]

Starts on an empty database: loads demonstration data, opens tickets whose first step falls within the
minute ahead, and then lets a real Celery worker and a real beat, with the product's own schedule, work
against a real SMTP server. *Written* is when another connection first sees the committed escalation
(it looks every 20 ms). Prints JSON; the picture shows the share that was written after so many seconds.
"""

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
from aiosmtpd.controller import Controller

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["DEMO"] = "1"
django.setup()
logging.getLogger("mail.log").setLevel(logging.WARNING)

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from helpdesk.accounts.models import Membership  # noqa: E402
from helpdesk.core.channels import Channel  # noqa: E402
from helpdesk.escalation.models import Escalation  # noqa: E402
from helpdesk.escalation.sweep import sweep  # noqa: E402
from helpdesk.notifications.models import OutboxMail  # noqa: E402
from helpdesk.sla.models import Clock  # noqa: E402
from helpdesk.subscriptions.entitlement import entitlements  # noqa: E402
from helpdesk.tickets.services import NewTicket, open_ticket  # noqa: E402

MINUTE = timedelta(minutes=1)
LEAD = timedelta(seconds=15)  # for the worker to start


class Sink:
    """An SMTP server that counts what it accepts."""

    def __init__(self) -> None:
        self.accepted = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.accepted += 1
        return "250 OK"


def open_tickets(*, number: int, first: datetime) -> None:
    """Tickets whose first step (half of an hour) falls evenly within the minute from `first` on."""

    asks = []
    for row in Membership.objects.filter(is_designated=True).select_related("account", "user"):
        found = [one for one in entitlements(account=row.account, now=first) if one.includes(Channel.EMAIL)]
        asks += [(row, found[0])] if found else []
    for place in range(number):
        membership, entitlement = asks[place % len(asks)]
        new = NewTicket(membership=membership, entitlement=entitlement, subject=f"Due {place}", body="Please help.")
        open_ticket(new=new, now=first + MINUTE * place / number - 30 * MINUTE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def processes(port: int) -> Iterator[None]:
    """A worker of two processes and a beat, as `manage.py run` starts them."""
    env = {**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{port}", "DEMO": "1"}
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    log = Path(tempfile.gettempdir()) / "lateness.log"
    with tempfile.TemporaryDirectory() as var, log.open("w") as out:
        options = {"env": env, "stdout": out, "stderr": out}
        started = [
            subprocess.Popen([*celery, "worker", "--concurrency=2", "--without-gossip", "--without-mingle"], **options),
            subprocess.Popen([*celery, "beat", "--pidfile=", f"--schedule={var}/beat"], **options),
        ]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(30)


def watch(since: int, seen: dict[int, float], stop: threading.Event) -> None:
    """Note when each new escalation is first visible to another connection."""

    last = since
    with connection.cursor() as cursor:
        while not stop.is_set():
            cursor.execute("SELECT id FROM helpdesk_escalation WHERE id > %s", [last])
            now = time.time()
            for (pk,) in cursor.fetchall():
                seen.setdefault(pk, now)
            # A transaction that began earlier may commit later with lower ids: look behind again.
            last = max(since, max(seen, default=since) - 3000)
            time.sleep(0.02)
    connection.close()


def share(values: Sequence[float], part: float) -> float:
    """The value that this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, max(0, -(-int(part * len(ordered) * 1000) // 1000) - 1))], 3)


def measure(*, open_clocks: int, due: int) -> tuple[dict[str, Any], list[float]]:

    call_command("migrate", verbosity=0)
    amount = {"tickets": open_clocks + 2000, "accounts": 500, "open": open_clocks, "due": 0}
    call_command("demo_data", now=datetime.now(UTC), **amount)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    first = datetime.now(UTC) + LEAD + timedelta(seconds=due / 40)
    open_tickets(number=due, first=first)
    sweep(now=datetime.now(UTC))
    OutboxMail.objects.update(state="sent", next_attempt_at=None)  # what the preparation told
    since = Escalation.objects.order_by("-id").values_list("id", flat=True).first() or 0
    watched = Clock.objects.filter(next_check_at__isnull=False).count()
    seen: dict[int, float] = {}
    stop, sink = threading.Event(), Sink()
    port = free_port()
    server = Controller(sink, hostname="127.0.0.1", port=port)
    server.start()
    watcher = threading.Thread(target=watch, args=(since, seen, stop))
    watcher.start()
    with processes(port):
        time.sleep(max(0.0, (first + MINUTE + timedelta(seconds=25) - datetime.now(UTC)).total_seconds()))
    stop.set()
    watcher.join()
    server.stop()
    rows = Escalation.objects.filter(pk__in=seen, due_at__gte=first, due_at__lt=first + MINUTE)
    written = [seen[row.pk] - row.due_at.timestamp() for row in rows]
    delivered = [(row.delivered_at - row.due_at).total_seconds() for row in rows if getattr(row, "delivered_at", None)]
    found = {
        "open_clocks": watched,
        "due_within_the_minute": due,
        "written": len(written),
        "mails_accepted_by_the_server": sink.accepted,
    }
    for name, values in (("written", written), ("delivered", delivered)):
        if values:
            shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
            found[f"due_to_{name}_seconds"] = {key: share(values, part) for key, part in shares.items()}
    return found, sorted(written)


def picture(values: Sequence[float], *, goal: float = 2.0) -> str:
    """The share of steps that were written after so many seconds, as SVG."""
    width, height, left, top = 640, 260, 56, 24
    most = max(goal * 1.25, values[-1])
    inner_w, inner_h = width - left - 24, height - top - 44

    def x(seconds: float) -> float:
        return round(left + inner_w * max(0.0, seconds) / most, 1)

    def y(part: float) -> float:
        return round(top + inner_h * (1 - part), 1)

    steps = " ".join(f"L{x(value)} {y((place + 1) / len(values))}" for place, value in enumerate(values))
    grid = "".join(
        f'<path d="M{left} {y(part)}H{left + inner_w}" stroke="#c9d1dc"/>'
        f'<text x="{left - 8}" y="{y(part) + 4}" text-anchor="end">{part:.0%}</text>'
        for part in (0, 0.5, 0.99)
    )
    ticks = "".join(
        f'<text x="{x(second / 2)}" y="{top + inner_h + 18}" text-anchor="middle">{second / 2:g} s</text>'
        for second in range(int(most * 2) + 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#1a2330"><rect width="{width}" height="{height}" fill="#fff"/>{grid}{ticks}'
        f'<path d="M{x(goal)} {top}V{top + inner_h}" stroke="#b42318" stroke-dasharray="4 3"/>'
        f'<text x="{x(goal) + 4}" y="{top + 12}" fill="#b42318">goal: 99 % within {goal:g} s</text>'
        f'<path d="M{left} {y(0)} {steps}" fill="none" stroke="#0f766e" stroke-width="2"/>'
        f'<text x="{left}" y="{height - 8}">from due to written, {len(values)} steps within one minute</text></svg>\n'
    )


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--open", type=int, default=50_000)
    parser.add_argument("--due", type=int, default=1_000)
    parser.add_argument("--picture", type=Path)
    wanted = parser.parse_args()
    found, written = measure(open_clocks=wanted.open, due=wanted.due)
    if wanted.picture and written:
        wanted.picture.write_text(picture(written))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
