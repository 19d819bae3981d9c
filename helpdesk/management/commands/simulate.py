import gc
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from helpdesk.core.arguments import whole
from helpdesk.management.simulation.run import Plan, Simulation, hurry
from helpdesk.reports.breaches import DATES
from helpdesk.reports.periods import Period
from helpdesk.reports.verification import verify_report
from helpdesk.sla.verification import verify
from helpdesk.tickets.models import Ticket


class Command(BaseCommand):
    help = (
        "Replay months of tickets, changes and killed sweepers against the services and the database, and compare "
        "with a slow and obvious model after each day. The same seed does the same again. Prints JSON; exits 1 when "
        "anything differs. It needs a database of its own, and migrates it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tickets", type=whole(1), default=1000)
        parser.add_argument("--kills", type=whole(0), default=20, help="sweepers that are killed on the way")
        parser.add_argument("--days", type=whole(1, 3_650), default=10)
        parser.add_argument("--accounts", type=whole(1), default=40)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--report-every", type=whole(1), default=1, help="days between two lines of progress")

    def handle(self, *_args: Any, **options: Any) -> None:
        connection.settings_dict["OPTIONS"].pop("pool", None)  # a process that forks has no threads
        call_command("migrate", interactive=False, verbosity=0)
        if Ticket.objects.exists():
            raise CommandError("There are tickets in this database: a simulation needs one of its own.")
        plan = Plan(**{name: options[name] for name in ("seed", "tickets", "kills", "days", "accounts")})
        self.say(json.dumps(asdict(plan)))
        hurry()
        simulation = Simulation(plan, say=self.say, report_every=options["report_every"])
        gc.freeze()
        outcome = simulation.run()
        result = outcome.as_json()
        if not outcome.differences:
            result["verify_clocks"] = verify(now=simulation.now).as_json()
            last = simulation.now.date()
            period = Period(first=last - timedelta(days=plan.days + 1), last=last, zone=simulation.now.tzinfo)
            for dates, _words in DATES:
                proof = verify_report(period, now=simulation.now, dates=dates)
                result[f"verify_report by {dates}"] = proof.as_json()
        self.say(json.dumps(result, indent=2, default=str))
        differing = sum(proof["differing"] for name, proof in result.items() if name.startswith("verify_"))
        if outcome.differences or differing:
            raise SystemExit(1)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
