"""The acts on tickets as SPEC 2.3 says them, on the model. Each refuses (`No`) where the product must."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from helpdesk.management.simulation.model import DONE, FIRST, OWED, RESPONSES, Clock, Ticket, unbreached
from helpdesk.management.simulation.parts import No, Parts, copied
from helpdesk.management.simulation.rules import Promise, Rulebook

__all__ = ["Model", "No"]


class Model(Parts):
    """All tickets that somebody may still work on."""

    def __init__(self, rules: Rulebook) -> None:
        super().__init__(rules)
        self.tickets: dict[int, Ticket] = {}

    # --- The customer ---------------------------------------------------------------------------

    def open(self, ticket: Ticket, *, message: int, actor: int, now: datetime) -> None:
        self.tickets[ticket.pk] = ticket
        ticket.policy = self.rules.choose(ticket.facts)
        ticket.said.append((now, message, "customer"))
        for metric in (FIRST[ticket.channel], "resolution"):
            self._start(ticket, metric, now=now, actor=ticket.requester)
        kinds = [("opened", actor), *([("claimed", ticket.requester)] if ticket.claim else []), ("acknowledged", None)]
        for kind, who in kinds:
            self._happened(ticket, kind, now, who)
        ticket.updated_at = now
        self.journal.touched.add(ticket.pk)
        self.journal.mails[f"acknowledgement/{ticket.pk}"] = ticket.requester

    def customer_reply(self, ticket: Ticket, *, message: int, actor: int, now: datetime) -> None:
        self._unless(ticket.status in ("spam", "merged"))
        clocks = self._take(ticket, now)
        ticket.said.append((now, message, "customer"))
        self._happened(ticket, "customer_wrote", now, actor)
        self._go_on(ticket, now, actor)
        if ticket.status != "new":
            self._move(ticket, "open", now, actor)
        self._follow(clocks, "open", now, actor)
        if not ticket.open_clocks(*RESPONSES):
            self._start(ticket, "next_response", now=now, actor=actor)

    def close_by_customer(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._unless(not ticket.is_active and ticket.status != "solved")
        clocks = self._take(ticket, now)
        if ticket.calls or any(kind == "reply" for _at, _pk, kind in ticket.said):
            self._resolve(ticket, clocks, now, actor)
        self._end(ticket, clocks, now, actor)
        self._move(ticket, "closed", now, actor)

    def ask_critical(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._may_be_raised(ticket)
        self._unless(ticket.role != "designated" or ticket.channel != "email" or ticket.claim == "declined")
        ticket.claim = "claimed"
        self._raise(ticket, now, actor)

    # --- Staff ----------------------------------------------------------------------------------

    def reply(self, ticket: Ticket, *, message: int, actor: int, status: str, now: datetime) -> None:
        self._unless(ticket.status in ("spam", "merged"))
        self._unless(status in DONE and self._awaits_call(ticket, now))
        clocks = self._take(ticket, now)
        ticket.said.append((now, message, "reply"))
        for clock in clocks:
            if clock.metric in (*RESPONSES, "chat_pickup"):
                self.answer(clock, now=now, by=actor, owner=ticket.owner)
        if status in DONE:
            self._resolve(ticket, clocks, now, actor)
            self._end(ticket, clocks, now, actor)
        else:
            self._follow([*clocks, *self._go_on(ticket, now, actor)], status, now, actor)
        self._happened(ticket, "replied", now, actor)
        if ticket.owner is None:
            self._own(ticket, actor, now, actor)
        self._move(ticket, status, now, actor)
        self.journal.mails[f"reply/{message}"] = ticket.requester

    def note(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._take(ticket, now)
        self._happened(ticket, "noted", now, actor)

    def call(self, ticket: Ticket, *, connected: bool, actor: int, now: datetime) -> None:
        self._unless(ticket.status in ("spam", "merged"))
        clocks = self._take(ticket, now)
        self._happened(ticket, "called", now, actor)
        if connected:
            ticket.calls.append(now)
            for clock in clocks:
                if clock.metric in (*RESPONSES, "callback"):
                    self.answer(clock, now=now, by=actor, owner=ticket.owner)
            self._take_up(ticket, now, actor)

    def join(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._unless(ticket.status in ("spam", "merged"))
        clocks = self._take(ticket, now)
        self._happened(ticket, "joined", now, actor)
        for clock in clocks:
            if clock.metric == "chat_pickup":
                self.answer(clock, now=now, by=actor, owner=ticket.owner)
        self._take_up(ticket, now, actor)

    def judge(self, ticket: Ticket, *, confirmed: bool, actor: int, now: datetime) -> None:
        self._unless(ticket.claim != "claimed" or ticket.status == "merged")
        clocks = self._take(ticket, now)
        ticket.claim = "confirmed" if confirmed else "declined"
        if not confirmed:
            ticket.severity = "standard"
            for clock in ticket.clocks:
                if clock.metric == "first_response" and clock.ledger.breached_at and not clock.cause:
                    clock.cause = "declined_late"
            self._rechoose(ticket, unbreached(clocks), now, actor)
        self._happened(ticket, ticket.claim, now, actor)
        self.journal.mails[f"judgement/{ticket.pk}/{now.isoformat()}"] = ticket.requester

    def raise_(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._may_be_raised(ticket)
        ticket.claim = "confirmed"
        self._raise(ticket, now, actor)

    def assign(self, ticket: Ticket, *, owner: int | None, team: int | None, actor: int, now: datetime) -> None:
        self._take(ticket, now)
        self._own(ticket, owner, now, actor)
        ticket.team = team or ticket.team

    def prioritise(self, ticket: Ticket, *, priority: int, actor: int, now: datetime) -> None:
        self._take(ticket, now)
        if ticket.priority != priority:
            ticket.priority = priority
            self._happened(ticket, "priority", now, actor)

    def set_status(self, ticket: Ticket, *, status: str, actor: int, now: datetime, moved: int | None) -> None:
        self._unless(status in ("spam", "merged", "new") or ticket.status in ("spam", "merged"))
        owed = any(clock.ledger.is_open and clock.metric in OWED for clock in ticket.clocks)
        self._unless(status in DONE and owed)
        clocks = self._take(ticket, now)
        paused = [clock.ledger.paused_at for clock in clocks]
        if status in DONE:
            self._resolve(ticket, clocks, now, actor)
            self._end(ticket, clocks, now, actor)
        else:
            clocks += self._go_on(ticket, now, actor)
            questioned = status == "waiting" and ticket.is_questioned
            self._follow(clocks, status, now, actor, questioned=questioned)
            if ticket.status == status and paused != [clock.ledger.paused_at for clock in clocks]:
                self._happened(ticket, "status", now, actor)
        if status in DONE and ticket.status != status:
            self.journal.mails[f"solved/{ticket.pk}/{moved}"] = ticket.requester
        self._move(ticket, status, now, actor)

    def spam(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._unless(ticket.status in ("spam", "merged"))
        clocks = self._take(ticket, now)
        ticket.spam_of, ticket.spam_clocks = ticket.status, [copied(clock) for clock in clocks]
        for clock in clocks:
            self.cancel(clock, now=now, actor=actor)
        self._happened(ticket, "spam", now, actor)
        self._move(ticket, "spam", now, actor)

    def not_spam(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._unless(ticket.status != "spam")
        self._take(ticket, now)
        for clock in ticket.spam_clocks:
            self._take_over(clock, ticket, now)
        self._happened(ticket, "not_spam", now, actor)
        self._move(ticket, ticket.spam_of, now, actor)

    def merge(self, ticket: Ticket, into: Ticket, *, actor: int, now: datetime) -> None:
        self._unless(ticket is into or ticket.account != into.account)
        self._unless(any(row.status in ("spam", "merged") for row in (ticket, into)))
        clocks, kept = self._take(ticket, now), self._take(into, now)
        asks, handed, was_active = ticket.is_active and ticket.is_questioned, [], ticket.is_active
        for clock in clocks:
            if self._prevails(clock, [*kept, *handed], now, actor):
                handed.append(self._take_over(clock, into, now))
            self.cancel(clock, now=now, actor=actor)
        into.said, ticket.said = into.said + ticket.said, []
        ticket.merged_into = into.pk
        self._happened(ticket, "merged", now, actor)
        self._happened(into, "absorbed", now, actor)
        self._move(ticket, "merged", now, actor)
        into.cc += sorted({ticket.email, *ticket.cc} - {into.email, *into.cc})
        if (asks or any(clock.metric != "resolution" for clock in handed)) and into.status != "new":
            handed += self._go_on(into, now, actor)
            self._move(into, "open", now, actor)
        is_judged = ticket.claim == "claimed" and into.claim == "declined"
        if was_active and into.is_active and ticket.severity == "critical" != into.severity and not is_judged:
            into.severity, into.claim = "critical", ticket.claim
            into.policy = self.rules.choose(into.facts, as_of=into.created_at) or into.policy
            by = ticket.requester if into.claim == "claimed" else actor
            self._happened(into, "claimed" if into.claim == "claimed" else "raised", now, by)
        self._follow([*kept, *handed], into.status, now, actor)

    # --- Exceptions -----------------------------------------------------------------------------

    def may_except(self, ticket: Ticket, clock: Clock, effect: str, wish: Mapping[str, Any], *, now: datetime) -> None:
        self._unless(clock.ledger.state in ("cancelled", "exempt"))
        since = wish.get("since")
        self._unless(since is not None and not clock.ledger.started_at <= since <= now)
        self._unless(effect != "void" and not self.is_later(clock, now=now, **wish))

    def ask_exception(
        self, ticket: Ticket, clock: Clock, effect: str, wish: Mapping, *, actor: int, now: datetime
    ) -> None:
        self.may_except(ticket, clock, effect, wish, now=now)
        ended, since = clock.ledger.ended_at, wish.get("since")
        self._unless(ended is not None and since is not None and since > ended)
        self._take(ticket, now)
        self._happened(ticket, "exception_asked", now, actor)

    def withdraw(self, ticket: Ticket, *, actor: int, now: datetime) -> None:
        self._take(ticket, now)
        self._happened(ticket, "exception_withdrawn", now, actor)

    def decide(
        self,
        ticket: Ticket,
        clock: Clock,
        effect: str,
        wish: Mapping[str, Any],
        *,
        approve: bool,
        asked_by: int,
        actor: int,
        now: datetime,
    ) -> None:
        self._unless(approve and clock.kind == "guaranteed" and asked_by == actor)
        if approve:
            self.may_except(ticket, clock, effect, wish, now=now)
        self._take(ticket, now)
        if approve and effect == "void":
            self.void(clock, now=now, actor=actor)
        elif approve:
            self.except_(clock, effect, now=now, actor=actor, **wish)
        self._happened(ticket, "exception_granted" if approve else "exception_refused", now, actor)

    # --- Rules that change ----------------------------------------------------------------------

    def roll_out(self, ticket: Ticket, *, policy: int | None, calendar: int | None, actor: int, now: datetime) -> None:
        """New rules for one open ticket (`policy` or `calendar`, not versions of them)."""
        clocks = self._settle(ticket, now)
        changed = False
        for clock in [clock for clock in unbreached(clocks) if self.is_of(clock, policy, calendar)]:
            target = self._recounted(clock, calendar) if calendar else self._promised_now(clock, ticket)
            if target == "stays":
                continue
            changed = True
            if target is None:
                self.cancel(clock, now=now, actor=actor)
            else:
                self.retarget(clock, target, now=now, actor=actor, owner=ticket.owner)
                if policy:
                    ticket.policy = target.policy
                else:
                    ticket.calendar = target.calendar
        if changed:
            self._happened(ticket, "rules", now, actor)
            self._touch(ticket, now)

    def is_of(self, clock: Clock, policy: int | None, calendar: int | None) -> bool:
        if not clock.ledger.is_open:
            return False
        if policy:
            return any(clock.policy == row[0] for row in self.rules.policies[policy].versions)
        return clock.calendar in self.rules.calendars[calendar]

    def _recounted(self, clock: Clock, calendar: int) -> Promise | str:
        newest = self.rules.calendars[calendar][-1]
        if newest == clock.calendar:
            return "stays"
        return Promise(clock.policy, clock.kind, clock.ledger.promised_length, newest)

    def _promised_now(self, clock: Clock, ticket: Ticket) -> Promise | str | None:
        version = self.rules.choose(ticket.facts)
        promise = self.rules.promise(version, clock.metric, calendar=clock.calendar or ticket.calendar)
        if clock.kind == "guaranteed" and (promise is None or promise.kind != "guaranteed"):
            return "stays"
        if promise is None:
            return None
        same = (promise.policy, promise.calendar) == (clock.policy, clock.calendar)
        return "stays" if same and promise.length == clock.ledger.promised_length else promise
