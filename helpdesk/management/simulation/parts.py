"""What every act of the model is made of: clocks settled, small changes with their events (see `verbs`)."""

from copy import copy
from dataclasses import replace
from datetime import datetime

from helpdesk.management.simulation.model import ACTIVE, DONE, RESPONSES, Clock, ClockWork, Ticket, unbreached


class No(Exception):
    """The product must refuse this act."""


class Parts(ClockWork):
    """The pieces of which acts are put together."""

    def _unless(self, refused: bool) -> None:
        if refused:
            raise No

    def _settle(self, ticket: Ticket, now: datetime) -> list[Clock]:
        clocks = ticket.unanswered()
        for clock in clocks:
            self.settle(clock, now=now, owner=ticket.owner)
        self.journal.touched.add(ticket.pk)
        return clocks

    def _take(self, ticket: Ticket, now: datetime) -> list[Clock]:
        """The clocks that wait; what was missed before now is written down first."""
        self._touch(ticket, now)
        return self._settle(ticket, now)

    def _touch(self, ticket: Ticket, now: datetime) -> None:
        ticket.updated_at = now
        self.journal.touched.add(ticket.pk)

    def _happened(self, ticket: Ticket, kind: str, now: datetime, actor: int | None) -> None:
        self.journal.ticket_events.append((ticket.pk, kind, now, actor))

    def _move(self, ticket: Ticket, status: str, now: datetime, actor: int) -> None:
        if ticket.status != status:
            reopened = ticket.status in DONE and status in ACTIVE
            self._happened(ticket, "reopened" if reopened else "status", now, actor)
            ticket.status = status
            ticket.closed_at = now if status in DONE else None

    def _own(self, ticket: Ticket, owner: int | None, now: datetime, actor: int) -> None:
        self._happened(ticket, "assigned", now, actor)
        ticket.owner = owner

    def _take_up(self, ticket: Ticket, now: datetime, actor: int) -> None:
        if ticket.owner is None:
            self._own(ticket, actor, now, actor)
        if ticket.status == "new":
            self._move(ticket, "open", now, actor)

    def _start(self, ticket: Ticket, metric: str, *, now: datetime, actor: int) -> list[Clock]:
        promise = self.rules.promise(ticket.policy, metric, calendar=ticket.calendar)
        if promise is None:
            return []
        is_guaranteed = promise.kind == "guaranteed" and ticket.source in ("form", "chat")
        kind = "guaranteed" if is_guaranteed else "objective"
        return [self.start(ticket, metric, promise, kind, now=now, actor=actor)]

    def _go_on(self, ticket: Ticket, now: datetime, actor: int) -> list[Clock]:
        """What starts when a ticket that was over is worked on again."""
        return self._start(ticket, "resolution", now=now, actor=actor) if ticket.status in DONE else []

    def _follow(self, clocks: list[Clock], status: str, now: datetime, actor: int, *, questioned: bool = False) -> None:
        for clock in clocks:
            if clock.metric in ("next_response", "resolution") and status == "waiting":
                self.pause(clock, now=now, actor=actor, questioned=questioned)
            elif clock.metric in ("next_response", "resolution"):
                self.resume(clock, now=now, actor=actor)

    def _awaits_call(self, ticket: Ticket, now: datetime) -> bool:
        """Whether a call is owed that is not late yet."""
        for clock in ticket.open_clocks("callback"):
            ledger = clock.ledger
            if ledger.breached_at is None and not (ledger.state == "running" and ledger.due_at < now):
                return True
        return False

    def _resolve(self, ticket: Ticket, clocks: list[Clock], now: datetime, actor: int) -> None:
        for clock in clocks:
            if clock.metric == "resolution":
                self.answer(clock, now=now, by=actor, owner=ticket.owner)

    def _end(self, ticket: Ticket, clocks: list[Clock], now: datetime, actor: int) -> None:
        for clock in clocks:
            if clock.ledger.is_unanswered:
                self.give_up(clock, now=now, actor=actor, owner=ticket.owner)

    def _may_be_raised(self, ticket: Ticket) -> None:
        self._unless(not ticket.is_active or ticket.severity == "critical")

    def _raise(self, ticket: Ticket, now: datetime, actor: int) -> None:
        clocks = self._take(ticket, now)
        ticket.severity = "critical"
        in_time = unbreached(clocks)
        self._rechoose(ticket, clocks, now, actor)
        for clock in in_time:
            if clock.ledger.breached_at and not clock.cause:
                clock.cause = "late_reclassification"
        self._happened(ticket, "raised", now, actor)
        self.journal.mails[f"judgement/{ticket.pk}/{now.isoformat()}"] = ticket.requester

    def _rechoose(self, ticket: Ticket, clocks: list[Clock], now: datetime, actor: int) -> None:
        """The targets of the severity now in force, by the policies of the day on which it was opened."""
        version = self.rules.choose(ticket.facts, as_of=ticket.created_at)
        if version is None:
            return
        ticket.policy = version
        for clock in clocks:
            promise = self.rules.promise(version, clock.metric, calendar=ticket.calendar)
            if promise is None or (clock.kind == "guaranteed" and promise.kind != "guaranteed"):
                continue
            if (promise.length, promise.calendar) != (clock.ledger.promised_length, clock.calendar):
                self.retarget(clock, promise, now=now, actor=actor, owner=ticket.owner)

    def _take_over(self, clock: Clock, ticket: Ticket, now: datetime) -> Clock:
        """The same clock again, with all that happened to it, on a ticket that keeps its promise.

        A deadline that has passed meanwhile is a breach, and its own step is owed, too.
        """
        cycle = 1 + max((row.key[2] for row in ticket.clocks if row.metric == clock.metric), default=0)
        heir = replace(
            copied(clock),
            key=(ticket.pk, clock.metric, cycle),
            since=now,
            events=0,
            acknowledged=0,
            steps={},
            history=[],
        )
        heir.times = heir.check = None
        for kind, at, actor, data in clock.history:
            self.write(heir, kind, at, now, actor, **data)
        ticket.clocks.append(heir)
        self.waiting[heir.key] = ticket, heir
        ledger = heir.ledger
        if ledger.state == "running" and ledger.breached_at is None:
            heir.since = min(now, ledger.due_at)
        self.settle(heir, now=now, owner=ticket.owner)
        return heir

    def _prevails(self, clock: Clock, kept: list[Clock], now: datetime, actor: int) -> bool:
        """The survivor keeps the earliest running guarantee of each metric, and else what it has (SPEC 2.3)."""
        if not clock.ledger.is_open:
            return False
        waits = [mine for mine in kept if mine.ledger.is_open]
        if clock.kind != "guaranteed":
            alike = RESPONSES if clock.metric in RESPONSES else (clock.metric,)
            return clock.metric != "resolution" and not any(mine.metric in alike for mine in waits)
        same = [mine for mine in waits if mine.metric == clock.metric]
        if any(mine.kind == "guaranteed" and _missed_at(mine) <= _missed_at(clock) for mine in same):
            return False
        for weaker in same:
            self.cancel(weaker, now=now, actor=actor)
        return True


def copied(clock: Clock) -> Clock:
    """As it is now, whatever happens to it."""
    ledger = copy(clock.ledger)
    ledger.pauses, ledger.exempted = list(ledger.pauses), list(ledger.exempted)
    return replace(clock, ledger=ledger, history=list(clock.history))


def _missed_at(clock: Clock) -> datetime:
    far = datetime.max.replace(tzinfo=clock.ledger.started_at.tzinfo)
    return clock.ledger.breached_at or clock.ledger.due_at or far
