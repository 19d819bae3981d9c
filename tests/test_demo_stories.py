"""The stories of the demonstration, told beside the services: row by row what these would have written."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import transaction

from helpdesk.accounts.models import Membership, User
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.escalation.sweep import sweep
from helpdesk.management.demo.cast import Cast
from helpdesk.management.demo.plots import MINA, SCENES, Past, Present
from helpdesk.management.demo.rows import COLUMNS
from helpdesk.management.demo.story import Story
from helpdesk.management.demo.world import make_world
from helpdesk.sla.models import Clock, ClockEvent, ClockException, ExceptionCode
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets import services
from helpdesk.tickets.models import Message, Ticket

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
REFERRED = (Clock, Message, ClockException)


class Twin(Story):
    """A story that is told to the services as well."""

    def person(self, pk: int) -> User:
        return User.objects.get(pk=pk)

    def open(self, at, **facts):
        super().open(at, **facts)
        membership = Membership.objects.select_related("account", "user").get(
            user=self.asker.user_id, account=self.customer.account_id
        )
        new = services.NewTicket(
            membership=membership,
            entitlement=self.customer.entitlements[self.topic.hub],
            subject=self.topic.subject,
            body=self.topic.body,
            language=self.topic.language,
            claim_facts=self.claim_facts,
            **facts,
        )
        self.ticket = services.open_ticket(new=new, now=at)

    def reply(self, at, *, actor, **words):
        super().reply(at, actor=actor, **words)
        services.reply(ticket=self.ticket, actor=self.person(actor), now=at, **words)

    def note(self, at, *, actor, body):
        super().note(at, actor=actor, body=body)
        services.add_note(ticket=self.ticket, actor=self.person(actor), body=body, now=at)

    def customer_reply(self, at, *, body):
        super().customer_reply(at, body=body)
        services.customer_reply(ticket=self.ticket, actor=self.person(self.asker.user_id), body=body, now=at)

    def assign(self, at, *, owner, actor):
        super().assign(at, owner=owner, actor=actor)
        services.assign(ticket=self.ticket, owner=self.person(owner), actor=self.person(actor), now=at)

    def set_status(self, at, *, status, actor):
        super().set_status(at, status=status, actor=actor)
        services.set_status(ticket=self.ticket, status=status, actor=self.person(actor), now=at)

    def judge_claim(self, at, *, actor, **judgement):
        super().judge_claim(at, actor=actor, **judgement)
        services.judge_claim(ticket=self.ticket, actor=self.person(actor), now=at, **judgement)

    def close_by_customer(self, at):
        super().close_by_customer(at)
        services.close_by_customer(ticket=self.ticket, actor=self.person(self.asker.user_id), now=at)

    def acknowledge(self, at, *, actor):
        super().acknowledge(at, actor=actor)
        newest = Escalation.objects.filter(ticket=self.ticket, state=Escalation.State.FIRED).order_by("id").last()
        if newest:
            acknowledge(escalation=newest, actor=self.person(actor), now=at)

    def sweep(self, now):
        super().sweep(now)
        sweep(now=now)

    def ask_exception(self, at, *, clock, code, wish, evidence, actor):
        asked = super().ask_exception(at, clock=clock, code=code, wish=wish, evidence=evidence, actor=actor)
        services.request_exception(
            clock=self.ticket.clocks.order_by("id")[self.clocks.index(clock)],
            code=ExceptionCode.objects.get(code=code),
            wish=wish,
            evidence=evidence,
            actor=self.person(actor),
            now=at,
        )
        return asked

    def decide_exception(self, at, asked, *, actor, **decision):
        super().decide_exception(at, asked, actor=actor, **decision)
        stored = ClockException.objects.filter(clock__ticket=self.ticket).order_by("id")[self.asked.index(asked)]
        services.decide_exception(exception=stored, actor=self.person(actor), now=at, **decision)

    def explain_breach(self, **_cause):
        """No service for it yet."""


def plain(model, rows, *, places):
    """Rows as lists of plain values; ids and what is random left out, references numbered from 0."""
    skipped = {"id", "reply_token", "message_id", "ticket_id", "delivered_at"}
    names = COLUMNS[model].split()
    found = []
    for row in rows:
        values = json.loads(json.dumps(dict(zip(names, row, strict=True)), default=str))
        if "clock_id" in values:
            values["clock_id"] = places[Clock].index(values["clock_id"])
        for name, other in (("message", Message), ("exception", ClockException), ("clock", Clock)):
            if name in values.get("data", {}):
                values["data"][name] = places[other].index(values["data"][name])
        found.append({name: value for name, value in values.items() if name not in skipped})
    return found


def assert_same(story: Twin) -> None:
    told = {model: list(rows) for model, rows in story.rows.waiting.items()}
    for rows in story.rows.waiting.values():
        rows.clear()
    stored = {
        model: list(
            model.objects.filter(**{("pk" if model is Ticket else "ticket"): story.ticket.pk})
            .order_by("id")
            .values_list(*COLUMNS[model].split())
            if model not in (ClockEvent, ClockException)
            else model.objects.filter(clock__ticket=story.ticket).order_by("id").values_list(*COLUMNS[model].split())
        )
        for model in COLUMNS
    }
    for model in COLUMNS:
        mine, theirs = (
            plain(
                model,
                rows[model],
                places={key: [row[0] for row in rows[key]] for key in REFERRED},
            )
            for rows in (told, stored)
        )
        assert mine == theirs, f"{model.__name__} of “{story.topic.subject}”"


@pytest.fixture
def cast(monkeypatch):
    """People and companies that bought e-mail support only: chats and calls have no services yet."""
    world = make_world(rng=Random(7), accounts=12, now=NOW, days=60)
    customers = [
        replace(one, entitlements={hub: replace(row, channels=("email",)) for hub, row in one.entitlements.items()})
        for one in world.customers
    ]
    monkeypatch.setattr("helpdesk.management.demo.cast.Story", Twin)
    return Cast(world=replace(world, customers=tuple(customers)), rng=Random(8), now=NOW, days=60, say=print)


def test_a_past_ticket_is_what_the_services_would_have_written(cast, monkeypatch):
    finished = []
    monkeypatch.setattr(Twin, "finish", lambda story, until: (Story.finish(story, until), finished.append(story)))
    for at in cast.arrivals(40):
        with transaction.atomic():
            cast.past(at)
            assert_same(finished[-1])
            transaction.set_rollback(True)
    assert len(finished) == 40


@pytest.mark.parametrize("scene", [*MINA.values(), *SCENES])
def test_an_open_ticket_is_what_the_services_would_have_written(cast, scene):
    scene, story = cast.cast(scene)
    story.open(NOW - scene.age * timedelta(minutes=1), critical=scene.critical)
    scene.happened(Present(story, rng=cast.rng, now=NOW))
    story.finish(NOW)
    assert_same(story)


def test_the_entitlements_are_those_of_the_database(cast):
    for customer in cast.world.customers:
        account = Membership.objects.filter(account=customer.account_id).first().account
        assert {row.hub.pk for row in entitlements(account=account, now=NOW)} == set(customer.entitlements)


def test_past_plots_end_before_now(cast):
    at = NOW - timedelta(hours=41)
    with transaction.atomic():
        customer = cast.somebody(at)
        story = Story(
            world=cast.world,
            rows=cast.rows,
            rng=cast.rng,
            customer=customer,
            asker=customer.askers[0],
            topic=cast.topic(customer, critical=False),
        )
        Past(story, rng=cast.rng, now=NOW).tell(at)
        assert story.now < NOW
        assert story.status in ("solved", "closed")
