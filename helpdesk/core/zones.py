"""Time zones by the names that people and accounts have."""

import logging
from functools import lru_cache
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of this name; UTC when this machine's data has none.

    Names are checked when they are entered, but leave the IANA data at times: pages, mails and
    rights must not hang on it.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):  # unknown, a directory, not even a name
        log.warning("time zone %r is unknown here, UTC stands in", name)
        return ZoneInfo("UTC")
