"""An auditor's recomputation of every clock, by another way than the product's (SPEC 2.2 to 2.4).

From a clock's events and the rules that they name, deadlines and verdicts are reckoned again by
`ledger` and `longhand`, and compared with what the events say and with the clock's columns. What the
events claim to rest on (a message, a reply, a decision) is looked for by statements of SQL (`evidence`).
Nothing of `clock`, `calendar` or `ladder` is used.

Events of early versions name no rules: there the clock's own columns do.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from helpdesk.sla.evidence import unsupported
from helpdesk.sla.ledger import Impossible, Ledger
from helpdesk.sla.longhand import AlwaysOpen, Hours, Length
from helpdesk.sla.models import CalendarVersion, Clock, ClockEvent, PolicyVersion

GUARANTEED_BY = ("form", "chat")  # the ways in by which a ticket can get a guarantee
COMPARED = (
    "started_at",
    "counted_from",
    "due_at",
    "state",
    "version",
    "paused_at",
    "questioned_pauses",
    "breached_at",
    "gross_due_at",
    "gross_breached_at",
    "ended_at",
    "answered_by",
    "owner_at_due",
)
COLUMNS = (
    "id",
    "metric",
    "promise",
    "policy_version_id",
    "calendar_version_id",
    "target_seconds",
    "target_business_days",
    "started_at",
    "counted_from",
    "due_at",
    "state",
    "version",
    "pauses",
    "paused_at",
    "questioned_pauses",
    "breached_at",
    "exempted",
    "gross_basis",
    "gross_due_at",
    "gross_breached_at",
    "ended_at",
    "owner_at_due_id",
    "answered_by_id",
    "event_count",
    "next_check_at",
    "acknowledged_version",
    "ticket__source",
)


class Row(NamedTuple):
    """A clock's columns, in the order of COLUMNS."""

    id: int
    metric: str
    promise: str
    policy: int
    calendar: int | None
    seconds: int | None
    business_days: int | None
    started_at: datetime
    counted_from: datetime
    due_at: datetime | None
    state: str
    version: int
    pauses: list
    paused_at: datetime | None
    questioned_pauses: int
    breached_at: datetime | None
    exempted: list
    gross_basis: dict | None
    gross_due_at: datetime | None
    gross_breached_at: datetime | None
    ended_at: datetime | None
    owner_at_due: int | None
    answered_by: int | None
    event_count: int
    next_check_at: datetime | None
    acknowledged_version: int
    source: str


class Fact(NamedTuple):
    """An event as it is stored."""

    number: int
    kind: str
    at: datetime
    recorded_at: datetime
    data: Mapping[str, Any]


class Rules:
    """Documents and hours by the id of their version, each read once. KeyError where there is no such version."""

    def __init__(self) -> None:
        self._documents: dict[int, Mapping[str, Any]] = {}
        self._hours: dict[int | None, AlwaysOpen | Hours] = {None: AlwaysOpen()}

    def document(self, policy: int) -> Mapping[str, Any]:
        if policy not in self._documents:
            self._documents |= PolicyVersion.objects.filter(pk=policy).values_list("pk", "document")
        return self._documents[policy]

    def hours(self, calendar: int | None) -> AlwaysOpen | Hours:
        if calendar not in self._hours:
            found = CalendarVersion.objects.filter(pk=calendar).values_list("pk", "definition")
            self._hours |= {pk: Hours(definition) for pk, definition in found}
        return self._hours[calendar]

    def target(self, policy: int, metric: str) -> Mapping[str, Any] | None:
        return next((row for row in self.document(policy)["targets"] if row["metric"] == metric), None)


def audit(clock_ids: Sequence[int], rules: Rules) -> dict[int, list[str]]:
    """What is wrong with clocks, by id, in words; nothing of a clock that is right."""
    rows = [Row(*row) for row in Clock.objects.filter(pk__in=clock_ids).order_by("pk").values_list(*COLUMNS)]
    columns = ("clock_id", "number", "kind", "at", "recorded_at", "data")
    stored = ClockEvent.objects.filter(clock__in=clock_ids).order_by("clock_id", "number").values_list(*columns)
    facts = {pk: [Fact(*row[1:]) for row in group] for pk, group in groupby(stored, key=itemgetter(0))}
    found = {row.id: Recomputation(row, rules).of(facts.get(row.id, [])) for row in rows}
    for pk, problem in unsupported(list(clock_ids)):
        found[pk].append(problem)
    return {pk: problems for pk, problems in found.items() if problems}


class Recomputation:
    """One clock reckoned again from its events."""

    def __init__(self, row: Row, rules: Rules) -> None:
        self.row, self.rules = row, rules
        self.policy, self.calendar = row.policy, row.calendar
        self.ledger: Ledger | None = None
        self.facts: list[Fact] = []
        self.problems: list[str] = []

    def of(self, facts: list[Fact]) -> list[str]:
        """What is wrong, in words."""
        if [fact.number for fact in facts] != list(range(1, self.row.event_count + 1)):
            self._wrong(f"its events are not numbered 1 to {self.row.event_count}")
        elif not facts:
            self._wrong("it has no events")
        else:
            self.facts = facts
            try:
                for fact, following in zip(facts, [*facts[1:], None], strict=True):
                    self._take(fact, following)
                self._compare()
            except (Impossible, KeyError, StopIteration, TypeError, ValueError) as error:
                self._wrong(f"its events cannot have happened: {error}")
        return self.problems

    def _wrong(self, problem: str) -> None:
        self.problems.append(problem)

    def _must(self, name: str, expected: object, found: object) -> None:
        if expected != found:
            self._wrong(f"{name} is {found}, recomputed it is {expected}")

    # --- Events ---------------------------------------------------------------------------------

    def _take(self, fact: Fact, following: Fact | None) -> None:
        if (fact.number == 1) != (fact.kind == "start"):
            raise Impossible(f"event {fact.number} is {fact.kind}")
        # A call in a window counts from the window's beginning, which lies ahead when it is asked for.
        is_ahead = fact.kind == "start" and self.row.metric == "callback" and "asked" in fact.data
        if fact.recorded_at < fact.at and not is_ahead:
            self._wrong(f"event {fact.number} took effect {fact.at}, and was written {fact.recorded_at}")
        if fact.kind not in ("start", "breach") and "copy_of" not in fact.data:
            self._must(f"event {fact.number}: when it was written", fact.at, fact.recorded_at)
        getattr(self, f"_{fact.kind}")(fact, following)

    def _start(self, fact: Fact, _following: Fact | None) -> None:
        self._read_rules(fact)
        self.ledger = Ledger(fact.at, Length.read(fact.data), self.rules.hours(self.calendar))
        self._check_promise(fact)
        self._check_due(fact)

    def _pause(self, fact: Fact, _following: Fact | None) -> None:
        self.ledger.pause(fact.at, questioned=bool(fact.data.get("questioned")))

    def _resume(self, fact: Fact, following: Fact | None) -> None:
        self.ledger.resume(fact.at)
        # One that makes room for another target of the same instant was never in force.
        if not (following and following.kind == "retarget" and following.at == fact.at):
            self._check_due(fact)

    def _retarget(self, fact: Fact, _following: Fact | None) -> None:
        self._read_rules(fact)
        since, hours = _instant(fact.data.get("since")), self.rules.hours(self.calendar)
        length, promised = Length.read(fact.data), Length.read(fact.data.get("gross_target", fact.data))
        self._must("the target that goes on", self.ledger.under(promised), length)
        self.ledger.retarget(fact.at, length=length, promised=promised, hours=hours, since=since)
        self._check_promise(fact)
        self._check_due(fact)

    def _breach(self, fact: Fact, _following: Fact | None) -> None:
        """Stamped with the deadline in force; or with the one that another target has, where that has passed."""
        gross = None
        missed = self.ledger.due_at
        if "reason" in fact.data:
            missed, gross = self._missed_by(fact)
            self._must("the gross breach", gross, _instant(fact.data.get("gross_due_at")))
        self._must("the breach", missed, fact.at)
        if fact.recorded_at <= fact.at:
            self._wrong(f"a breach of {fact.at} was written before, {fact.recorded_at}")
        self.ledger.breach(fact.at, owner=fact.data.get("owner"), gross=gross)

    def _missed_by(self, fact: Fact) -> tuple[datetime, datetime]:
        """The deadlines, net and gross, under another target; its event comes next, or after a resume."""
        change = next(row for row in self.facts[fact.number :] if row.kind == "retarget")
        hours = self.rules.hours(change.data.get("calendar_version", self.row.calendar))
        promised = Length.read(change.data.get("gross_target", change.data))
        trial = copy(self.ledger)
        passed = trial.gross_breached_at or trial.gross_due_at
        trial.retarget(change.at, length=trial.under(promised), promised=promised, hours=hours, since=None)
        gross = passed if passed is not None and passed < change.at else trial.gross_deadline(until=change.at)
        return trial.deadline(until=change.at), gross

    def _fulfil(self, fact: Fact, _following: Fact | None) -> None:
        ledger = self.ledger
        if ledger.state == "running" and ledger.breached_at is None and ledger.due_at < fact.at:
            self._wrong(f"answered {fact.at}, due {ledger.due_at}, and no breach")
        ledger.answer(fact.at, by=fact.data.get("by"), owner=fact.data.get("owner"))

    def _cancel(self, fact: Fact, _following: Fact | None) -> None:
        if "breach_stays" not in fact.data:
            self.ledger.cancel(fact.at)
            return
        self._must("breach_stays", self.ledger.is_missed(fact.at), fact.data["breach_stays"])
        self.ledger.give_up(fact.at)

    def _exempt(self, fact: Fact, _following: Fact | None) -> None:
        data = fact.data
        effect = data.get("effect", "void")
        if effect == "void":
            self.ledger.void(fact.at)
            return
        out = (_instant(data["from"]), _instant(data["until"])) if effect == "pause" else None
        since = _instant(data["since"]) if effect == "restart" else None
        length = Length.read(data) if effect == "retarget" else None
        due = self.ledger.except_(fact.at, out=out, since=since, length=length)
        self._must("due_at of an exception", due, _instant(data["due_at"]))

    # --- Rules ----------------------------------------------------------------------------------

    def _read_rules(self, fact: Fact) -> None:
        self.policy = fact.data.get("policy_version", self.row.policy)
        self.calendar = fact.data.get("calendar_version", self.row.calendar)

    def _check_promise(self, fact: Fact) -> None:
        """The target is the policy's, whatever an exception made of it; a guarantee is the policy's own.

        What kind of promise it is, is decided when it starts, and never changes (SPEC 2.3).
        """
        target = self.rules.target(self.policy, self.row.metric)
        length = Length.read(fact.data.get("gross_target", fact.data))
        if target is None or Length.read(target) != length:
            self._wrong(f"its policy has no target of {length}")
        elif fact.kind == "start" and "copy_of" not in fact.data:
            is_guaranteed = target["promise"] == "guaranteed" and self.row.source in GUARANTEED_BY
            self._must("its promise", "guaranteed" if is_guaranteed else "objective", self.row.promise)
        if target is not None and fact.kind == "start":
            self._must("always open", target["hours"] == "always", self.calendar is None)

    def _check_due(self, fact: Fact) -> None:
        until = fact.at if self.ledger.paused_at else None
        self._must(f"due_at of event {fact.number}", self.ledger.deadline(until=until), _instant(fact.data["due_at"]))
        gross = self.ledger.gross_deadline(until=until) if self.ledger.gross_basis else None
        self._must(f"gross_due_at of event {fact.number}", gross, _instant(fact.data.get("gross_due_at")))

    # --- Columns --------------------------------------------------------------------------------

    def _compare(self) -> None:
        row, ledger = self.row, self.ledger
        for name in COMPARED:
            self._must(name, getattr(ledger, name), getattr(row, name))
        self._must("the target", ledger.length, Length(row.seconds, row.business_days))
        self._must("pauses", _written(ledger.pauses), row.pauses)
        self._must("exempted", _written(ledger.exempted), row.exempted)
        basis = ledger.gross_basis
        written = basis and {**basis[0]._asdict(), "since": basis[1].isoformat()}
        self._must("gross_basis", written, row.gross_basis)
        self._must("its policy", self.policy, row.policy)
        self._must("its calendar", self.calendar, row.calendar)
        self._check_next()

    def _check_next(self) -> None:
        """The sweep looks again when something is due: a step, a reminder, the deadline."""
        row, ledger, document = self.row, self.ledger, self.rules.document(self.policy)
        steps, minutes = document["steps"], document["repeat_minutes"]
        at = row.next_check_at
        repeats = bool(steps) and minutes > 0 and row.acknowledged_version != row.version
        if ledger.state != "running" or at is None:
            if at is not None or (ledger.state == "running" and (ledger.breached_at is None or repeats)):
                self._wrong(f"the next check is {at}, while it is {ledger.state}")
            return
        times = list(ledger.step_times([step["percent"] for step in steps]))
        last = max([*times[-1:], ledger.due_at])
        pause = timedelta(minutes=minutes)
        is_reminder = repeats and at > last and not (at - last) % pause
        is_deadline = ledger.breached_at is None and at == ledger.due_at
        if not (at in times or is_reminder or is_deadline) or (ledger.breached_at is None and at > ledger.due_at):
            self._wrong(f"the next check is {at}, when nothing is due")


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _written(intervals: Iterable[tuple[datetime, datetime]]) -> list[list[str]]:
    return [[begin.isoformat(), end.isoformat()] for begin, end in intervals]
