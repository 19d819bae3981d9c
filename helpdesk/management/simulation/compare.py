"""The database against the model: every row that was written since the last look, and every ticket touched."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from helpdesk.escalation.models import Escalation
from helpdesk.management.simulation import model as made
from helpdesk.management.simulation.verbs import Model
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.tickets.models import Ticket, TicketEvent

KEY = ("clock__ticket_id", "clock__metric", "clock__cycle")
CLOCK = (
    "kind",
    "policy",
    "calendar",
    *Clock.FOLDED,
    "event_count",
    "acknowledged_version",
    "cause",
)
TICKET = (
    "status",
    "severity",
    "priority",
    "claim",
    "owner_id",
    "team_id",
    "policy_version_id",
    "calendar_version_id",
    "merged_into_id",
    "next_due_at",
    "closed_at",
    "updated_at",
    "cc",
)
FREE_TEXT = ("reason", "exception", "copy_of")  # of an event's values


@dataclass(slots=True)
class Comparer:
    """Where each table was read up to; what was different."""

    last: dict[type, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    compared: Counter = field(default_factory=Counter)
    digests: dict[int, bytes] = field(default_factory=dict)  # of tickets that the model has let go

    def begin(self) -> None:
        """What is there already is not the simulation's."""
        for table in (ClockEvent, TicketEvent, Escalation, Notice, OutboxMail):
            self.last[table] = table.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def look(self, model: Model) -> list[int]:
        """Compare what is new or touched; returns the ids of the touched tickets' clocks."""
        journal, model.journal = model.journal, made.Journal()
        found = self._new(ClockEvent, *KEY, "number", "kind", "at", "recorded_at", "actor_id", "data")
        events = {(row[:3], row[3]): (*row[4:8], _plain(row[8])) for row in found}
        self._same("clock event", journal.clock_events, events)
        found = self._new(TicketEvent, "ticket_id", "kind", "at", "actor_id")
        self._same("ticket event", Counter(journal.ticket_events), Counter(found))
        self._ladder(journal)
        touched = sorted(journal.touched)
        for start in range(0, len(touched), 500):
            self._tickets(model, touched[start : start + 500])
        return list(Clock.objects.filter(ticket__in=touched).order_by("pk").values_list("pk", flat=True))

    def let_go(self, model: Model, pks: Iterable[int]) -> None:
        """Keep a digest of tickets that were compared and that nothing will happen to."""
        for pk, rows in _stored(list(pks)).items():
            if _said(model.tickets.pop(pk)) != rows:
                self.differences.append(f"ticket {pk}: its rows changed since nothing happened to it")
            self.digests[pk] = digest(rows)

    def look_again(self, model: Model) -> None:
        """At the end: every ticket, those that were let go by their digest."""
        pks = sorted([*self.digests, *model.tickets])
        for start in range(0, len(pks), 500):
            part = pks[start : start + 500]
            for pk, rows in _stored(part).items():
                kept = self.digests.get(pk)
                if (kept and kept != digest(rows)) or (kept is None and _said(model.tickets[pk]) != rows):
                    self.differences.append(f"ticket {pk}: its rows are not what they were when it was compared")
                self.compared["tickets at the end"] += 1

    def _new(self, table: type, *columns: str) -> list[tuple]:
        rows = list(table.objects.filter(pk__gt=self.last[table]).order_by("pk").values_list("pk", *columns))
        if rows:
            self.last[table] = rows[-1][0]
        return [row[1:] for row in rows]

    def _ladder(self, journal: made.Journal) -> None:
        """Steps, and for each person who is told exactly one notice and one mail."""
        names = ("deadline_version", "percent", "reminder")
        values = ("state", "due_at", "detected_at", "delivered_at", "told", "skipped", "acts")
        found = self._new(Escalation, *KEY, *names, "clock_id", *values)
        steps = {(row[:3], *row[3:6]): (*row[7:11], sorted(row[11]), _people(row[12]), row[13]) for row in found}
        self._same("step", journal.steps, steps)
        clocks = {row[:3]: row[6] for row in found}

        def name(key: made.Key, *step: int) -> str:
            return "/".join(map(str, ["escalation", clocks.get(key), *step]))

        notices = Counter((f"{name(*step)}/{pk}", pk) for step, people in journal.notices.items() for pk in people)
        notices.update((f"{key}/{pk}", pk) for key, people in journal.news.items() for pk in people)
        self._same("notice", notices, Counter(self._new(Notice, "key", "recipient_id")))
        mails = Counter((*mail, None) for mail in journal.mails.items())
        for step, people in journal.letters.items():
            mails.update((f"{name(*step)}/{pk}", pk, held) for pk, held in people.items())
        for key, people in journal.news.items():
            mails.update((f"{key}/{pk}", pk, held) for pk, held in people.items())
        self._same("mail", mails, Counter(self._new(OutboxMail, "key", "recipient_id", "held_until")))

    def _tickets(self, model: Model, pks: list[int]) -> None:
        stored = _stored(pks)
        for pk in pks:
            ticket, clocks = stored[pk]
            said, expected = _said(model.tickets[pk])
            self._same(f"ticket {pk}", dict(zip(TICKET, said, strict=True)), dict(zip(TICKET, ticket, strict=True)))
            self._same(f"clocks of {pk}", dict.fromkeys(expected), dict.fromkeys(clocks))
            for key in expected.keys() & clocks.keys():
                mine, theirs = (dict(zip(CLOCK, rows[key][0], strict=True)) for rows in (expected, clocks))
                self._same(f"clock {key}", mine, theirs)
                self._same(f"steps of {key}", expected[key][1], clocks[key][1])
            self.compared["tickets"] += 1
            self.compared["clocks"] += len(clocks)

    def _same(self, what: str, expected: Mapping, found: Mapping) -> None:
        self.compared[what.split(" of ")[0].rstrip("0123456789 ").split(" (")[0]] += len(found)
        if expected == found:
            return
        for key in {**expected, **found}:
            if expected.get(key) != found.get(key):
                words = f"{what} {key}: must be {_words(expected.get(key))}, is {_words(found.get(key))}"
                self.differences.append(words)


def digest(rows: Any) -> bytes:
    return blake2b(repr(rows).encode(), digest_size=12).digest()


def _said(ticket: made.Ticket) -> tuple:
    """A ticket of the model as its rows."""
    row = (
        ticket.status,
        ticket.severity,
        ticket.priority,
        ticket.claim,
        ticket.owner,
        ticket.team,
        ticket.policy,
        ticket.calendar,
        ticket.merged_into,
        ticket.next_due_at,
        ticket.closed_at,
        ticket.updated_at,
        tuple(ticket.cc),
    )
    return row, {clock.key: (_clock(clock), _steps(clock)) for clock in sorted(ticket.clocks, key=lambda row: row.key)}


def _steps(clock: made.Clock) -> dict:
    return {step: tuple(row) for step, row in sorted(clock.steps.items())}


def _clock(clock: made.Clock) -> tuple:
    ledger = clock.ledger
    basis = ledger.gross_basis
    return (
        clock.kind,
        clock.policy,
        clock.calendar,
        *ledger.length,
        ledger.started_at,
        ledger.counted_from,
        ledger.due_at,
        ledger.state,
        ledger.version,
        _intervals(ledger.pauses),
        _intervals(ledger.exempted),
        ledger.paused_at,
        ledger.questioned_pauses,
        ledger.breached_at,
        basis and (*basis[0], basis[1].isoformat()),
        ledger.gross_due_at,
        ledger.gross_breached_at,
        ledger.ended_at,
        ledger.owner_at_due,
        ledger.answered_by,
        clock.events,
        clock.acknowledged,
        clock.cause,
    )


def _stored(pks: list[int]) -> dict[int, tuple]:
    """The same rows as the database has them."""
    tickets = {
        row[0]: ((*row[1:-1], tuple(row[-1])), {})
        for row in Ticket.objects.filter(pk__in=pks).values_list("pk", *TICKET)
    }
    clocks = Clock.objects.filter(ticket__in=pks).order_by("ticket_id", "metric", "cycle")
    columns = ("policy_version_id", "calendar_version_id", *CLOCK[3:])
    steps: dict[int, dict] = {}
    for row in clocks.values_list("ticket_id", "metric", "cycle", "pk", "promise", *columns):
        values = dict(zip(CLOCK, row[4:], strict=True))
        values["pauses"] = tuple(map(tuple, values["pauses"]))
        values["exempted"] = tuple(map(tuple, values["exempted"]))
        basis = values["gross_basis"]
        values["gross_basis"] = basis and (basis["seconds"], basis["business_days"], basis["since"])
        own = steps[row[3]] = {}
        tickets[row[0]][1][row[:3]] = (tuple(values.values()), own)
    names = ("deadline_version", "percent", "reminder")
    rest = ("state", "due_at", "detected_at", "acknowledged_at", "acknowledged_by_id")
    found = Escalation.objects.filter(clock__in=list(steps)).order_by(*names)
    for row in found.values_list("clock_id", *names, *rest):
        steps[row[0]][row[1:4]] = row[4:]
    return tickets


def _people(skipped: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(skipped, key=lambda row: row["user"])


def _intervals(rows: Iterable[tuple]) -> tuple:
    return tuple((begin.isoformat(), end.isoformat()) for begin, end in rows)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in FREE_TEXT}


def _words(value: Any) -> str:
    return repr(value).replace("datetime.datetime", "").replace(", tzinfo=datetime.timezone.utc", "")
