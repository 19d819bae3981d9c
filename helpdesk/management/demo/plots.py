"""What happens to tickets: plots that drive a story through its verbs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from helpdesk.accounts.models import RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.management.demo import texts
from helpdesk.management.demo.excepted import Asked
from helpdesk.management.demo.story import Story
from helpdesk.management.demo.ticking import Ticking
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import BreachCause
from helpdesk.tickets.models import Claim, Status
from helpdesk.tickets.services import Wish

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FRIDAY = 4

# Shares of targets that are missed.
GUARANTEES_MISSED, AIMS_MISSED = 0.045, 0.08
EXCEPTED = 0.45  # share of missed targets for which an exception is asked
CODED = 0.8  # share of breaches whose cause somebody has entered
CAUSES = [BreachCause(code) for code in texts.CAUSE_NOTES]


def reply_share(rng: Random, *, guaranteed: bool) -> float:
    """After which share of its time a target is answered: mostly before half of it, sometimes too late."""
    if rng.random() < (GUARANTEES_MISSED if guaranteed else AIMS_MISSED):
        return 1.02 + rng.expovariate(2.5)
    return min(0.97, rng.lognormvariate(-1.0, 0.6))


class Past:
    """The whole life of a ticket that was dealt with before `now`."""

    def __init__(self, story: Story, *, rng: Random, now: datetime) -> None:
        self.story, self.rng, self.now = story, rng, now
        self.helper = rng.choice(story.world.specialists[story.team])

    def tell(self, at: datetime) -> None:
        story, rng = self.story, self.rng
        channels = story.customer.entitlements[story.topic.hub].channels
        channel = rng.choices(channels, weights=[{"email": 84, "chat": 10, "phone": 6}[name] for name in channels])[0]
        designated = story.asker.role == RequesterRole.DESIGNATED
        critical = designated and channel == Channel.EMAIL and bool(story.topic.process)
        story.open(at, channel=Channel(channel), critical=critical)
        if channel == Channel.EMAIL:
            self.first_reply()
        else:
            self.pick_up()
        for _ in range(rng.choices([0, 1, 2, 3], weights=[52, 31, 12, 5])[0]):
            self.another_round()
        self.end()
        self.except_breach()

    def at(self, instant: datetime, *, least: int = 30) -> datetime:
        """That instant, moved so that it lies (`least` seconds) after what was told so far and before now."""
        story = self.story
        instant = max(instant, story.now + timedelta(seconds=self.rng.uniform(least, 4 * least)))
        return instant if instant < self.now else story.now + (self.now - story.now) * 0.4

    def first_reply(self) -> None:
        story, rng = self.story, self.rng
        clock = story.waiting
        share = reply_share(rng, guaranteed=clock.terms.promise == "guaranteed")
        if rng.random() < 0.75:
            actor = story.world.lead if rng.random() < 0.15 else self.helper
            story.assign(
                self.at(story.at_share(min(share, 1.5) * rng.uniform(0.2, 0.8))), owner=self.helper, actor=actor
            )
        if story.claim == Claim.CLAIMED:
            self.judge(share)
        if rng.random() < 0.25:
            story.note(self.at(story.at_share(share * 0.9)), actor=self.helper, body=rng.choice(texts.NOTES))
        self.answer(share)
        if rng.random() < CODED:
            cause = rng.choice(CAUSES)
            story.explain_breach(cause=cause, note=texts.CAUSE_NOTES[cause])

    def judge(self, share: float) -> None:
        story, rng = self.story, self.rng
        confirmed = rng.random() < 0.7
        reason = rng.choice(texts.CONFIRMED if confirmed else texts.DECLINED)
        at = self.at(story.at_share(share * rng.uniform(0.4, 0.9)))
        story.judge_claim(at, actor=story.owner or self.helper, confirmed=confirmed, reason=reason)

    def answer(self, share: float) -> None:
        """The public reply at this share of the time of the waiting clock; somebody looks when it gets late."""
        story, rng = self.story, self.rng
        at = story.at_share(share)
        if share > 1:
            noticed = min(story.at_share(1.0) + rng.uniform(2, 14) * MINUTE, self.now)
            # Nothing is acknowledged before it is there: the story may have come to a later step already.
            if noticed < at and all(row.detected_at <= noticed for row in story.fired):
                story.acknowledge(noticed, actor=story.world.manager)
        question = rng.random() < 0.35
        story.reply(
            self.at(at),
            actor=story.owner or self.helper,
            body=rng.choice(texts.QUESTIONS if question else texts.REPLIES),
            status=Status.WAITING if question else Status.OPEN,
        )

    def pick_up(self) -> None:
        story, rng = self.story, self.rng
        clock = story.clocks[0]
        connected = story.at_share(reply_share(rng, guaranteed=False), clock)
        story.pick_up(self.at(connected, least=5), actor=self.helper)
        story.reply(self.at(story.now + rng.uniform(2, 12) * MINUTE), actor=self.helper, body=rng.choice(texts.REPLIES))

    def another_round(self) -> None:
        story, rng = self.story, self.rng
        story.customer_reply(
            self.at(story.now + rng.lognormvariate(1.2, 1.0) * HOUR), body=rng.choice(texts.FOLLOW_UPS)
        )
        if rng.random() < 0.12:
            story.set_status(self.at(story.at_share(0.3)), status=Status.WAITING, actor=self.helper)
            if story.waiting.state.due_at is None:
                story.customer_reply(self.at(story.now + rng.uniform(1, 20) * HOUR), body=rng.choice(texts.FOLLOW_UPS))
        self.answer(reply_share(rng, guaranteed=False))

    def end(self) -> None:
        story, rng = self.story, self.rng
        solved = self.at(story.now + rng.lognormvariate(1.5, 0.9) * HOUR)
        way = rng.random()
        if way < 0.15:
            story.close_by_customer(solved)
            return
        if way < 0.3:
            story.set_status(solved, status=Status.SOLVED, actor=self.helper)
        else:
            story.reply(solved, actor=self.helper, body=rng.choice(texts.SOLUTIONS), status=Status.SOLVED)
        if rng.random() < 0.6:
            closed = self.at(story.now + rng.uniform(20, 120) * HOUR)
            story.set_status(closed, status=Status.CLOSED, actor=self.helper)

    def except_breach(self) -> None:
        """For some of the targets that were missed an exception is asked for; most are approved."""
        story, rng = self.story, self.rng
        clock = next((clock for clock in story.clocks if clock.state.breached_at), None)
        if clock is None or rng.random() > EXCEPTED:
            return
        code, wish = wish_for(story, clock, rng)
        if not story.is_possible(wish, clock):  # that time was paused, say
            code, wish = "declared-incident", Wish(effect=Effect.VOID)
        evidence, objection = texts.EVIDENCE[code]
        asked_at = self.at(story.now + rng.uniform(0.5, 6) * HOUR)
        asked = story.ask_exception(asked_at, clock=clock, code=code, wish=wish, evidence=evidence, actor=self.helper)
        approve = rng.random() < 0.75
        decider = story.world.lead if rng.random() < 0.5 else story.world.manager
        decided_at = self.at(story.now + rng.uniform(0.2, 20) * HOUR)
        story.decide_exception(decided_at, asked, approve=approve, note="" if approve else objection, actor=decider)


def wish_for(story: Story, clock: Ticking, rng: Random) -> tuple[str, Wish]:
    """A code, and what an exception by it is to do to a clock: enough to lift a small lateness, not a large one."""
    state, length = clock.state, clock.hours.between(clock.state.started_at, clock.state.due_at)
    if story.claim == Claim.DECLINED and state.target.seconds == 1800:
        return "not-confirmed-critical", Wish(effect=Effect.RETARGET, target_seconds=3600)
    code = rng.choice(["insufficient-information", "declared-incident", "third-party"])
    if code == "declared-incident":
        return code, Wish(effect=Effect.VOID)
    begin, end = (clock.hours.add(state.started_at, length * share) for share in (0.2, rng.uniform(0.4, 0.8)))
    if code == "third-party":
        return code, Wish(effect=Effect.PAUSE, out_from=begin, out_until=end)
    return code, Wish(effect=Effect.RESTART, since=end)


class Present:
    """A ticket that is open at `now`: each method brings one that was just opened to where it stands."""

    def __init__(self, story: Story, *, rng: Random, now: datetime) -> None:
        self.story, self.rng, self.now = story, rng, now
        self.helper = rng.choice(story.world.specialists[story.team])

    def ago(self, minutes: float) -> datetime:
        """That long before now, but after what was told so far."""
        story = self.story
        instant = max(self.now - minutes * MINUTE, story.now + MINUTE)
        return instant if instant < self.now else story.now + (self.now - story.now) / 2

    def untouched(self) -> None:
        """Nobody has looked at it."""

    def taken(self) -> None:
        """Somebody has it, and has not replied yet."""
        story = self.story
        story.assign(story.now + (self.now - story.now) * 0.3, owner=self.helper, actor=self.helper)

    def confirmed(self) -> None:
        """Taken, and its claim confirmed."""
        self.taken()
        reason = self.rng.choice(texts.CONFIRMED)
        self.story.judge_claim(self.ago(30), actor=self.helper, confirmed=True, reason=reason)

    def answered(self, status: Status = Status.OPEN) -> None:
        """Replied to; the ball is with engineering, or with the customer."""
        story, rng = self.story, self.rng
        replied = min(story.at_share(0.4), story.now + (self.now - story.now) * 0.4)
        body = rng.choice(texts.QUESTIONS if status == Status.WAITING else texts.REPLIES)
        story.reply(replied, actor=self.helper, body=body, status=status)

    def waiting(self) -> None:
        """We asked the customer something."""
        self.answered(Status.WAITING)

    def declined(self) -> None:
        """A claim that was declined in time, then answered; the customer asks on."""
        story, rng = self.story, self.rng
        reason = rng.choice(texts.DECLINED)
        story.judge_claim(story.now + 9 * MINUTE, actor=self.helper, confirmed=False, reason=reason)
        story.reply(story.now + 11 * MINUTE, actor=self.helper, body=rng.choice(texts.REPLIES))
        story.customer_reply(self.ago(35), body=rng.choice(texts.FOLLOW_UPS))

    def asked_again(self, minutes: float) -> None:
        """Answered, and the customer wrote again so many minutes ago: a next response is owed."""
        self.answered()
        self.story.customer_reply(self.ago(minutes), body=self.rng.choice(texts.FOLLOW_UPS))

    def doubted(self, minutes: float) -> None:
        """Too late, and an exception was asked for so many minutes ago: a lead or manager has to decide."""
        self.taken()
        self._ask(minutes)

    def excepted(self) -> None:
        """Not answered yet; a stretch does not count, as a lead has approved."""
        self.taken()
        asked = self._ask(9)
        self.story.decide_exception(self.ago(3), asked, approve=True, note="", actor=self.story.world.lead)

    def _ask(self, minutes: float) -> Asked:
        story = self.story
        clock, at = story.waiting, self.ago(minutes)
        length = at - story.opened_at
        wish = Wish(
            effect=Effect.PAUSE, out_from=story.opened_at + length * 0.2, out_until=story.opened_at + length * 0.6
        )
        evidence, _objection = texts.EVIDENCE["third-party"]
        return story.ask_exception(at, clock=clock, code="third-party", wish=wish, evidence=evidence, actor=self.helper)

    def paused(self, minutes: float) -> None:
        """Asked again, then put on hold so many minutes ago."""
        self.asked_again(minutes + 45)
        story = self.story
        story.note(self.ago(minutes + 1), actor=self.helper, body=self.rng.choice(texts.NOTES))
        story.set_status(self.ago(minutes), status=Status.WAITING, actor=self.helper)

    def over_the_weekend(self) -> None:
        """Asked again before a weekend, put on hold over it, and written to again a while ago: worth explaining."""
        self.answered()
        story, hours = self.story, self.story.customer.hours
        day = (self.now - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
        while day.weekday() != FRIDAY or hours.next_opening(day) > day + timedelta(days=1):
            day -= timedelta(days=1)
        asked = hours.next_opening(day) + 40 * MINUTE
        story.customer_reply(asked, body=self.rng.choice(texts.FOLLOW_UPS))
        story.set_status(hours.add(asked, 100 * MINUTE), status=Status.WAITING, actor=self.helper)
        story.customer_reply(self.ago(50), body=self.rng.choice(texts.FOLLOW_UPS))


@dataclass(frozen=True, slots=True)
class Scene:
    """An open ticket: how many minutes old, from whom (role), claimed critical or not, and what happened."""

    age: float
    role: RequesterRole
    happened: Callable[[Present], None]
    critical: bool = False


D, S, U = RequesterRole.DESIGNATED, RequesterRole.SUPER_ADMIN, RequesterRole.USER
untouched, taken, answered = Present.untouched, Present.taken, Present.answered


def asked_again(minutes: float) -> Callable[[Present], None]:
    return lambda present: present.asked_again(minutes)


def paused(minutes: float) -> Callable[[Present], None]:
    return lambda present: present.paused(minutes)


def doubted(minutes: float) -> Callable[[Present], None]:
    return lambda present: present.doubted(minutes)


# Of Mina, whose home page it is: hub and beginning of the subject.
MINA = {
    ("content", "Checkout forms"): Scene(4, D, untouched, critical=True),
    ("marketing", "Contacts imported twice"): Scene(25 * 24 * 60, D, Present.over_the_weekend),
    ("sales", "Deal permissions"): Scene(50 * 60, D, Present.waiting),
}
# Of everybody. The queue shows late ones, soon ones, those in time, paused ones, answered ones.
SCENES = [
    Scene(72.2, D, Present.confirmed, critical=True),
    Scene(88.4, D, doubted(17)),
    Scene(62.3, D, Present.excepted),
    Scene(66.1, D, taken),
    Scene(52.5, D, untouched),
    Scene(19, D, taken, critical=True),
    Scene(45.8, D, untouched),
    Scene(44.4, D, taken),
    Scene(9.3, D, untouched, critical=True),
    Scene(28.7, D, untouched),
    Scene(21.1, D, untouched),
    Scene(12.8, D, taken),
    Scene(7.5, D, untouched),
    Scene(20 * 60, D, asked_again(160)),
    Scene(52 * 60, D, asked_again(70)),
    Scene(30 * 60, S, asked_again(200)),
    Scene(70 * 60, U, asked_again(300)),
    Scene(26 * 60, D, asked_again(15)),
    Scene(4 * 60, D, Present.declined, critical=True),
    Scene(3 * 60, U, untouched),
    Scene(11 * 60, U, taken),
    Scene(6 * 60, S, untouched),
    Scene(42, U, untouched),
    Scene(8 * 60, U, untouched),
    Scene(90, S, taken),
    Scene(44 * 60, D, paused(65)),
    Scene(60 * 60, D, paused(150)),
    Scene(71 * 60, U, paused(320)),
    Scene(5 * 60, D, answered),
    Scene(21 * 60, U, answered),
    Scene(9 * 60, S, answered),
    Scene(29 * 60, D, Present.waiting),
    Scene(46 * 60, U, Present.waiting),
    Scene(70 * 60, D, Present.waiting),
]
