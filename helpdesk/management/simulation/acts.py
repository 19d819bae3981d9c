"""Each act that customers and staff do: on the services and on the model, which must agree."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from helpdesk.accounts.models import User
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.management.simulation import model as made
from helpdesk.management.simulation.ladder import Ladder
from helpdesk.management.simulation.verbs import Model, No
from helpdesk.management.simulation.world import World
from helpdesk.sla.clock import Effect
from helpdesk.sla.longhand import Length
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets import services
from helpdesk.tickets.models import Priority, Status, Ticket
from helpdesk.tickets.services import Refused, Wish

SECOND = timedelta(seconds=1)


class Difference(Exception):
    """The services and the model do not agree on what may be done."""


@dataclass(slots=True)
class Asked:
    """An exception that waits for its decision."""

    exception: ClockException
    clock: made.Clock
    effect: str
    wish: dict[str, Any]
    by: int


class Acts:
    """What may be done to a ticket; each act picks its actor and its values by itself."""

    def __init__(self, rng: Random, world: World, model: Model, ladder: Ladder) -> None:
        self.rng, self.world, self.model, self.ladder = rng, world, model, ladder
        self.asked: dict[int, Asked] = {}
        self.customers: dict[int, User] = {}
        self.done, self.refused = Counter(), Counter()

    def worked_on(self, ticket: made.Ticket, now: datetime) -> None:
        """Somebody will have to work on this ticket, too."""

    def _both(self, name: str, real: Callable[[], Any], model: Callable[[Any], None]) -> Any:
        """Do it in the product and in the model; returns what the product returned, None where both refuse."""
        result, refused = None, False
        try:
            result = real()
        except Refused:
            refused = True
        try:
            model(result)
        except No:
            if not refused:
                raise Difference(f"{name} was done and must be refused") from None
            self.refused[name] += 1
            return None
        if refused:
            raise Difference(f"{name} was refused and must be done")
        self.done[name] += 1
        return result

    # --- Who ------------------------------------------------------------------------------------

    def _specialist(self, ticket: made.Ticket) -> User:
        """The owner, somebody of the team, or anybody."""
        chance = self.rng.random()
        if ticket.owner and chance < 0.7 and ticket.owner in self.world.staff.roles:
            return self.world.people[ticket.owner]
        team = [pk for pk in self.world.staff.teams.get(ticket.team, []) if pk in self.world.staff.roles]
        pool = team if team and chance < 0.9 else [pk for pk in self.world.specialists if pk in self.world.staff.roles]
        return self.world.people[self.rng.choice(pool)]

    def _manager(self) -> User:
        return self.world.people[self.rng.choice(self.world.managers)]

    def _customer(self, ticket: made.Ticket) -> User:
        return self.customers[ticket.requester]

    def _say(self, ticket: made.Ticket, now: datetime, status: str) -> None:
        actor = self._specialist(ticket)
        self._both(
            "reply",
            lambda: services.reply(
                ticket=Ticket(pk=ticket.pk), actor=actor, body="Hello.", now=now, status=Status(status)
            ),
            lambda message: self.model.reply(
                ticket, message=message.pk if message else 0, actor=actor.pk, status=status, now=now
            ),
        )

    def _reply(self, ticket: made.Ticket, now: datetime) -> None:
        self._say(ticket, now, "open")

    def _reply_and_wait(self, ticket: made.Ticket, now: datetime) -> None:
        self._say(ticket, now, "waiting")

    def _solve(self, ticket: made.Ticket, now: datetime) -> None:
        self._say(ticket, now, "solved")

    def _customer_reply(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._customer(ticket)
        self._both(
            "customer_reply",
            lambda: services.customer_reply(ticket=Ticket(pk=ticket.pk), actor=actor, body="And?", now=now),
            lambda message: self.model.customer_reply(
                ticket, message=message.pk if message else 0, actor=actor.pk, now=now
            ),
        )

    def _note(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._specialist(ticket)
        self._both(
            "note",
            lambda: services.add_note(ticket=Ticket(pk=ticket.pk), actor=actor, body="Hm.", now=now),
            lambda _message: self.model.note(ticket, actor=actor.pk, now=now),
        )

    def _call(self, ticket: made.Ticket, now: datetime) -> None:
        actor, connected = self._specialist(ticket), self.rng.random() < 0.75
        self._both(
            "call",
            lambda: services.record_call(
                ticket=Ticket(pk=ticket.pk), actor=actor, connected=connected, note="", now=now
            ),
            lambda _row: self.model.call(ticket, connected=connected, actor=actor.pk, now=now),
        )

    def _join(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._specialist(ticket)
        self._both(
            "join",
            lambda: services.join_chat(ticket=Ticket(pk=ticket.pk), actor=actor, now=now),
            lambda _row: self.model.join(ticket, actor=actor.pk, now=now),
        )

    def _judge(self, ticket: made.Ticket, now: datetime) -> None:
        actor, confirmed = self._specialist(ticket), self.rng.random() < 0.5
        self._both(
            "confirm" if confirmed else "decline",
            lambda: services.judge_claim(
                ticket=Ticket(pk=ticket.pk), actor=actor, confirmed=confirmed, reason="So it is.", now=now
            ),
            lambda _row: self.model.judge(ticket, confirmed=confirmed, actor=actor.pk, now=now),
        )

    def _raise(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._specialist(ticket)
        self._both(
            "raise",
            lambda: services.raise_to_critical(ticket=Ticket(pk=ticket.pk), actor=actor, reason="All down.", now=now),
            lambda _row: self.model.raise_(ticket, actor=actor.pk, now=now),
        )

    def _ask_critical(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._customer(ticket)
        self._both(
            "ask_critical",
            lambda: services.ask_critical(ticket=Ticket(pk=ticket.pk), actor=actor, facts={}, now=now),
            lambda _row: self.model.ask_critical(ticket, actor=actor.pk, now=now),
        )

    def _assign(self, ticket: made.Ticket, now: datetime) -> None:
        rng, people = self.rng, self.world.staff.roles
        actor = self._specialist(ticket)
        owner = rng.choice([*[pk for pk in self.world.specialists if pk in people], None])
        team = rng.choice([None, None, *self.world.teams])
        self._both(
            "assign",
            lambda: services.assign(
                ticket=Ticket(pk=ticket.pk),
                owner=self.world.people.get(owner),
                team=self.world.teams.get(team),
                actor=actor,
                now=now,
            ),
            lambda _row: self.model.assign(ticket, owner=owner, team=team, actor=actor.pk, now=now),
        )

    def _prioritise(self, ticket: made.Ticket, now: datetime) -> None:
        actor, priority = self._specialist(ticket), self.rng.randrange(3)
        self._both(
            "prioritise",
            lambda: services.set_priority(
                ticket=Ticket(pk=ticket.pk), priority=Priority(priority), actor=actor, now=now
            ),
            lambda _row: self.model.prioritise(ticket, priority=priority, actor=actor.pk, now=now),
        )

    def _status(self, ticket: made.Ticket, now: datetime, status: str) -> None:
        actor = self._specialist(ticket)
        self._both(
            f"set_{status}",
            lambda: services.set_status(ticket=Ticket(pk=ticket.pk), status=Status(status), actor=actor, now=now),
            lambda row: self.model.set_status(
                ticket, status=status, actor=actor.pk, now=now, moved=row and row.events.latest("id").pk
            ),
        )

    def _wait(self, ticket: made.Ticket, now: datetime) -> None:
        self._status(ticket, now, "waiting")

    def _set_solved(self, ticket: made.Ticket, now: datetime) -> None:
        self._status(ticket, now, "solved")

    def _set_open(self, ticket: made.Ticket, now: datetime) -> None:
        self._status(ticket, now, "open")

    def _reopen(self, ticket: made.Ticket, now: datetime) -> None:
        self._status(ticket, now, self.rng.choice(["open", "waiting", "closed"]))

    def _close(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._customer(ticket)
        self._both(
            "close",
            lambda: services.close_by_customer(ticket=Ticket(pk=ticket.pk), actor=actor, now=now),
            lambda _row: self.model.close_by_customer(ticket, actor=actor.pk, now=now),
        )

    def _spam(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._specialist(ticket)
        self._both(
            "spam",
            lambda: services.mark_spam(ticket=Ticket(pk=ticket.pk), actor=actor, reason="Spam.", now=now),
            lambda _row: self.model.spam(ticket, actor=actor.pk, now=now),
        )

    def _not_spam(self, ticket: made.Ticket, now: datetime) -> None:
        actor = self._specialist(ticket)
        self._both(
            "not_spam",
            lambda: services.not_spam(ticket=Ticket(pk=ticket.pk), actor=actor, now=now),
            lambda _row: self.model.not_spam(ticket, actor=actor.pk, now=now),
        )

    def _merge(self, ticket: made.Ticket, now: datetime) -> None:
        """Into another ticket of the account; once in a while into one of another account, which is refused."""
        others = [row for row in self.model.tickets.values() if row.pk != ticket.pk]
        same = [row for row in others if row.account == ticket.account]
        pool = same if same and self.rng.random() < 0.95 else others
        if not pool:
            return
        into, actor = self.rng.choice(pool), self._specialist(ticket)
        self._both(
            "merge",
            lambda: services.merge(
                ticket=Ticket(pk=ticket.pk), into=Ticket(pk=into.pk), actor=actor, reason="The same.", now=now
            ),
            lambda _row: self.model.merge(ticket, into, actor=actor.pk, now=now),
        )
        self.worked_on(into, now)

    def _ask_exception(self, ticket: made.Ticket, now: datetime) -> None:
        if not ticket.clocks or ticket.pk in self.asked:
            return
        rng = self.rng
        clock, code, actor = rng.choice(ticket.clocks), rng.choice(self.world.codes), self._specialist(ticket)
        effect = rng.choice(code.effects)
        wish = self._wish(clock, effect, now)
        length = wish.get("length", Length(None, None))
        out = wish.get("out", (None, None))
        row = Clock.objects.select_related("ticket").get(ticket=ticket.pk, metric=clock.metric, cycle=clock.key[2])
        exception = self._both(
            f"ask_{effect}",
            lambda: services.request_exception(
                clock=row,
                code=code,
                wish=Wish(
                    effect=Effect(effect),
                    out_from=out[0],
                    out_until=out[1],
                    since=wish.get("since"),
                    target_seconds=length.seconds,
                    target_business_days=length.business_days,
                ),
                evidence="The log.",
                actor=actor,
                now=now,
            ),
            lambda _row: self.model.ask_exception(ticket, clock, effect, wish, actor=actor.pk, now=now),
        )
        if exception:
            self.asked[ticket.pk] = Asked(exception, clock, effect, wish, actor.pk)
            self.ladder.ask_deciders(ticket, clock, exception.pk, asker=actor.pk, now=now)

    def _wish(self, clock: made.Clock, effect: str, now: datetime) -> dict[str, Any]:
        rng, started = self.rng, clock.ledger.started_at
        if effect == "pause":
            begin = started + (now - started) * rng.uniform(-0.1, 1.1)
            return {"out": (begin, begin + SECOND * rng.randrange(60, 3 * 86400))}
        if effect == "restart":
            return {"since": started + (now - started) * rng.uniform(-0.02, 1)}
        if effect == "retarget":
            seconds = rng.choice([1800, 3600, 7200, 86400])
            return {"length": Length(seconds, None) if rng.random() < 0.8 else Length(None, rng.choice([1, 3]))}
        return {}

    def _decide(self, ticket: made.Ticket, now: datetime) -> None:
        asked = self.asked.pop(ticket.pk)
        approve = self.rng.random() < 0.75
        own = self.rng.random() < 0.1
        actor = self.world.people[asked.by] if own and asked.by in self.world.managers else self._manager()
        done = self._both(
            "approve" if approve else "refuse",
            lambda: services.decide_exception(
                exception=asked.exception, approve=approve, note="Seen.", actor=actor, now=now
            ),
            lambda _row: self.model.decide(
                ticket,
                asked.clock,
                asked.effect,
                asked.wish,
                approve=approve,
                asked_by=asked.by,
                actor=actor.pk,
                now=now,
            ),
        )
        if done is None:  # it cannot take effect any more
            self.asked[ticket.pk] = asked
            self._withdraw(ticket, now)
            return
        self.ladder.tell_asker(asked.clock, asked.exception.pk, asker=asked.by, decider=actor.pk, now=now)

    def _withdraw(self, ticket: made.Ticket, now: datetime) -> None:
        asked = self.asked.pop(ticket.pk)
        actor = self.world.people[asked.by]

        self._both(
            "withdraw",
            lambda: services.withdraw_exception(exception=asked.exception, actor=actor, now=now),
            lambda _row: self.model.withdraw(ticket, actor=actor.pk, now=now),
        )

    def _acknowledge(self, ticket: made.Ticket, now: datetime) -> None:
        fired = [(clock, step) for clock in ticket.clocks for step, row in clock.steps.items() if row[0] == "fired"]
        if not fired:
            return
        clock, step = fired[-1] if self.rng.random() < 0.7 else self.rng.choice(fired)
        actor = self._specialist(ticket)
        row = Escalation.objects.get(
            ticket=ticket.pk,
            clock__metric=clock.metric,
            clock__cycle=clock.key[2],
            deadline_version=step[0],
            percent=step[1],
            reminder=step[2],
        )
        acknowledge(escalation=row, actor=actor, now=now)
        self.ladder.acknowledge(clock, step, now=now, actor=actor.pk)
        self.done["acknowledge"] += 1
