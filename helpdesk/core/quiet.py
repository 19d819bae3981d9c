"""Quiet hours of a person: hours of local wall time in which mail that can wait does (SPEC 2.5)."""

from datetime import UTC, datetime, time, timedelta, tzinfo


def quiet_until(now: datetime, *, begins: time, ends: time, zone: tzinfo) -> datetime | None:
    """The end (UTC) of the quiet hours that `now` lies in; None outside of them.

    They hold [begins, ends) of every day, across midnight where `ends` is the earlier one; where both
    are the same there are none. An end that the clocks skip comes as much later as they skip.
    """
    if not _within(now, begins, ends, zone):
        return None
    today = now.astimezone(zone).date()
    instants = (
        datetime.combine(today + timedelta(days=day), ends, zone).replace(fold=fold).astimezone(UTC)
        for day in range(3)
        for fold in (0, 1)  # where the clocks are put back, an hour comes twice
    )
    return min(at for at in instants if at > now and not _within(at, begins, ends, zone))


def _within(at: datetime, begins: time, ends: time, zone: tzinfo) -> bool:
    local = at.astimezone(zone).time()
    if begins <= ends:
        return begins <= local < ends
    return local >= begins or local < ends


def quiet_length(begins: time, ends: time) -> timedelta:
    """How long they are on an ordinary day."""
    day = datetime(2000, 1, 1)
    return (datetime.combine(day, ends) - datetime.combine(day, begins)) % timedelta(days=1)
