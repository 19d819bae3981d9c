from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import rebuild_words

CHUNK = 500


class Command(BaseCommand):
    help = "Make the words that tickets are found by again, from what is written. Can run while people work."

    def handle(self, *args: Any, **options: Any) -> None:
        rebuilt, last = 0, 0
        while ids := list(Ticket.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            rebuilt += rebuild_words(ids)
            last = ids[-1]
        self.stdout.write(f"rebuilt {rebuilt}")
