import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from helpdesk.reports.statement_check import check
from helpdesk.reports.statement_files import Unreadable


class Command(BaseCommand):
    help = (
        "Verify an SLA statement (PDF or JSON): its digest, its signature, and its figures, recomputed from the "
        "clocks' events. Prints JSON; exits 1 when anything does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = check(options["file"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except Unreadable as error:
            raise CommandError(f"{options['file']} is no statement: {error}") from error
        self.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        if not found.is_good:
            raise SystemExit(1)
