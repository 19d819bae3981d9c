import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from helpdesk.reports.breaches import DATES, DUE
from helpdesk.reports.periods import Period, preset
from helpdesk.reports.verification import verify_report


class Command(BaseCommand):
    help = (
        "Recount the breach report from the clocks' events, by a query of its own, and compare. "
        "Prints JSON; exits 1 when a figure differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day (else the last 13 weeks)")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day (else today)")
        parser.add_argument(
            "--dates", choices=[name for name, _words in DATES], default=DUE, help="what puts it into the period"
        )
        parser.add_argument("--time-zone", default="UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            zone = ZoneInfo(options["time_zone"])
        except (ZoneInfoNotFoundError, OSError, ValueError) as error:
            raise CommandError(f"--time-zone: {options['time_zone']!r} is not a time zone") from error
        weeks = preset("13w", now=now, zone=zone)
        period = Period(first=options["first"] or weeks.first, last=options["last"] or weeks.last, zone=zone)
        if period.last < period.first:
            raise CommandError("--to lies before --from")
        try:
            result = verify_report(period, now=now, dates=options["dates"])
        except OverflowError as error:
            raise CommandError("--from and --to lie beyond the dates that there are") from error
        self.stdout.write(json.dumps(result.as_json(), indent=2))
        if result.differing:
            raise SystemExit(1)
