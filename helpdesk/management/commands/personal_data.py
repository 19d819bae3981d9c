"""Print where personal data live, what an erasure does with them, and why."""

from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.privacy.places import PLACES


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        for place in PLACES:
            self.stdout.write(f"\n{place.fate.value.capitalize()}. {place.why}\n")
            for model, columns in place.columns.items():
                self.stdout.write(f"  {model}: {', '.join(columns.split())}\n")
