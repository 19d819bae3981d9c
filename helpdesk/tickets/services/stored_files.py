"""Files in the storage that no row names: what an upload left behind whose transaction never came to its end."""

from datetime import datetime, timedelta

from helpdesk.tickets.models import Attachment

# A row is written within moments of its file; what is younger may be on its way.
OLD_ENOUGH = timedelta(days=1)
FOLDER = "attachments"
FOLDERS = 256  # by the first two letters of a name
HOUR = 3600  # seconds


def clear_orphans(*, now: datetime, limit: int = 1000) -> int:
    """Delete files that no row names, of one folder of the storage; returns how many.

    Each hour has its folder, so that a pass looks at a 256th of all files and all of them have been looked at
    within eleven days, without anything to remember. A file that a row names is never deleted, nor one that is
    younger than a day, whose row may not have been committed yet.
    """
    storage = Attachment._meta.get_field("file").storage
    folder = f"{FOLDER}/{int(now.timestamp() // HOUR) % FOLDERS:02x}"
    try:
        names = [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    except FileNotFoundError:
        return 0
    old = [name for name in names if storage.get_modified_time(name) < now - OLD_ENOUGH]
    kept = set(Attachment.objects.filter(file__in=old).values_list("file", flat=True))
    orphans = [name for name in old if name not in kept][:limit]
    for name in orphans:
        storage.delete(name)
    return len(orphans)
