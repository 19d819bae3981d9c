"""Whatever happens to tickets, exceptions above all: the report says net and gross what their events say (SPEC 2.6)."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.escalation.sweep import sweep
from helpdesk.reports.periods import Period
from helpdesk.reports.verification import verify_report
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock, ClockException, ExceptionCode, PolicyVersion
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Refused, Wish
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAYS = [Period(first=date(2026, 11, day), last=date(2026, 11, day), zone=ZoneInfo("UTC")) for day in (24, 25, 26, 27)]
NOVEMBER = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=ZoneInfo("UTC"))
RESOLUTION = {"metric": "resolution", "promise": "objective", "hours": "business", "seconds": 5 * 3600}


class Life:
    """One ticket, and what may happen to it next."""

    ACTS = (
        *["except_"] * 6,
        *["reply", "customer", "wait", "go_on", "assign"] * 2,
        "sweep", "sweep", "judge", "raise_", "close", "solve", "spam",
    )  # fmt: skip

    def __init__(self, rng: Random, *, staff, helen, membership, now: datetime) -> None:
        self.rng, self.staff, self.helen, self.now = rng, staff, helen, now
        self.ticket = make_ticket(membership, now=now, critical=membership.is_designated and rng.random() < 0.4)

    def goes_on(self) -> None:
        self.reached = self.now  # by every life: the earliest of them goes on
        self.now += self.rng.choice([2, 11, 25, 60, 200]) * MINUTE * self.rng.random()
        with suppress(Refused):
            getattr(self, self.rng.choice(self.ACTS))()

    def act(self, verb, **values):
        verb(ticket=self.ticket, actor=self.rng.choice(self.staff), now=self.now, **values)

    def reply(self):
        self.act(services.reply, body="Done.", status=self.rng.choice([Status.OPEN, Status.WAITING]))

    def customer(self):
        services.customer_reply(ticket=self.ticket, actor=self.ticket.requester, body="And?", now=self.now)

    def wait(self):
        self.act(services.set_status, status=Status.WAITING)

    def go_on(self):
        self.act(services.set_status, status=Status.OPEN)

    def solve(self):
        self.act(services.set_status, status=Status.SOLVED)

    def assign(self):
        self.act(services.assign, owner=self.rng.choice([None, *self.staff]))

    def judge(self):
        self.act(services.judge_claim, confirmed=self.rng.random() < 0.5, reason="Seen.")

    def raise_(self):
        self.act(services.raise_to_critical, reason="Everybody is affected.")

    def spam(self):
        self.act(services.mark_spam, reason="Casino.")

    def close(self):
        services.close_by_customer(ticket=self.ticket, actor=self.ticket.requester, now=self.now)

    def sweep(self):
        sweep(now=self.reached)

    def except_(self):
        clock = self.rng.choice(list(self.ticket.clocks.all()))
        asker = self.rng.choice(self.staff)
        code = ExceptionCode.objects.get(code="third-party")
        asked = services.request_exception(
            clock=clock, code=code, wish=self.wish(clock), evidence="Log.", actor=asker, now=self.now
        )
        self.now += self.rng.choice([0, 1, 30]) * MINUTE
        services.decide_exception(
            exception=asked, approve=self.rng.random() < 0.9, note="Seen.", actor=self.helen, now=self.now
        )

    def wish(self, clock: Clock) -> Wish:
        def between(begin: datetime, end: datetime) -> datetime:
            return begin + (end - begin) * self.rng.random()

        match self.rng.choice([*[Effect.PAUSE, Effect.RESTART, Effect.RETARGET] * 2, Effect.VOID]):
            case Effect.PAUSE:
                begin = between(clock.started_at - 5 * MINUTE, self.now)
                end = begin + self.rng.choice([5, 30, 100]) * MINUTE * (0.1 + self.rng.random())
                return Wish(effect=Effect.PAUSE, out_from=begin, out_until=end)
            case Effect.RESTART:
                return Wish(effect=Effect.RESTART, since=between(clock.started_at, clock.ended_at or self.now))
            case Effect.RETARGET:
                return Wish(effect=Effect.RETARGET, target_seconds=self.rng.choice([45, 75, 100, 400]) * 60)
        return Wish(effect=Effect.VOID)


@pytest.fixture
def lives():
    """Tickets by designated super admins and by users, with resolution targets, that live side by side."""
    for version in PolicyVersion.objects.all():
        document = {**version.document, "targets": [*version.document["targets"], RESOLUTION]}
        PolicyVersion.objects.create(
            policy=version.policy, number=2, document=document, created_at=NOW, is_current=False
        )
    PolicyVersion.objects.filter(number=1).update(is_current=False)
    PolicyVersion.objects.filter(number=2).update(is_current=True)
    ExceptionCode.objects.filter(code="third-party").update(effects=list(Effect))
    helen = StaffFactory(staff_role=StaffRole.MANAGER)
    staff = [StaffFactory() for _ in range(3)]
    members = [DesignatedFactory(), DesignatedFactory(), MembershipFactory(role=Membership.Role.USER)]

    def live(seed: int, *, number: int, acts: int) -> datetime:
        rng = Random(seed)
        made = [
            Life(rng, staff=staff, helen=helen, membership=rng.choice(members), now=NOW + rng.randrange(300) * MINUTE)
            for _ in range(number)
        ]
        for _ in range(number * acts):
            min(made, key=lambda life: life.now).goes_on()
        return max(life.now for life in made)

    return live


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_report_is_what_the_events_say(lives, seed):
    end = lives(seed, number=16, acts=12)
    assert verify(now=end).examples == []
    for period in (NOVEMBER, *DAYS):
        for now in (end, end + timedelta(days=1)):
            assert verify_report(period, now=now).examples == []
    assert ClockException.objects.filter(state="approved").count() >= 10
    assert Clock.objects.exclude(gross_basis=None).count() >= 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"gross_breached_at": None},
        {"gross_due_at": NOW + timedelta(days=40), "gross_breached_at": None},
        {"breached_at": NOW},
        {"due_at": NOW + timedelta(days=40)},
        {"state": "exempt"},
    ],
)
def test_a_column_of_an_excepted_clock_that_lies_is_found(wrong):
    """Answered late, and met by an exception."""
    helen, ada = StaffFactory(staff_role=StaffRole.MANAGER), StaffFactory()
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=NOW + 70 * MINUTE)
    wish = Wish(effect=Effect.PAUSE, out_from=NOW + 10 * MINUTE, out_until=NOW + 25 * MINUTE)
    code, later = ExceptionCode.objects.get(code="third-party"), NOW + 100 * MINUTE
    asked = services.request_exception(
        clock=ticket.clocks.get(), code=code, wish=wish, evidence="Log.", actor=ada, now=later
    )
    services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=later)
    end = NOW + timedelta(days=1)
    assert verify_report(NOVEMBER, now=end).differing == 0
    Clock.objects.update(**wrong)
    assert verify_report(NOVEMBER, now=end).differing > 0
