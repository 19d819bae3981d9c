"""Who writes when about what: casts the stories, and hands their rows to the database in chunks."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from helpdesk.accounts.models import RequesterRole
from helpdesk.management.demo.companies import KESTREL
from helpdesk.management.demo.plots import MINA, MINUTE, SCENES, Past, Present, Scene
from helpdesk.management.demo.rows import Rows, without_indexes
from helpdesk.management.demo.story import Story
from helpdesk.management.demo.topics import TOPICS, Topic
from helpdesk.management.demo.world import Customer, World
from helpdesk.tickets.models import Ticket

CHUNK = 2000
ROLES = {RequesterRole.DESIGNATED: 45, RequesterRole.SUPER_ADMIN: 15, RequesterRole.USER: 40}
CLAIMS = 0.14  # of what designated super admins send by e-mail
BEAT_WAS_DOWN = timedelta(minutes=10)  # for --due


def busyness(hour: datetime) -> float:
    """How many tickets an hour brings, compared with others: people write on working days."""
    if hour.weekday() >= 5:
        return 0.2
    return 1.0 if 6 <= hour.hour < 18 else 0.35


class Cast:
    """Makes tickets of the past, then those that are open now."""

    def __init__(self, *, world: World, rng: Random, now: datetime, days: int, say: Callable[[str], None]) -> None:
        self.world, self.rng, self.now, self.days, self.say = world, rng, now, days, say
        self.rows = Rows()
        self.weights = list(accumulate(customer.weight for customer in world.customers))
        self.topics = {
            (customer.account_id, claim, language): [
                topic
                for topic in TOPICS
                if topic.hub in customer.entitlements and bool(topic.process) == claim and topic.language == language
            ]
            for customer in world.customers
            for claim in (True, False)
            for language in ("en", "ja")
        }

    def perform(self, *, past: int, present: int, due: int, bulk: bool) -> None:
        with without_indexes() if bulk else nullcontext():
            for number, at in enumerate(self.arrivals(past), start=1):
                self.past(at)
                if number % CHUNK == 0:
                    self.write(of=past + present)
            self.present(present, due=due)
            self.write(of=past + present)
            self.rows.set_sequences()
            if bulk:
                self.say("Building indexes and checking every reference")

    def write(self, *, of: int) -> None:
        self.rows.write()
        if (written := self.rows.written[Ticket]) % 50_000 < CHUNK:
            self.say(f"{written:,} of {of:,} tickets")

    def arrivals(self, number: int) -> Iterator[datetime]:
        """So many instants in order, spread over the days up to the day before yesterday, dense where people work."""
        first = (self.now - timedelta(days=self.days)).replace(minute=0, second=0, microsecond=0)
        end = self.now - timedelta(hours=40)
        hours = [first + timedelta(hours=n) for n in range(max(1, int((end - first) / timedelta(hours=1))))]
        busy = list(accumulate(map(busyness, hours)))
        for n in range(number):
            place = (n + self.rng.random()) / number * busy[-1]
            hour = bisect_left(busy, place)
            share = (busy[hour] - place) / busyness(hours[hour])
            yield hours[hour] + (1 - share) * timedelta(hours=1)

    def past(self, at: datetime) -> None:
        rng = self.rng
        customer = self.somebody(at)
        role = rng.choices(list(ROLES), weights=list(ROLES.values()))[0]
        critical = rng.random() < (CLAIMS if role == RequesterRole.DESIGNATED else 0.03)
        story = self.story(customer, role, self.topic(customer, critical=critical))
        Past(story, rng=rng, now=self.now).tell(at)
        story.finish(self.now)

    def somebody(self, at: datetime) -> Customer:
        """A customer, most often one whose office is open."""
        for _ in range(3):
            customer = self.rng.choices(self.world.customers, cum_weights=self.weights)[0]
            if customer.hours.is_open(at):
                break
        return customer

    def topic(self, customer: Customer, *, critical: bool) -> Topic:
        language = "ja" if customer.japanese and self.rng.random() < 0.35 else "en"
        for claim, tongue in ((critical, language), (critical, "en"), (False, "en")):
            if topics := self.topics[customer.account_id, claim, tongue]:
                return self.rng.choice(topics)
        raise LookupError(f"{customer.name} has bought no hub that anybody writes about")

    def story(self, customer: Customer, role: RequesterRole, topic: Topic) -> Story:
        askers = [asker for asker in customer.askers if asker.role == role]
        asker = self.rng.choice(askers)
        return Story(world=self.world, rows=self.rows, rng=self.rng, customer=customer, asker=asker, topic=topic)

    def present(self, number: int, *, due: int) -> None:
        """Open tickets, the oldest first; `due` of them have a step that fell while no sweep ran."""
        scenes = [*self.scenes_of_mina(), *self.scenes()][: number - due]
        scenes += [self.cast(self.due_scene()) for _ in range(due)]
        scenes += [self.cast(self.varied(self.rng.choice(SCENES))) for _ in range(number - len(scenes))]
        scenes.sort(key=lambda row: -row[0].age)
        for count, (scene, story) in enumerate(scenes, start=1):
            story.open(self.now - scene.age * MINUTE, critical=scene.critical)
            scene.happened(Present(story, rng=self.rng, now=self.now))
            story.finish(self.now - BEAT_WAS_DOWN if scene.happened is owed else self.now)
            if count % CHUNK == 0:
                self.rows.write()

    def scenes_of_mina(self) -> Iterator[tuple[Scene, Story]]:
        kestrel = next(customer for customer in self.world.customers if customer.name == KESTREL.name)
        for (hub, subject), scene in MINA.items():
            topic = next(topic for topic in TOPICS if topic.hub == hub and topic.subject.startswith(subject))
            yield scene, self.story(kestrel, scene.role, topic)

    def scenes(self) -> Iterator[tuple[Scene, Story]]:
        """Each scene once, with different subjects, of other companies than Mina's."""
        seen = {subject for _hub, subject in MINA}
        for scene in SCENES:
            for _ in range(20):
                found = self.cast(scene)
                story = found[1]
                if story.customer.name != KESTREL.name and story.topic.subject not in seen:
                    break
            seen.add(story.topic.subject)
            yield found

    def cast(self, scene: Scene) -> tuple[Scene, Story]:
        customer = self.somebody(self.now)
        if scene.critical and not self.topics[customer.account_id, True, "en"]:
            return self.cast(scene)
        return scene, self.story(customer, scene.role, self.topic(customer, critical=scene.critical))

    def varied(self, scene: Scene) -> Scene:
        return replace(scene, age=scene.age * self.rng.uniform(0.7, 1.2))

    def due_scene(self) -> Scene:
        """Opened so that one step of its hour fell within the last minutes."""
        step = self.rng.choice([30, 45, 60])
        return Scene(step + self.rng.uniform(0.1, 0.9) * (BEAT_WAS_DOWN / MINUTE), RequesterRole.DESIGNATED, owed)


def owed(present: Present) -> None:
    """Half of them have an owner."""
    if present.rng.random() < 0.5:
        present.taken()
