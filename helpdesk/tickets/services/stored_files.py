"""Files in the storage that no row names: what an upload left behind whose transaction never came to its end."""

from datetime import datetime

from helpdesk.core.orphans import clear_folder
from helpdesk.tickets.models import Attachment

FOLDER = "attachments"
FOLDERS = 256  # by the first two letters of a name
HOUR = 3600  # seconds


def clear_orphans(*, now: datetime, limit: int = 1000) -> int:
    """Delete files that no row names, of one folder of the storage; returns how many.

    Each hour has its folder, so that a pass looks at a 256th of all files and all of them have been looked at
    within eleven days, without anything to remember. A file that a row names is never deleted, nor one that is
    younger than a day, whose row may not have been committed yet.
    """
    return clear_folder(
        Attachment._meta.get_field("file").storage,
        f"{FOLDER}/{int(now.timestamp() // HOUR) % FOLDERS:02x}",
        named=lambda old: Attachment.objects.filter(file__in=old).values_list("file", flat=True),
        now=now,
        limit=limit,
    )
