"""A ticket's life as rows: the verbs of `tickets.services`, `sla.services` and the sweep, without a database.

Each verb appends what the service of the same name would have written, made by the same pure
functions; a test plays the same stories through the services and compares. Time passes between the
verbs: whatever the sweep would have found meanwhile is written first.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from random import Random
from typing import Any

from django.conf import settings

from helpdesk.core.channels import Channel
from helpdesk.escalation.models import Escalation
from helpdesk.management.demo.excepted import Asked, ExceptionVerbs
from helpdesk.management.demo.rows import Rows
from helpdesk.management.demo.ticking import Fired, Ticking
from helpdesk.management.demo.topics import Topic
from helpdesk.management.demo.world import Asker, Customer, World
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.fold import apply, fold
from helpdesk.sla.ladder import next_check, rungs
from helpdesk.sla.models import BreachCause, Clock, ClockEvent
from helpdesk.sla.services import first_match
from helpdesk.sla.terms import Facts, Hours, TargetTerms
from helpdesk.tickets.claims import Affected, Workaround
from helpdesk.tickets.models import Claim, Message, Severity, Source, Status, Ticket, TicketEvent
from helpdesk.tickets.services import FIRST_METRIC

ANSWERABLE = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)


class Story(ExceptionVerbs):
    """One ticket from its opening on. Instants must not go backwards from verb to verb."""

    def __init__(
        self, *, world: World, rows: Rows, rng: Random, customer: Customer, asker: Asker, topic: Topic
    ) -> None:
        self.world, self.rows, self.rng = world, rows, rng
        self.customer, self.asker, self.topic = customer, asker, topic
        self.clocks: list[Ticking] = []
        self.fired: list[Fired] = []
        self.asked: list[Asked] = []
        self.status, self.severity, self.claim = Status.NEW, Severity.STANDARD, Claim.NONE
        self.claim_reason, self.claim_facts = "", {}
        self.judged_by: int | None = None
        self.judged_at: datetime | None = None
        self.owner: int | None = None
        self.spoke_last = Message.Kind.CUSTOMER
        self.team = world.team_of[topic.hub]
        self.closed_at: datetime | None = None

    # --- What a plot may ask -------------------------------------------------------------------
    @property
    def waiting(self) -> Ticking | None:
        """The open clock that a reply would answer."""
        return next((clock for clock in self.clocks if clock.state.is_open and clock.metric in ANSWERABLE), None)

    def at_share(self, share: float, clock: Ticking | None = None) -> datetime:
        """When this share of the time of a clock (the waiting one) is used up: 0.5 half, 1.2 a fifth too late."""
        clock = clock or self.waiting
        state, hours = clock.state, clock.hours
        return hours.add(state.started_at, hours.between(state.started_at, state.due_at) * share)

    # --- Verbs of tickets.services -------------------------------------------------------------
    def open(
        self, at: datetime, *, channel: Channel = Channel.EMAIL, source: Source = Source.FORM, critical: bool = False
    ) -> None:
        self.id = self.rows.take_id(Ticket)
        self.channel, self.source, self.opened_at, self.now = channel, source, at, at
        if critical:
            self.severity, self.claim = Severity.CRITICAL, Claim.CLAIMED
            self.claim_facts = self._claim_facts()
        self.version_id, self.policy = first_match(self.world.versions, self._facts())
        terms = self.policy.target(FIRST_METRIC[channel])
        self._message(Message.Kind.CUSTOMER, self.asker.user_id, self.topic.body, via=source)
        if source not in Source.guaranteed():
            terms = replace(terms, promise=pure.Promise.OBJECTIVE)
        self._start(terms)
        self._event(TicketEvent.Kind.OPENED, self.asker.user_id, source=source)
        if critical:
            self._event(TicketEvent.Kind.CLAIMED, self.asker.user_id)
        self._event(TicketEvent.Kind.ACKNOWLEDGED, None)

    def reply(self, at: datetime, *, actor: int, body: str, status: Status = Status.OPEN) -> None:
        self._reach(at)
        message = self._message(Message.Kind.REPLY, actor, body, via=Source.STAFF)
        for clock in self._open_clocks():
            if clock.metric in ANSWERABLE:
                self._record(clock, pure.fulfil(clock.state, at=at, by=actor, owner=self.owner), actor=actor)
        self._event(TicketEvent.Kind.REPLIED, actor, message=message)
        if self.owner is None:
            self._own(actor, actor=actor)
        self._move(status, actor=actor)

    def note(self, at: datetime, *, actor: int, body: str) -> None:
        self._reach(at)
        note = self._message(Message.Kind.NOTE, actor, body, via=Source.STAFF)
        self._event(TicketEvent.Kind.NOTED, actor, message=note)

    def customer_reply(self, at: datetime, *, body: str) -> None:
        self._reach(at)
        actor = self.asker.user_id
        message = self._message(Message.Kind.CUSTOMER, actor, body, via=Source.FORM)
        self._event(TicketEvent.Kind.CUSTOMER_WROTE, actor, message=message)
        if self.status != Status.NEW:
            self._move(Status.OPEN, actor=actor)
        for clock in self._open_clocks():
            self._record(clock, pure.resume(clock.state, at=at, calendar=clock.hours), actor=actor)
        if self.waiting is None and (terms := self.policy.target(Metric.NEXT_RESPONSE)):
            self._start(terms, cycle=sum(clock.metric == Metric.NEXT_RESPONSE for clock in self.clocks) + 1)

    def assign(self, at: datetime, *, owner: int, actor: int) -> None:
        self._reach(at)
        self._own(owner, actor=actor)

    def set_status(self, at: datetime, *, status: Status, actor: int) -> None:
        self._reach(at)
        for clock in self._open_clocks():
            if clock.metric == Metric.NEXT_RESPONSE:
                if status == Status.WAITING:
                    pause = pure.pause(clock.state, at=at, questioned=self.spoke_last == Message.Kind.CUSTOMER)
                    self._record(clock, pause, actor=actor)
                else:
                    self._record(clock, pure.resume(clock.state, at=at, calendar=clock.hours), actor=actor)
        if status in Status.done():
            self._end_clocks(actor, "solved without a further reply")
        self._move(status, actor=actor)

    def judge_claim(self, at: datetime, *, actor: int, confirmed: bool, reason: str) -> None:
        self._reach(at)
        self.claim = Claim.CONFIRMED if confirmed else Claim.DECLINED
        self.claim_reason, self.judged_by, self.judged_at = reason, actor, at
        if not confirmed:
            self.severity = Severity.STANDARD
            self._decline(actor)
        kind = TicketEvent.Kind.CONFIRMED if confirmed else TicketEvent.Kind.DECLINED
        self._event(kind, actor, reason=reason)

    def close_by_customer(self, at: datetime) -> None:
        self._reach(at)
        self._end_clocks(self.asker.user_id, "closed by the customer")
        self._move(Status.CLOSED, actor=self.asker.user_id)

    def pick_up(self, at: datetime, *, actor: int) -> None:
        """A specialist joins the chat, or the call is connected: answers that clock."""
        self._reach(at)
        if self.channel == Channel.PHONE:
            self._event(TicketEvent.Kind.CALLED, actor, connected=True, note="")
        else:
            self._event(TicketEvent.Kind.JOINED, actor)
        for clock in self._open_clocks():
            self._record(clock, pure.fulfil(clock.state, at=at, by=actor, owner=self.owner), actor=actor)
        if self.owner is None:
            self._own(actor, actor=actor)
        self._move(Status.OPEN, actor=actor)

    # --- Verbs of other packages ---------------------------------------------------------------
    def acknowledge(self, at: datetime, *, actor: int) -> None:
        """Acknowledge the newest escalation, where there is one."""
        self._pass_time(at)
        newest = next((row for row in reversed(self.fired) if row.state == Escalation.State.FIRED), None)
        if newest is None:
            return
        clock = newest.clock
        for row in self.fired:
            same = row.clock is clock and (row.version, row.percent) == (newest.version, newest.percent)
            if same and row.acknowledged_at is None:
                row.acknowledged_at, row.acknowledged_by = at, actor
        if clock.state.version == newest.version and clock.policy.steps[-1].percent == newest.percent:
            clock.acknowledged_version = clock.state.version
            if clock.next_check_at is not None:
                clock.next_check_at = self._next_check(clock, since=clock.next_check_at)

    def explain_breach(self, *, cause: str, note: str) -> None:
        """Give the breach of the first clock its cause, where it has none yet."""
        clock = self.clocks[0]
        if clock.state.breached_at and not clock.cause:
            clock.cause, clock.cause_note = cause, note

    def finish(self, swept_until: datetime) -> None:
        """Let sweeps pass until then, and hand in the ticket with its clocks and escalations."""
        self._pass_time(swept_until)
        running = [clock.state.due_at for clock in self.clocks if clock.state.state == State.RUNNING]
        self.rows.add(
            Ticket, self.id, self.topic.subject, self.status, self.severity, self.claim, self.claim_reason,
            self.judged_by, self.judged_at, self.claim_facts, self.customer.account_id, self.asker.user_id,
            self.topic.hub, self.channel, self.source, [], self.team, self.owner, self.asker.role,
            self.customer.entitlements[self.topic.hub].as_json(), self.topic.language, self.version_id,
            self.customer.calendar_version_id, min(running, default=None), f"{self.rng.getrandbits(144):036x}"[:32],
            self.opened_at, self.now, self.closed_at,
        )  # fmt: skip
        for clock in self.clocks:
            self.rows.add(Clock, *clock.row(self.id))
        self.hand_in_exceptions()
        for row in self.fired:
            self.rows.add(
                Escalation, row.clock.id, self.id, row.version, row.percent, row.reminder, row.state, row.due_at,
                row.detected_at, row.detected_at if row.state == Escalation.State.FIRED else None,
                row.acknowledged_at, row.acknowledged_by,
            )  # fmt: skip

    # --- The sweep -----------------------------------------------------------------------------
    def _reach(self, at: datetime) -> None:
        """Everything until `at`: what sweeps found, then deadlines that the verb itself writes down."""
        self._pass_time(at)
        self.now = at
        for clock in self._open_clocks():
            self._record(clock, pure.settle(clock.state, now=at, owner=self.owner), actor=None)

    def _pass_time(self, until: datetime) -> None:
        while True:
            checks = [clock.next_check_at for clock in self.clocks if clock.next_check_at is not None]
            if not checks:
                return
            detected = min(checks) + timedelta(milliseconds=self.rng.randrange(80, 1080))
            if detected >= until:
                return
            self.sweep(detected)

    def sweep(self, now: datetime) -> None:
        """One pass of the sweep over this ticket's clocks."""
        due = [clock for clock in self.clocks if clock.next_check_at is not None and clock.next_check_at < now]
        for clock in sorted(due, key=lambda clock: clock.next_check_at):
            steps = rungs(
                clock.state,
                terms=clock.policy,
                calendar=clock.hours,
                since=clock.next_check_at,
                reminders=clock.repeats,
            )
            found = list(takewhile(lambda rung: rung.at < now, steps))
            version = clock.state.version
            self._append(clock, pure.settle(clock.state, now=now, owner=self.owner), now=now, actor=None)
            clock.next_check_at = self._next_check(clock, since=now)
            for rung in found:
                state = Escalation.State.FIRED if rung is found[-1] else Escalation.State.SUPERSEDED
                self.fired.append(Fired(clock, version, rung.step.percent, rung.reminder, state, rung.at, now))

    # --- Verbs of sla.services -----------------------------------------------------------------
    def _start(self, terms: TargetTerms, *, cycle: int = 1) -> None:
        business = terms.hours == Hours.BUSINESS
        hours = self.customer.hours if business else ALWAYS_OPEN
        rules = {
            "policy_version": self.version_id,
            "calendar_version": self.customer.calendar_version_id if business else None,
        }
        event = pure.start(at=self.now, target=terms.target, calendar=hours, under=rules)
        clock = Ticking(
            id=self.rows.take_id(Clock),
            terms=terms,
            cycle=cycle,
            version_id=self.version_id,
            policy=self.policy,
            calendar_version_id=self.customer.calendar_version_id if business else None,
            hours=hours,
            state=fold([event]),
        )
        self._write(clock, event, now=self.now, actor=self.asker.user_id)
        clock.next_check_at = self._next_check(clock, since=self.now)
        self.clocks.append(clock)

    def _record(self, clock: Ticking, events: list[pure.Event], *, actor: int | None) -> None:
        if not events:
            return
        before = clock.state.version
        self._append(clock, events, now=self.now, actor=actor)
        owed = clock.next_check_at is not None and clock.state.version == before
        since = min(self.now, clock.next_check_at) if owed else self.now
        clock.next_check_at = self._next_check(clock, since=since)

    def _append(self, clock: Ticking, events: list[pure.Event], *, now: datetime, actor: int | None) -> None:
        for event in events:
            clock.state = apply(clock.state, event)
            self._write(clock, event, now=now, actor=actor)

    def _write(self, clock: Ticking, event: pure.Event, *, now: datetime, actor: int | None) -> None:
        clock.events += 1
        self.rows.add(ClockEvent, clock.id, clock.events, event.kind, event.at, now, actor, dict(event.data))

    def _next_check(self, clock: Ticking, *, since: datetime) -> datetime | None:
        return next_check(clock.state, terms=clock.policy, calendar=clock.hours, since=since, reminders=clock.repeats)

    def _decline(self, actor: int) -> None:
        self.version_id, self.policy = first_match(self.world.versions, self._facts())
        for clock in self._open_clocks():
            if clock.metric != Metric.FIRST_RESPONSE:
                continue
            if clock.state.breached_at is not None:
                clock.cause = BreachCause.DECLINED_LATE
                continue
            clock.version_id, clock.policy = self.version_id, self.policy
            clock.terms = clock.policy.target(Metric.FIRST_RESPONSE)
            events = pure.retarget(
                clock.state,
                at=self.now,
                target=clock.terms.target,
                calendar=clock.hours,
                reason="claim declined",
                owner=self.owner,
                under={"policy_version": clock.version_id, "calendar_version": clock.calendar_version_id},
            )
            self._record(clock, events, actor=actor)

    def _end_clocks(self, actor: int, reason: str) -> None:
        for clock in self._open_clocks():
            self._record(clock, pure.close(clock.state, at=self.now, reason=reason, owner=self.owner), actor=actor)

    # --- Parts ---------------------------------------------------------------------------------
    def _open_clocks(self) -> list[Ticking]:
        return [clock for clock in self.clocks if clock.state.is_open]

    def _facts(self) -> Facts:
        return Facts(
            hub=self.topic.hub,
            channel=self.channel,
            role=self.asker.role,
            severity=self.severity,
            account=self.customer.account_id,
            plan=self.customer.entitlements[self.topic.hub].tier,
        )

    def _claim_facts(self) -> dict[str, str]:
        return {
            "affected": self.rng.choice([Affected.EVERYONE, Affected.EVERYONE, Affected.TEAMS]),
            "since": (self.opened_at - timedelta(minutes=self.rng.randrange(5, 90))).isoformat(),
            "process": self.topic.process,
            "workaround": self.rng.choice([Workaround.NONE, Workaround.NONE, Workaround.PARTIAL]),
        }

    def _message(self, kind: Message.Kind, author: int, body: str, *, via: Source) -> int:
        pk = self.rows.take_id(Message)
        message_id = "" if kind == Message.Kind.NOTE else f"<{self.rng.getrandbits(120):030x}@{settings.REPLY_DOMAIN}>"
        self.rows.add(Message, pk, self.id, kind, author, body, via, message_id, self.now)
        if kind != Message.Kind.NOTE:
            self.spoke_last = kind
        return pk

    def _event(self, kind: TicketEvent.Kind, actor: int | None, **data: Any) -> None:
        self.rows.add(TicketEvent, self.id, kind, self.now, actor, data)

    def _own(self, owner: int, *, actor: int) -> None:
        name = self.world.names[owner]
        self._event(TicketEvent.Kind.ASSIGNED, actor, before=self.owner, after=owner, owner=name, team="")
        self.owner = owner

    def _move(self, status: Status, *, actor: int) -> None:
        if status == self.status:
            return
        reopened = self.status in Status.done() and status in Status.active()
        kind = TicketEvent.Kind.REOPENED if reopened else TicketEvent.Kind.STATUS
        self._event(kind, actor, before=self.status, after=status)
        self.status = status
        self.closed_at = self.now if status in Status.done() else None
