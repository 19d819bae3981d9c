"""Files in a storage that no row names: what is left behind when a transaction never came to its end."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.core.files.storage import Storage

# A row is written within moments of its file; what is younger may be on its way.
OLD_ENOUGH = timedelta(days=1)


def clear_folder(
    storage: Storage,
    folder: str,
    *,
    named: Callable[[list[str]], Iterable[str]],
    now: datetime,
    limit: int = 1000,
) -> int:
    """Delete a folder's files that `named` leaves out of those it is asked for; returns how many.

    A file that is younger than a day is never deleted: its row may not have been committed yet.
    """
    try:
        names = [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    except FileNotFoundError:
        return 0
    old = [name for name in names if storage.get_modified_time(name) < now - OLD_ENOUGH]
    kept = set(named(old))
    orphans = [name for name in old if name not in kept][:limit]
    for name in orphans:
        storage.delete(name)
    return len(orphans)
