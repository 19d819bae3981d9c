import json
import logging
import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils import timezone

from helpdesk.core.arguments import seconds
from helpdesk.escalation.watchdog import LATE, watch

log = logging.getLogger(__name__)
PAUSE = 5.0  # seconds between two looks
PAUSE_STANDING_IN = 1.0  # while it sweeps itself: as often as beat would


class Command(BaseCommand):
    help = (
        "Look every 5 seconds whether sweep, mail and clocks are well; open alarms, and sweep while nobody else does. "
        "Prints JSON when something changes, or once with --once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one look, then stop")
        # The others have just started, too: they are late only when they have had the time.
        parser.add_argument(
            "--patience", type=seconds, default=LATE.total_seconds(), help="seconds before the first look (30)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.stdout.write(json.dumps(watch(now=timezone.now()).as_json()))
            return
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_arguments: stop.set())
        pause = options["patience"]
        while not stop.wait(pause):
            pause = self.look()

    def look(self) -> float:
        """One look; returns the seconds until the next one. A database that is away is looked for again."""
        try:
            found = watch(now=timezone.now())
        except Exception:
            log.exception("the watchdog could not look")
            return PAUSE
        finally:
            connection.close()  # back to the pool, which hands out only connections that still work
        if found.opened or found.closed or (found.swept or {}).get("claimed"):
            self.stdout.write(json.dumps(found.as_json()))
            self.stdout.flush()
        return PAUSE_STANDING_IN if found.stands_in else PAUSE
