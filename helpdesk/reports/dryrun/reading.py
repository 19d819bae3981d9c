"""The clocks of a period with their histories, a chunk at a time: a fixed number of queries a chunk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Any

from django.db.models import Q, QuerySet

from helpdesk.reports.breaches import DUE, instant
from helpdesk.reports.dryrun.replay import Asked, History, Judgement
from helpdesk.reports.periods import Window
from helpdesk.sla.clock import Event, EventKind, Metric, Promise
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.tickets.models import Claim, Severity, TicketEvent

TICKET = (
    "ticket_id",
    "ticket__hub_id",
    "ticket__channel",
    "ticket__requester_role",
    "ticket__severity",
    "ticket__account_id",
    "ticket__entitlement",
    "ticket__source",
    "ticket__calendar_version_id",
    "ticket__created_at",
    "ticket__claim",
)
CLOCK = ("pk", "metric", "promise", "policy_version_id", "calendar_version_id")
JUDGED = {TicketEvent.Kind.RAISED: Severity.CRITICAL, TicketEvent.Kind.DECLINED: Severity.STANDARD}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A clock whose history cannot be read; `why` is for the log."""

    clock: int
    why: Exception


def due_within(window: Window) -> QuerySet[Clock]:
    """Every clock that fell due in a window, net or gross, cancelled ones too: a draft might have made them late."""
    within = Q()
    for gross in (False, True):
        field = instant(DUE, gross=gross)
        within |= Q(**{f"{field}__gte": window.start, f"{field}__lt": window.end})
    # All promises and metrics, named, for the index that begins with them.
    return Clock.objects.filter(promise__in=list(Promise), metric__in=list(Metric)).filter(within)


def histories(clocks: QuerySet[Clock], *, as_of: datetime) -> list[History | Unreadable]:
    """The clocks with their events of until `as_of`. Three queries; more where clocks were taken over by merges."""
    rows = list(clocks.order_by("pk").values_list(*CLOCK, *TICKET))
    events = dict(_events([row[0] for row in rows], as_of=as_of))
    tickets = _tickets(row[len(CLOCK) :] for row in rows)
    origins = _origins(events.values())
    found: list[History | Unreadable] = []
    for row in rows:
        pk, metric, promise, policy_version, calendar_version, ticket = row[: len(CLOCK) + 1]
        if pk not in events:
            continue  # it began after that instant
        try:
            found.append(
                History(
                    clock=pk,
                    metric=Metric(metric),
                    promise=Promise(promise),
                    policy_version=policy_version,
                    calendar_version=calendar_version,
                    ticket=tickets[ticket],
                    events=events[pk],
                    origins=origins,
                )
            )
        except ValueError as error:
            found.append(Unreadable(pk, error))
    return found


def _events(clocks: list[int], *, as_of: datetime) -> Iterator[tuple[int, list[Event]]]:
    """Each clock's events up to the first that was written down later, as `statement_figures` reads them."""
    rows = ClockEvent.objects.filter(clock__in=clocks).order_by("clock_id", "number")
    rows = rows.values_list("clock_id", "recorded_at", "kind", "at", "data")
    for pk, group in groupby(rows.iterator(chunk_size=20_000), key=itemgetter(0)):
        known = [Event(EventKind(row[2]), row[3], row[4]) for row in takewhile(lambda row: row[1] <= as_of, group)]
        if known:
            yield pk, known


def _tickets(rows: Iterable[tuple[Any, ...]]) -> dict[int, Asked]:
    rows = {row[0]: row for row in rows}
    claimed = [pk for pk, row in rows.items() if row[-1] != Claim.NONE]
    judged: dict[int, list[Judgement]] = {}
    if claimed:
        events = TicketEvent.objects.filter(ticket__in=claimed, kind__in=list(JUDGED)).order_by("at", "id")
        for ticket, kind, at in events.values_list("ticket_id", "kind", "at"):
            judged.setdefault(ticket, []).append(Judgement(at, JUDGED[TicketEvent.Kind(kind)]))
    return {pk: Asked(*row[:-1], judgements=tuple(judged.get(pk, ()))) for pk, row in rows.items()}


def _origins(histories: Iterable[list[Event]]) -> dict[int, Asked]:
    """The tickets on which clocks began that merges handed over, by the clock that was copied: the first of a chain."""
    wanted = {event.data["copy_of"] for events in histories for event in events[:1] if "copy_of" in event.data}
    parents: dict[int, int] = {}
    while missing := wanted - parents.keys():
        starts = ClockEvent.objects.filter(clock__in=missing, number=1).values_list("clock_id", "data")
        parents |= {clock: data.get("copy_of", clock) for clock, data in starts}
        parents |= {clock: clock for clock in missing - parents.keys()}
        wanted |= set(parents.values())
    if not wanted:
        return {}
    rows = list(Clock.objects.filter(pk__in=wanted).values_list("pk", *TICKET))
    tickets, of_clock = _tickets(row[1:] for row in rows), {row[0]: row[1] for row in rows}
    return {clock: tickets[of_clock[_first(clock, parents)]] for clock in wanted}


def _first(clock: int, parents: dict[int, int]) -> int:
    while parents[clock] != clock:
        clock = parents[clock]
    return clock
