import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from helpdesk.core.arguments import whole
from helpdesk.escalation.sweep import sweep


class Command(BaseCommand):
    help = "Fire the escalation steps whose time has come; once, or every second. Prints JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one pass, then stop")
        parser.add_argument("--batch", type=whole(1), default=None, help="clocks in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        while True:
            begun = time.perf_counter()
            result = sweep(now=timezone.now(), batch_size=options["batch"])
            took = round(time.perf_counter() - begun, 4)
            self.stdout.write(json.dumps(result.as_json() | {"seconds": took}))
            if options["once"]:
                return
            self.stdout.flush()
            time.sleep(1)
