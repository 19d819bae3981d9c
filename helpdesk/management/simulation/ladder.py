"""Which steps fire at a sweep, which are passed over, and who hears of them (SPEC 2.5), on the model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

from helpdesk.management.simulation.model import NEVER, Clock, Key, Rung, Ticket
from helpdesk.management.simulation.verbs import Model

MINUTE = timedelta(minutes=1)
MOST_URGENT = 2
# Who is next in line where nobody holds a post, or everybody in it is away.
NEXT = {
    "owner": "team",
    "team": "team_lead",
    "on_call": "team_lead",
    "team_lead": "manager",
    "manager": "administrator",
    "administrator": None,
}


@dataclass(slots=True)
class Staff:
    """Who works where, who is away, who has duty, who wants no mail at night."""

    roles: dict[int, str] = field(default_factory=dict)  # of those who are active
    teams: dict[int, list[int]] = field(default_factory=dict)
    leads: dict[int, list[int]] = field(default_factory=dict)
    absences: list[tuple[int, datetime, datetime]] = field(default_factory=list)
    shifts: list[tuple[int, int | None, datetime, datetime]] = field(default_factory=list)  # person, team
    quiet: dict[int, tuple[time, time, ZoneInfo]] = field(default_factory=dict)

    def told(self, ticket: Ticket, recipients: Iterable[str], now: datetime) -> tuple[set[int], dict[int, datetime]]:
        """Those to tell, and those who were passed over since they are away, until when."""
        away = {pk: until for pk, since, until in sorted(self.absences, key=itemgetter(2)) if since <= now < until}
        told: set[int] = set()
        passed: dict[int, datetime] = {}
        for post in recipients:
            found: list[int] = []
            fallback: list[int] = []
            while post and not found:
                holders = self._holders(ticket, post, now)
                fallback = fallback or holders
                found = [pk for pk in holders if pk not in away]
                passed |= {pk: away[pk] for pk in holders if pk in away}
                post = NEXT[post]
            told.update(found or fallback)
        return told, {pk: until for pk, until in passed.items() if pk not in told}

    def held_until(self, person: int, now: datetime) -> datetime | None:
        """The end of the quiet hours that a person has now."""
        if person not in self.quiet:
            return None
        begins, ends, zone = self.quiet[person]
        at = now
        while True:
            wall = at.astimezone(zone).time()
            inside = begins <= wall < ends if begins <= ends else wall >= begins or wall < ends
            if not inside:
                return at if at > now else None
            at = at.replace(second=0, microsecond=0) + MINUTE

    def _holders(self, ticket: Ticket, post: str, now: datetime) -> list[int]:
        if post == "owner":
            people = [ticket.owner]
        elif post == "team":
            people = self.teams.get(ticket.team, [])
        elif post == "team_lead":
            people = self.leads.get(ticket.team, [])
        elif post == "on_call":
            people = [
                pk
                for pk, team, since, until in self.shifts
                if since <= now < until and (team is None or team == ticket.team)
            ]
        else:
            people = [pk for pk, role in self.roles.items() if role == post]
        return [pk for pk in people if pk in self.roles]


@dataclass(slots=True)
class Act:
    """What a step does to a ticket, once it is written: until then it waits."""

    step: tuple[Key, int, int, int]
    ticket: Ticket
    raise_priority: bool
    team: int | None


class Ladder:
    """The sweep, on the model."""

    def __init__(self, model: Model, staff: Staff) -> None:
        self.model = model
        self.staff = staff
        self.acts: list[Act] = []  # that wait to be done

    def running(self) -> Iterator[tuple[Ticket, Clock]]:
        waiting = self.model.waiting
        for key in [key for key, (_ticket, clock) in waiting.items() if not clock.ledger.is_open]:
            del waiting[key]
        return (row for row in waiting.values() if row[1].ledger.state == "running")

    def due(self, now: datetime) -> list[tuple[Ticket, Clock]]:
        """What a sweep at `now` has to look at."""
        return [(ticket, clock) for ticket, clock in self.running() if self.model.next_check(clock) < now]

    def next_check(self) -> datetime:
        return min((self.model.next_check(clock) for _ticket, clock in self.running()), default=NEVER)

    def sweep(self, now: datetime, *, only: set[Key] | None = None) -> int:
        """One sweep at `now`, or what a sweeper that was killed had written of it: the clocks in `only`."""
        count = 0
        for ticket, clock in self.due(now):
            if only is None or clock.key in only:
                count += 1
                self._sweep(ticket, clock, now)
        return count

    def _sweep(self, ticket: Ticket, clock: Clock, now: datetime) -> None:
        model, ledger = self.model, clock.ledger
        due = list(model.rungs(clock, until=now))
        model.settle(clock, now=now, owner=ticket.owner)
        for rung in due:
            state = "fired" if rung is due[-1] else "superseded"
            step = (ledger.version, rung.percent, rung.reminder)
            told, skipped = self._told(ticket, clock, rung, step, now) if state == "fired" else (set(), {})
            acts = {}
            if rung.acts:
                acts = {"raise_priority": rung.raises, "assign_team": rung.team}
                self.acts.append(Act((clock.key, *step), ticket, rung.raises, rung.team))
            delivered = now if told and "email" not in rung.ways else None
            clock.steps[step] = [state, rung.at, now, None, None]
            people = [{"user": pk, "until": at.isoformat()} for pk, at in sorted(skipped.items())]
            written = (state, rung.at, now, delivered, sorted(told), people, acts)
            model.journal.steps[clock.key, *step] = written
        clock.since, clock.check = now, None
        model.journal.touched.add(ticket.pk)

    def _told(
        self, ticket: Ticket, clock: Clock, rung: Rung, step: tuple[int, int, int], now: datetime
    ) -> tuple[set[int], dict[int, datetime]]:
        """Each person once on the screen and once by mail; one about an aim waits for the end of quiet hours."""
        told, skipped = self.staff.told(ticket, rung.recipients, now)
        key = (clock.key, *step)
        if "in_app" in rung.ways:
            self.model.journal.notices[key] = told
        if "email" in rung.ways:
            quiet = clock.kind == "objective"
            self.model.journal.letters[key] = {pk: self.staff.held_until(pk, now) if quiet else None for pk in told}
        return told, skipped

    def perform(self, steps: Iterable[tuple[Key, int, int, int]], *, now: datetime) -> None:
        """What these steps do to their tickets, in this order."""
        waiting = {act.step: act for act in self.acts}
        for step in steps:
            act = waiting.pop(step)
            self.acts.remove(act)
            self._perform(act, now)

    def _perform(self, act: Act, now: datetime) -> None:
        model, ticket = self.model, act.ticket
        model._settle(ticket, now)
        if not ticket.is_active:
            return
        changed = False
        if act.raise_priority and ticket.priority < MOST_URGENT:
            ticket.priority += 1
            model._happened(ticket, "priority", now, None)
            changed = True
        if act.team in self.staff.teams and act.team != ticket.team:
            model._happened(ticket, "assigned", now, None)
            ticket.team = act.team
            changed = True
        if changed:
            model._touch(ticket, now)

    def ask_deciders(self, ticket: Ticket, clock: Clock, exception: int, *, asker: int, now: datetime) -> None:
        """An exception waits: the managers hear of it, and the leads of the ticket's team; not who asks."""
        roles = self.staff.roles
        leads = [pk for pk in self.staff.leads.get(ticket.team, []) if roles.get(pk) == "team_lead"]
        managers = [pk for pk, role in roles.items() if role == "manager"]
        people = {*leads, *managers} - {asker}
        people = people or {pk for pk, role in roles.items() if role == "administrator"} - {asker}
        self._news(f"exception/{exception}/asked", clock, people, now)

    def tell_asker(self, clock: Clock, exception: int, *, asker: int, decider: int, now: datetime) -> None:
        """What became of an exception: who asked hears of it, and nobody of their own decision."""
        people = {asker} if asker != decider and asker in self.staff.roles else set()
        self._news(f"exception/{exception}/decided", clock, people, now)

    def _news(self, key: str, clock: Clock, people: set[int], now: datetime) -> None:
        quiet = clock.kind == "objective"
        held = {pk: self.staff.held_until(pk, now) if quiet else None for pk in people}
        self.model.journal.news[key] = held

    def acknowledge(self, clock: Clock, step: tuple[int, int, int], *, now: datetime, actor: int) -> None:
        """Somebody has it: no more reminders of the last step under this deadline; a breach stays a breach."""
        version, percent, _reminder = step
        for (other_version, other_percent, _number), row in clock.steps.items():
            if (other_version, other_percent) == (version, percent) and row[3] is None:
                row[3:] = [now, actor]
        steps = self.model.rules.steps(clock.policy)
        if version == clock.ledger.version and percent == steps[-1]["percent"]:
            clock.acknowledged, clock.check = version, None
        self.model.journal.touched.add(clock.key[0])
