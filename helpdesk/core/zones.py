"""Time zones by the names that people and accounts have."""

import logging
from bisect import bisect_left
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache, partial
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


def changes(zone: tzinfo, begin: datetime, end: datetime) -> list[tuple[datetime, timedelta]]:
    """When the clocks of a zone are put forward, or back, between two instants (UTC), and by how much."""
    found, second = [], timedelta(seconds=1)
    at, end = begin.astimezone(UTC).replace(microsecond=0), end.astimezone(UTC)
    while at < end:  # one look a day: since 1900 no zone has changed twice within three days
        until = min(at + timedelta(days=1), end)
        offset, after = _offset(zone, at), _offset(zone, until)
        if offset != after:
            seconds = range(int((until - at) / second) + 1)
            passed = bisect_left(seconds, True, key=partial(_differs, zone, at, offset))
            found.append((at + passed * second, after - offset))
        at = until
    return found


def _differs(zone: tzinfo, at: datetime, offset: timedelta, seconds: int) -> bool:
    return _offset(zone, at + timedelta(seconds=seconds)) != offset


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
