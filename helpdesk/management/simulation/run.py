"""One simulation: days of acts, changes, sweeps and kills, each day checked; then everything again."""

import gc
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappush
from random import Random
from typing import Any

from django.db import connection, transaction

from helpdesk.core.jobs import Broker
from helpdesk.escalation import acts
from helpdesk.escalation.sweep import sweep
from helpdesk.management.simulation.acts import Difference
from helpdesk.management.simulation.changes import Changes
from helpdesk.management.simulation.compare import Comparer
from helpdesk.management.simulation.ladder import Ladder
from helpdesk.management.simulation.play import Play
from helpdesk.management.simulation.sweepers import Deaths, performed, sweep_and_die
from helpdesk.management.simulation.verbs import Model
from helpdesk.management.simulation.world import make_world
from helpdesk.notifications.live import Line
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.sla.verification import check

DAY = timedelta(days=1)
FEWEST_SWEEPS = 60  # a day
MOST_NAMED = 100
SAMPLE = 3  # mails a day that are rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seed: int
    tickets: int
    kills: int
    days: int
    accounts: int


@dataclass(slots=True)
class Outcome:
    """What a run did and found. Zero differences is the pass."""

    plan: Plan
    begins: str = ""
    days: int = 0
    sweeps: int = 0
    fired: int = 0
    superseded: int = 0
    breaches: int = 0
    acts_of_steps: int = 0
    deaths: Deaths = field(default_factory=Deaths)
    acts: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    changes: Counter = field(default_factory=Counter)
    compared: Counter = field(default_factory=Counter)
    audited: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        counts = {name: dict(value) for name in self.__slots__ if isinstance(value := getattr(self, name), Counter)}
        whole = replace(self, **dict.fromkeys(counts, None), differences=self.differences[:MOST_NAMED])
        return asdict(whole) | counts | {"differing": len(self.differences)}


class Simulation:
    """Everything comes from one random source: the same seed plans the same again.

    What a sweeper that is killed from outside had done by then is up to the machine; the model takes it as it is.
    """

    def __init__(self, plan: Plan, *, say: Callable[[str], None], report_every: int = 1) -> None:
        self.plan, self.say, self.report_every = plan, say, report_every
        self.rng = Random(plan.seed)  # noqa: S311 - invented events, the same for the same seed
        self.now = datetime(2027, 1, 1, tzinfo=UTC) + DAY * self.rng.randrange(300)
        self.outcome = Outcome(plan, begins=self.now.isoformat())
        self.begun = time.monotonic()
        self.comparer = Comparer()
        self.comparer.begin()
        world = make_world(self.rng, now=self.now, accounts=plan.accounts)
        self.model = Model(world.rules)
        self.ladder = Ladder(self.model, world.staff)
        self.play = Play(self.rng, world, self.model, self.ladder)
        self.changes = Changes(self.rng, world, self.model)

    def run(self) -> Outcome:
        outcome = self.outcome
        try:
            for day in range(self.plan.days):
                self.day(day)
                if outcome.differences:
                    break
            else:
                self.end()
        except Difference as error:
            outcome.differences.append(f"{self.now.isoformat()}: {error}")
        outcome.acts, outcome.refused, outcome.changes = self.play.done, self.play.refused, self.changes.done
        outcome.compared = self.comparer.compared
        outcome.seconds = round(time.monotonic() - self.begun, 1)
        return outcome

    def day(self, number: int) -> None:
        rng, begins = self.rng, self.now
        plan = self.plan
        arrivals = plan.tickets * (number + 1) // plan.days - plan.tickets * number // plan.days
        kills = plan.kills * (number + 1) // plan.days - self.outcome.deaths.killed
        for _ in range(arrivals):
            heappush(self.play.acts, (begins + DAY * rng.random(), 0, 0))
        sweeps = self._instants(begins, max(FEWEST_SWEEPS, kills * 2))
        deadly = set(rng.sample(sweeps, min(len(sweeps), max(0, kills))))
        changing = set(rng.sample(sweeps, rng.randrange(5)))
        for at in sweeps:
            self._until(self._beside_a_deadline(at), kill=at in deadly, change=at in changing)
        self.now = begins + DAY
        with transaction.atomic():
            self.play.until(self.now)
        while self.outcome.deaths.killed < plan.kills * (number + 1) // plan.days:
            self.now += timedelta(microseconds=1)
            self._sweep(self.now, kill=True)
        self.now = begins + DAY + timedelta(seconds=1)
        self.check(number)

    def _instants(self, begins: datetime, number: int) -> list[datetime]:
        """When it is swept: at random, and once in a while not for hours."""
        found = sorted(begins + DAY * self.rng.random() for _ in range(number))
        if self.rng.random() < 0.3:
            down = begins + DAY * self.rng.random()
            found = [at for at in found if not down < at < down + timedelta(hours=self.rng.uniform(1, 6))]
        return found

    def _beside_a_deadline(self, at: datetime) -> datetime:
        """Half of the time not before something is due, and then very soon after it, or at the very instant."""
        if self.rng.random() < 0.5:
            return at
        due = self.ladder.next_check()
        if due > at:
            return at
        soon = due + timedelta(microseconds=self.rng.choice([0, 1, 1_000_000, 5_000_000]))
        return soon if self.now < soon < at else at

    def _until(self, at: datetime, *, kill: bool, change: bool) -> None:
        """Acts, then a sweep."""
        with transaction.atomic():
            self.play.until(at)
        self.now = max(at, self.now + timedelta(microseconds=1))
        self._sweep(self.now, kill=kill)
        if self.rng.random() < 0.05:
            with transaction.atomic():
                self.play.hand_in_late(self.now)
        if change:
            self.now += timedelta(microseconds=1)
            self.changes.one(self.now)

    def _sweep(self, now: datetime, *, kill: bool) -> None:
        if kill:
            due = [clock.key for _ticket, clock in self.ladder.due(now)]
            self.ladder.sweep(now, only=sweep_and_die(self.rng, self.outcome.deaths, now=now, due=due))
            self._perform(now)
            if self.rng.random() < 0.5:  # the others wait for the next one
                return
        expected = self.ladder.sweep(now)
        waiting = len(self.ladder.acts)
        result = sweep(now=now, batch_size=self.rng.choice([3, 50, 500]))
        self._perform(now)
        if (result.claimed, result.acts, result.failed, self.ladder.acts) != (expected, waiting, 0, []):
            self.outcome.differences.append(
                f"{now.isoformat()}: {expected} clocks must be swept and {waiting} steps act, but {result.as_json()}"
            )
        self.outcome.sweeps += 1
        self.outcome.acts_of_steps += waiting

    def _perform(self, now: datetime) -> None:
        if self.ladder.acts:
            self.ladder.perform(performed([act.step for act in self.ladder.acts]), now=now)

    def check(self, day: int) -> None:
        """Everything that was written or touched since the last time."""
        outcome, comparer, journal = self.outcome, self.comparer, self.model.journal
        outcome.fired += sum(row[0] == "fired" for row in journal.steps.values())
        outcome.superseded += sum(row[0] == "superseded" for row in journal.steps.values())
        outcome.breaches += sum(row[0] == "breach" for row in journal.clock_events.values())
        clocks = comparer.look(self.model)
        found = check(clocks)
        gc.collect()
        outcome.audited += found.checked
        outcome.differences += [*comparer.differences, *found.examples]
        for mail in OutboxMail.objects.order_by("-pk")[:SAMPLE]:
            render(mail)
        if not outcome.differences:
            comparer.let_go(self.model, self.play.forget(self.now))
            outcome.differences += comparer.differences
        outcome.days = day + 1
        if day % self.report_every == 0 or outcome.differences:
            self.say(json.dumps(self._so_far()))

    def _so_far(self) -> dict[str, Any]:
        return {
            "day": self.outcome.days,
            "tickets": self.play.done["open"],
            "in_memory": len(self.model.tickets),
            "acts": sum(self.play.done.values()),
            "kills": self.outcome.deaths.killed,
            "differences": len(self.outcome.differences),
            "seconds": round(time.monotonic() - self.begun, 1),
        }

    def end(self) -> None:
        self.comparer.look_again(self.model)
        self.outcome.differences += self.comparer.differences


def hurry() -> None:
    """Nothing here has to outlive the machine, and nobody is there to take hints. Acts are never put off."""
    Broker.look_again_at = Line.look_again_at = acts.LONGEST = math.inf
    gc.disable()  # a large model makes it slow; once a day will do
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
