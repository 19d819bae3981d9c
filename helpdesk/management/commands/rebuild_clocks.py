from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from helpdesk.sla.models import Clock
from helpdesk.sla.services import rebuild


class Command(BaseCommand):
    help = "Make the columns of every clock again from its events. Prints how many had differed."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = 0
        for pk in Clock.objects.order_by("pk").values_list("pk", flat=True).iterator():
            with transaction.atomic():
                clock = Clock.objects.select_for_update(no_key=True).get(pk=pk)
                changed += rebuild(clock)
        self.stdout.write(f"rebuilt {changed}")
