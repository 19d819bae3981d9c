"""Which steps fire at a sweep, which are passed over, and who hears of them (SPEC 2.5), on the model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.management.simulation.model import NEVER, Clock, Key, Ticket
from helpdesk.management.simulation.verbs import Model


@dataclass(slots=True)
class Staff:
    """Who works where. Members of a team are in the order in which they joined it."""

    roles: dict[int, str] = field(default_factory=dict)  # of those who are active
    teams: dict[int, list[int]] = field(default_factory=dict)
    leads: dict[int, list[int]] = field(default_factory=dict)

    def told(self, ticket: Ticket, recipients: Iterable[str]) -> set[int]:
        """Those to tell; where a post is vacant, the next one up."""
        return {person for recipient in recipients for person in self._holders(ticket, recipient)}

    def _holders(self, ticket: Ticket, recipient: str) -> list[int]:
        ways_up = ["owner", "team", "team_lead", "manager", "administrator"]
        for post in ways_up[ways_up.index(recipient) :]:
            if post == "owner":
                people = [ticket.owner]
            elif post == "team":
                people = self.teams.get(ticket.team, [])
            elif post == "team_lead":
                people = self.leads.get(ticket.team, [])
            else:
                people = [pk for pk, role in self.roles.items() if role == post]
            if people := [pk for pk in people if pk in self.roles]:
                return people
        return []


class Ladder:
    """The sweep, on the model."""

    def __init__(self, model: Model, staff: Staff) -> None:
        self.model = model
        self.staff = staff

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
        for at, (percent, reminder), told in due:
            state = "fired" if (percent, reminder) == due[-1][1] else "superseded"
            step = (ledger.version, percent, reminder)
            clock.steps[step] = [state, at, now, None, None]
            model.journal.steps[clock.key, *step] = (state, at, now)
            if state == "fired":
                model.journal.tellings[clock.key, *step] = self.staff.told(ticket, told)
        clock.since, clock.check = now, None
        model.journal.touched.add(ticket.pk)

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
