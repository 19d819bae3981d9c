from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from helpdesk.sla.models import Clock
from helpdesk.sla.services import rebuild
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import refresh_deadline


class Command(BaseCommand):
    help = "Make the columns of every clock again from its events. Prints how many had differed."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = 0
        for pk, ticket_id in Clock.objects.order_by("pk").values_list("pk", "ticket_id").iterator():
            with transaction.atomic():
                ticket = Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)
                clock = Clock.objects.select_for_update(no_key=True).get(pk=pk)
                if rebuild(clock, now=timezone.now()):
                    refresh_deadline(ticket=ticket)
                    changed += 1
        self.stdout.write(f"rebuilt {changed}")
