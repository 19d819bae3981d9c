"""Who does what when: acts that are planned, in order, each followed by the plan of the next one."""

from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from helpdesk.management.simulation import model as made
from helpdesk.management.simulation.acts import SECOND, Acts
from helpdesk.management.simulation.ladder import Ladder
from helpdesk.management.simulation.verbs import Model
from helpdesk.management.simulation.world import World
from helpdesk.tickets import services
from helpdesk.tickets.models import Source
from helpdesk.tickets.services import NewTicket

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT = 4 * DAY  # so long after its last act a ticket that is over may still be worked on

# What may come next, and how often, by where a ticket stands.
ACTIVE = {
    "solve": 44,
    "reply": 9,
    "reply_and_wait": 10,
    "customer_reply": 7,
    "call": 6,
    "assign": 8,
    "wait": 5,
    "set_solved": 4,
    "set_open": 2,
    "close": 4,
    "raise": 3,
    "ask_critical": 3,
    "merge": 4,
    "spam": 3,
    "ask_exception": 6,
    "acknowledge": 7,
    "prioritise": 2,
    "note": 2,
}
OVER = {
    "customer_reply": 10,
    "ask_exception": 8,
    "close": 3,
    "reply": 2,
    "reopen": 2,
    "solve": 2,
    "merge": 2,
    "note": 1,
}
SPAM = {"not_spam": 10, "customer_reply": 1, "merge": 1, "reply": 1, "note": 1}


class Play(Acts):
    """The acts that are to come."""

    def __init__(self, rng: Random, world: World, model: Model, ladder: Ladder) -> None:
        super().__init__(rng, world, model, ladder)
        self.acts: list[tuple[datetime, int, int]] = []  # when, a number, which ticket (0: a new one)
        self.number = 0
        self.over: dict[int, datetime] = {}  # tickets that nobody plans to work on, since when
        self.planned: set[int] = set()

    def plan(self, pk: int, at: datetime) -> None:
        self.number += 1
        self.planned.add(pk)
        heappush(self.acts, (at, self.number, pk))

    def until(self, now: datetime) -> None:
        """Everything that was planned to happen before `now`."""
        while self.acts and self.acts[0][0] < now:
            at, _number, pk = heappop(self.acts)
            if pk:
                self.act(self.model.tickets[pk], at)
            else:
                self.open(at)

    def act(self, ticket: made.Ticket, now: datetime) -> None:
        if ticket.pk in self.asked and self.rng.random() < 0.6:
            name = "decide"
        elif ticket.status == "merged":
            name = self.rng.choice(["reply", "customer_reply", "note", "call"])
        elif ticket.claim == "claimed" and self.rng.random() < 0.35:
            name = "judge"
        elif ticket.channel == "chat" and ticket.status == "new" and self.rng.random() < 0.6:
            name = "join"
        elif ticket.channel == "phone" and ticket.status == "new" and self.rng.random() < 0.7:
            name = "call"
        else:
            table = ACTIVE if ticket.is_active else SPAM if ticket.status == "spam" else OVER
            name = self.rng.choices(list(table), list(table.values()))[0]
        getattr(self, f"_{name}")(ticket, now)
        self._plan_next(ticket, now)

    def _plan_next(self, ticket: made.Ticket, now: datetime) -> None:
        if ticket.is_active or ticket.pk in self.asked or self.rng.random() < 0.1:
            self.plan(ticket.pk, self._when(ticket, now))
        else:
            self.planned.discard(ticket.pk)
            self.over[ticket.pk] = now

    def _when(self, ticket: made.Ticket, now: datetime) -> datetime:
        """In time, at the very deadline or just beside it, late, or whenever."""
        dues = [clock.ledger.due_at for clock in ticket.clocks if clock.ledger.state == "running"]
        ahead = [due for due in dues if due > now]
        chance, hours = self.rng.random(), self.rng.expovariate(1)
        if not ticket.is_active or not ahead or chance < 0.2:
            return now + timedelta(seconds=1 + 3600 * hours * (6 if ticket.is_active else 20))
        due = min(ahead)
        if chance < 0.65:
            return now + (due - now) * self.rng.random()
        if chance < 0.75:
            beside = self.rng.choice([timedelta(0), timedelta(0), timedelta(microseconds=1), -SECOND, SECOND])
            return max(now, due + beside)
        return due + HOUR * hours * 1.5

    def forget(self, now: datetime) -> list[int]:
        """Tickets that nothing happens to any more."""
        gone = []
        for pk, at in list(self.over.items()):
            ticket = self.model.tickets[pk]
            if pk in self.planned or ticket.unanswered():
                self.worked_on(ticket, now)
                del self.over[pk]
            elif at < now - KEPT:
                gone.append(pk)
                del self.over[pk]
        return gone

    def worked_on(self, ticket: made.Ticket, now: datetime) -> None:
        """A ticket that was over and is owed something again is worked on."""
        if ticket.pk not in self.planned:
            self.plan(ticket.pk, self._when(ticket, now))

    def open(self, now: datetime) -> None:
        rng = self.rng
        customer = rng.choice(self.world.customers)
        weights = [5, 2, *[1] * (len(customer.members) - 2)]
        membership = rng.choices(customer.members, weights)[0]
        entitlement = rng.choice(customer.entitlements)
        channel = rng.choices(["email", "chat", "phone"], [7, 2, 1])[0]
        source = {"email": rng.choices(["form", "mail", "staff"], [8, 1, 1])[0], "chat": "chat", "phone": "callback"}
        critical = membership.is_designated and channel == "email" and rng.random() < 0.35
        new = NewTicket(
            membership=membership,
            entitlement=entitlement,
            subject="Something is wrong",
            body="See above.",
            channel=channel,
            source=Source(source[channel]),
            critical=critical,
        )
        opener = self.world.people[rng.choice(self.world.specialists)] if source[channel] == "staff" else None
        self.customers[membership.user_id] = membership.user
        row = services.open_ticket(new=new, now=now, opened_by=opener)
        calendar = membership.account.calendar_id or self.world.default_calendar
        ticket = made.Ticket(
            pk=row.pk,
            account=membership.account_id,
            requester=membership.user_id,
            email=membership.user.email,
            role=membership.requester_role.value,
            hub=entitlement.hub.pk,
            channel=channel,
            source=source[channel],
            plan=entitlement.tier,
            created_at=now,
            severity="critical" if critical else "standard",
            claim="claimed" if critical else "",
            team=self.world.team_of.get(entitlement.hub.pk),
            policy=None,
            calendar=self.model.rules.calendars[calendar][-1],
        )
        self.model.open(ticket, message=0, actor=opener.pk if opener else membership.user_id, now=now)
        self.done["open"] += 1
        self.plan(ticket.pk, self._when(ticket, now))

    def hand_in_late(self, now: datetime) -> None:
        """An answer given just before a deadline, whose transaction comes behind the sweep that saw it pass."""
        for ticket, clock in list(self.ladder.running()):
            missed = clock.ledger.breached_at
            others = any(row.ledger.breached_at for row in ticket.clocks if row is not clock)
            is_new = missed and now - HOUR < missed < now and ticket.updated_at < missed - SECOND
            answers = clock.metric in ("first_response", "next_response", "chat_pickup")
            if is_new and answers and ticket.is_active and not others:
                self._say(ticket, missed - self.rng.choice([timedelta(0), SECOND]), "open")
                self.done["handed in late"] += 1
                return
