"""What is asked for in these tests, and what became of the clock."""

from datetime import UTC, datetime, timedelta

from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock
from helpdesk.tickets.services import Wish

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def later(instant: datetime | None) -> float | None:
    """Minutes from the ticket's opening on."""
    return None if instant is None else (instant - NOW) / MINUTE


VOID = Wish(effect=Effect.VOID)


RESTART_20 = Wish(effect=Effect.RESTART, since=at(20))


RETARGET_90 = Wish(effect=Effect.RETARGET, target_seconds=90 * 60)


def pause(begin: float, end: float) -> Wish:
    return Wish(effect=Effect.PAUSE, out_from=at(begin), out_until=at(end))


def first(ticket) -> Clock:
    return ticket.clocks.get(metric="first_response")


def net_and_gross(clock: Clock) -> tuple:
    return (
        clock.state,
        later(clock.due_at),
        later(clock.breached_at),
        later(clock.gross_due_at),
        later(clock.gross_breached_at),
    )
