"""What the demonstration's tickets are found by: their words, and some views of the queue."""

from datetime import datetime

from django.db import connection

from helpdesk.accounts.models import User
from helpdesk.tickets.models import SearchText, Ticket
from helpdesk.tickets.services.saved_views import save_view
from helpdesk.tickets.services.searching import write_words

CHUNK = 2000


def bring_words(*, bulk: bool) -> None:
    """The words of every ticket. With `bulk` the index is made after them, which is many times faster."""
    (index,) = SearchText._meta.indexes
    if bulk:
        with connection.schema_editor() as editor:
            editor.remove_index(SearchText, index)
    ids = list(Ticket.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        write_words(ids[start : start + CHUNK])
    if bulk:
        with connection.schema_editor() as editor:
            editor.add_index(SearchText, index)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {SearchText._meta.db_table}")


def bring_views(*, now: datetime) -> None:
    """A view that everybody sees, and two of Anna's."""
    anna, helen = (User.objects.get(email=f"{name}@premium.example") for name in ("anna", "helen"))
    guaranteed = {"view": "unassigned", "promise": "guaranteed"}
    save_view(name="Guarantees without owner", params=guaranteed, columns=(), actor=helen, everybody=True, now=now)
    save_view(name="Kestrel", params={"view": "open", "q": "kestrel"}, columns=(), actor=anna, now=now)
    columns = ("account", "hub", "severity", "status", "owner", "updated")
    save_view(name="日本語のチケット", params={"view": "open", "q": "の"}, columns=columns, actor=anna, now=now)
