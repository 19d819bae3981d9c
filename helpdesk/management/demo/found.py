"""What the demonstration's tickets are found by."""

from django.db import connection

from helpdesk.tickets.models import SearchText, Ticket
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
