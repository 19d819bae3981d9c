"""What must be true: tickets and clocks in memory, told only which acts happened (SPEC 2.2 to 2.5).

The model works every rule out by itself, by `sla.ledger` and plain documents, and knows nothing of
the services. Rows are named by what they are (ticket, metric, cycle), since it has no keys of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from helpdesk.management.simulation.rules import Promise, Rulebook
from helpdesk.sla.ledger import Ledger
from helpdesk.sla.longhand import Length

Key = tuple[int, str, int]  # ticket, metric, cycle

RESPONSES = ("first_response", "next_response")
OWED = ("first_response", "callback", "chat_pickup")
ACTIVE, DONE = ("new", "open", "waiting"), ("solved", "closed", "spam", "merged")
NEVER = datetime.max.replace(tzinfo=UTC)
EVERY_WAY = ["in_app", "email"]
FIRST = {"email": "first_response", "chat": "chat_pickup", "phone": "callback"}


class Rung(NamedTuple):
    """One step that falls due, or the reminder of the last one."""

    at: datetime
    percent: int
    reminder: int
    recipients: list[str]
    ways: list[str]
    raises: bool = False
    team: int | None = None

    @property
    def acts(self) -> bool:
        return self.raises or self.team is not None


@dataclass(slots=True)
class Clock:
    """A clock, and which steps of its ladder are written."""

    key: Key
    kind: str
    policy: int
    calendar: int | None
    ledger: Ledger
    since: datetime  # steps from here on are still to come
    events: int = 0
    history: list[tuple] = field(default_factory=list)  # its events: kind, when, by whom, values
    cause: str = ""
    acknowledged: int = 0
    # By deadline version and rung: state, due, detected, acknowledged at and by.
    steps: dict[tuple[int, int, int], list[Any]] = field(default_factory=dict)
    times: list[datetime] | None = None  # of the steps under the present deadline
    check: datetime | None = None  # when it is due for a sweep, once that is reckoned

    @property
    def metric(self) -> str:
        return self.key[1]


@dataclass(slots=True)
class Ticket:
    """A ticket as its row says, and what was said in it: (instant, message's id, kind)."""

    pk: int
    account: int
    requester: int
    email: str
    role: str
    hub: str
    channel: str
    source: str
    plan: str
    created_at: datetime
    severity: str
    claim: str
    team: int | None
    policy: int | None
    calendar: int
    status: str = "new"
    priority: int = 0
    owner: int | None = None
    merged_into: int | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None
    cc: list[str] = field(default_factory=list)
    said: list[tuple[datetime, int, str]] = field(default_factory=list)
    calls: list[datetime] = field(default_factory=list)  # that connected
    clocks: list[Clock] = field(default_factory=list)
    spam_of: str = ""  # the status before it was marked
    spam_clocks: list[Clock] = field(default_factory=list)  # as they were then

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "hubs": self.hub,
            "channels": self.channel,
            "roles": self.role,
            "severities": self.severity,
            "accounts": self.account,
            "plans": self.plan,
        }

    @property
    def is_questioned(self) -> bool:
        """Whether the customer spoke last, and was not called since."""
        spoken = [row for row in self.said if row[2] != "note"]
        if not spoken or max(spoken)[2] != "customer":
            return False
        return not any(at >= max(spoken)[0] for at in self.calls)

    @property
    def next_due_at(self) -> datetime | None:
        return min((clock.ledger.due_at for clock in self.clocks if clock.ledger.state == "running"), default=None)

    def open_clocks(self, *metrics: str) -> list[Clock]:
        return [clock for clock in self.clocks if clock.ledger.is_open and clock.metric in metrics]

    def unanswered(self) -> list[Clock]:
        return [clock for clock in self.clocks if clock.ledger.is_unanswered]


@dataclass(slots=True)
class Journal:
    """The rows that the database must have got since the last look, by what they are."""

    clock_events: dict[tuple[Key, int], tuple] = field(default_factory=dict)
    ticket_events: list[tuple] = field(default_factory=list)
    steps: dict[tuple[Key, int, int, int], tuple] = field(default_factory=dict)
    mails: dict[str, int] = field(default_factory=dict)
    notices: dict[tuple[Key, int, int, int], set[int]] = field(default_factory=dict)  # whom a step told
    # The same by mail, and until when each mail is held.
    letters: dict[tuple[Key, int, int, int], dict[int, datetime | None]] = field(default_factory=dict)
    news: dict[str, dict[int, datetime | None]] = field(default_factory=dict)  # of exceptions, the same, by key
    touched: set[int] = field(default_factory=set)


class ClockWork:
    """What happens to one clock, and what is written down of it."""

    def __init__(self, rules: Rulebook) -> None:
        self.rules = rules
        self.journal = Journal()
        self.waiting: dict[Key, tuple[Ticket, Clock]] = {}  # all clocks that are open, and some that were

    def write(self, clock: Clock, kind: str, at: datetime, now: datetime, actor: int | None, **data: Any) -> None:
        clock.events += 1
        clock.check = None
        clock.history.append((kind, at, actor, data))
        self.journal.clock_events[clock.key, clock.events] = (kind, at, now, actor, data)

    def start(
        self,
        ticket: Ticket,
        metric: str,
        promise: Promise,
        kind: str,
        *,
        now: datetime,
        actor: int | None,
    ) -> Clock:
        cycle = 1 + max((clock.key[2] for clock in ticket.clocks if clock.metric == metric), default=0)
        ledger = Ledger(now, promise.length, self.rules.hours(promise.calendar))
        clock = Clock((ticket.pk, metric, cycle), kind, promise.policy, promise.calendar, ledger, since=now)
        ticket.clocks.append(clock)
        self.waiting[clock.key] = ticket, clock
        under = {"policy_version": clock.policy, "calendar_version": clock.calendar}
        self.write(clock, "start", now, now, actor, **_length(promise.length), due_at=_iso(ledger.due_at), **under)
        return clock

    def settle(self, clock: Clock, *, now: datetime, owner: int | None, actor: int | None = None) -> None:
        """A deadline that has passed is a breach, stamped with it."""
        ledger = clock.ledger
        if ledger.state == "running" and ledger.breached_at is None and ledger.due_at < now:
            at = ledger.due_at
            ledger.breach(at, owner=owner)
            self.write(clock, "breach", at, now, actor, owner=owner)

    def pause(self, clock: Clock, *, now: datetime, actor: int | None, questioned: bool) -> None:
        if clock.ledger.may_pause(now):
            clock.ledger.pause(now, questioned=questioned)
            self.write(clock, "pause", now, now, actor, **({"questioned": True} if questioned else {}))

    def resume(self, clock: Clock, *, now: datetime, actor: int | None) -> None:
        if clock.ledger.is_unanswered and clock.ledger.paused_at:
            clock.ledger.resume(now)
            self.write(clock, "resume", now, now, actor, **self._deadlines(clock))
            self._ahead(clock, now)

    def answer(self, clock: Clock, *, now: datetime, by: int, owner: int | None) -> None:
        self.resume(clock, now=now, actor=by)
        if clock.ledger.is_unanswered:
            self.settle(clock, now=now, owner=owner, actor=by)
            clock.ledger.answer(now, by=by, owner=owner)
            self.write(clock, "fulfil", now, now, by, by=by, owner=owner)

    def cancel(self, clock: Clock, *, now: datetime, actor: int | None) -> None:
        if clock.ledger.is_unanswered:
            clock.ledger.cancel(now)
            self.write(clock, "cancel", now, now, actor)

    def give_up(self, clock: Clock, *, now: datetime, actor: int, owner: int | None) -> None:
        self.resume(clock, now=now, actor=actor)
        if clock.ledger.is_unanswered:
            self.settle(clock, now=now, owner=owner, actor=actor)
            stays = clock.ledger.is_missed(now)
            clock.ledger.give_up(now)
            self.write(clock, "cancel", now, now, actor, breach_stays=stays)

    def retarget(self, clock: Clock, promise: Promise, *, now: datetime, actor: int | None, owner: int | None) -> None:
        """Another target; one that has passed already is one breach, and counts anew from now."""
        ledger, hours = clock.ledger, self.rules.hours(promise.calendar)
        if not ledger.is_unanswered:
            return
        length, since = ledger.under(promise.length), None
        trial = deepcopy(ledger, {id(ledger.hours): ledger.hours})
        trial.retarget(now, length=length, promised=promise.length, hours=hours, since=None)
        due, gross = trial.deadline(until=now), trial.gross_deadline(until=now)
        if due < now and ledger.is_open:
            if ledger.breached_at is None:
                gross = ledger.gross_breached_at or _earlier(ledger.gross_due_at, now) or gross
                ledger.breach(due, owner=owner, gross=gross)
                self.write(clock, "breach", due, now, actor, owner=owner, gross_due_at=_iso(gross))
                if ledger.state == "paused":
                    ledger.hours = hours
                    self.resume(clock, now=now, actor=actor)
            since = now
        ledger.retarget(now, length=length, promised=promise.length, hours=hours, since=since)
        clock.policy, clock.calendar = promise.policy, promise.calendar
        values = {"policy_version": clock.policy, "calendar_version": clock.calendar}
        if since:
            values["since"] = _iso(since)
        if length != promise.length:
            values["gross_target"] = _length(promise.length)
        values |= {**_length(length), **self._deadlines(clock, until=now)}
        self.write(clock, "retarget", now, now, actor, **values)
        self._ahead(clock, now)

    def void(self, clock: Clock, *, now: datetime, actor: int) -> None:
        clock.ledger.void(now)
        self.write(clock, "exempt", now, now, actor, effect="void")

    def except_(self, clock: Clock, effect: str, *, now: datetime, actor: int, **wish: Any) -> None:
        due = clock.ledger.except_(now, **wish)
        values = {"effect": effect, "due_at": _iso(due)}
        if "out" in wish:
            values |= {"from": _iso(wish["out"][0]), "until": _iso(wish["out"][1])}
        if "since" in wish:
            values["since"] = _iso(wish["since"])
        if "length" in wish:
            values |= _length(wish["length"])
        self.write(clock, "exempt", now, now, actor, **values)
        self._ahead(clock, now)

    def is_later(self, clock: Clock, *, now: datetime, out: Any = None, since: Any = None, length: Any = None) -> bool:
        """Whether an exception would move the deadline into the future."""
        ledger = clock.ledger
        paused = [*ledger.pauses, *([(ledger.paused_at, now)] if ledger.paused_at else []), *ledger.exempted]
        begin, paused = since or ledger.counted_from, [*paused, *([out] if out else [])]
        return ledger.hours.due(length or ledger.length, begin, paused) > ledger.deadline(until=now)

    # --- The ladder -----------------------------------------------------------------------------

    def rungs(self, clock: Clock, *, until: datetime) -> Iterator[Rung]:
        """The steps to come before `until`, in order."""
        ledger, steps = clock.ledger, self.rules.steps(clock.policy)
        if ledger.state != "running" or not steps:
            return
        if clock.times is None:
            clock.times = list(ledger.step_times([step["percent"] for step in steps]))
        for at, step in zip(clock.times, steps, strict=True):
            if clock.since <= at < until:
                ways = step.get("ways", EVERY_WAY)
                raises, team = step.get("raise_priority", False), step.get("assign_team")
                yield Rung(at, step["percent"], 0, step["recipients"], ways, raises, team)
        minutes, told = self.rules.repeat(clock.policy)
        if not minutes or clock.acknowledged == ledger.version:
            return
        last, pause = max(clock.times[-1], ledger.due_at), timedelta(minutes=minutes)
        number = max(0, (clock.since - last) // pause - 1)  # those long past are passed over
        while (at := last + pause * (number + 1)) < until:
            number += 1
            if at >= clock.since:
                yield Rung(at, steps[-1]["percent"], number, told, steps[-1].get("ways", EVERY_WAY))

    def next_check(self, clock: Clock) -> datetime:
        """When something is to be done for a running clock without anybody's act; the end of time for never."""
        if clock.check is None:
            far = max(clock.since, clock.ledger.due_at) + timedelta(days=60)
            clock.check = next((rung.at for rung in self.rungs(clock, until=far)), NEVER)
            if clock.ledger.breached_at is None:
                clock.check = min(clock.check, clock.ledger.due_at)
        return clock.check

    def _ahead(self, clock: Clock, now: datetime) -> None:
        """Under a new deadline only the steps ahead are taken."""
        clock.since, clock.times = now, None

    def _deadlines(self, clock: Clock, *, until: datetime | None = None) -> dict[str, str]:
        ledger = clock.ledger
        values = {"due_at": _iso(ledger.deadline(until=until))}
        if ledger.gross_basis:
            values["gross_due_at"] = _iso(ledger.gross_deadline(until=until))
        return values


def _length(length: Length) -> Mapping[str, int]:
    return {name: value for name, value in length._asdict().items() if value is not None}


def _iso(at: datetime) -> str:
    return at.isoformat()


def unbreached(clocks: Iterable[Clock]) -> list[Clock]:
    return [clock for clock in clocks if clock.ledger.breached_at is None]


def _earlier(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at < now else None
