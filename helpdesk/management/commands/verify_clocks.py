import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from helpdesk.sla.verification import verify


class Command(BaseCommand):
    help = "Compare every clock with its events. Prints JSON; exits 1 when one differs."

    def handle(self, *args: Any, **options: Any) -> None:
        result = verify(now=timezone.now())
        self.stdout.write(json.dumps(result.as_json(), indent=2))
        if result.differing:
            raise SystemExit(1)
