"""Who reaches what: every address of the service, as every role (SPEC 2.1).

The addresses come from the resolver, so that a new one is walked without anybody thinking of it, and
fails `test_every_address_has_its_row` until somebody has. What must stay secret belongs to one account;
`stranger` is a designated super admin of another one, `nobody` belongs to none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from helpdesk.accounts.models import Absence, Account, Membership, OnCallShift, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.channels.callback.models import CallRequest
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.escalation.models import ManagerRequest
from helpdesk.escalation.sweep import sweep
from helpdesk.knowledge.models import Article, Section
from helpdesk.notifications.models import Alarm
from helpdesk.reports.dryrun.services import start_dry_run
from helpdesk.reports.models import ReportSchedule
from helpdesk.reports.periods import Period
from helpdesk.reports.statements import issue
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, CannedReply, CustomField, Macro, Message, Rating, Ticket, TicketEvent
from helpdesk.tickets.services.rollouts import start_rollout
from tests.factories import (
    AccountFactory,
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    SubscriptionFactory,
    TeamFactory,
    UserFactory,
    add_to_team,
    make_ticket,
)
from tests.rights_table import POSTS, ROLES, TABLE

pytestmark = pytest.mark.django_db
MODELS = list(apps.get_app_config("helpdesk").get_models())
CUSTOMERS = ("stranger", "designated", "super_admin", "colleague")
SECRET = "Zanzibar"  # in every name and text that belongs to the account


@dataclass(frozen=True)
class Address:
    name: str
    parameters: tuple[str, ...]


def addresses() -> list[Address]:
    """Every named address of the service."""

    def walk(resolver: URLResolver, namespace: str, outer: tuple[str, ...]) -> Iterator[Address]:
        for entry in resolver.url_patterns:
            parameters = outer + tuple(entry.pattern.converters or entry.pattern.regex.groupindex)
            if isinstance(entry, URLResolver):
                inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
                yield from walk(entry, inner, parameters)
            elif isinstance(entry, URLPattern) and entry.name:
                yield Address(f"{namespace}{entry.name}", parameters)

    return sorted(set(walk(get_resolver(), "", ())), key=lambda address: address.name)


@dataclass
class World:
    people: dict[str, User]
    ticket: Ticket
    ids: tuple[str, ...]

    def client(self, role: str) -> Client:
        client = Client()
        if role != "anonymous":
            client.force_login(self.people[role], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    def urls(self, address: Address, ids: tuple[str, ...] | None = None) -> Iterator[str]:
        """The address with each of the secret account's ids in its place, the same one where it has two of them."""
        values = {"app_label": "helpdesk", "url": "nothing/"}
        choices = [tuple(values.get(name, id_) for name in address.parameters) for id_ in ids or self.ids]
        for choice in dict.fromkeys(choices):
            try:
                yield reverse(address.name, kwargs=dict(zip(address.parameters, choice, strict=True)))
            except NoReverseMatch:
                continue

    def url(self, address: Address) -> str:
        """The address of an object of its own kind: of the ticket, or of whatever stands in the database."""
        model = next((model for model in MODELS if f"_{model._meta.model_name}_" in address.name), Ticket)
        if address.name == "admin:auth_user_password_change":
            model = User
        if address.name.startswith("portal:person"):
            return next(self.urls(address, ids=(str(self.ticket.account.memberships.latest("pk").pk),)))
        return next(self.urls(address, ids=(str(model.objects.order_by("-pk").first().pk),)))

    def state(self) -> list:
        """All that a forbidden request could have changed."""
        return [
            list(Ticket.objects.order_by("pk").values()),
            list(Account.objects.order_by("pk").values()),
            list(Membership.objects.order_by("pk").values()),
            Message.objects.count(),
            TicketEvent.objects.count(),
            list(ClockException.objects.values()),
            list(ManagerRequest.objects.order_by("pk").values()),
            list(Rating.objects.order_by("pk").values()),
        ]


@pytest.fixture
def world(now) -> World:
    account = AccountFactory(name=f"{SECRET} Freight")
    other = DesignatedFactory(account=AccountFactory(name="Other Works"))
    SubscriptionFactory(account=other.account)
    people = {
        "designated": DesignatedFactory(account=account, user=UserFactory(full_name=f"Mina {SECRET}")).user,
        "super_admin": MembershipFactory(account=account, role=Membership.Role.SUPER_ADMIN).user,
        "colleague": MembershipFactory(account=account).user,
        "stranger": other.user,
        "nobody": UserFactory(),
    } | {role: StaffFactory(staff_role=role) for role in StaffRole.values}
    membership = people["designated"].memberships.get()
    ticket = make_ticket(membership, subject=f"{SECRET} is down", body=f"All of {SECRET}.", critical=True, now=now)
    IdentityProvider.objects.create(account=account, name=SECRET, issuer="https://login.zanzibar.example")
    services.add_note(ticket=ticket, actor=people["specialist"], body="Internally: budget is thin.", now=now)
    services.request_exception(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.get(code="third-party"),
        wish=services.Wish(effect=Effect.VOID),
        evidence=f"{SECRET} was told.",
        actor=people["specialist"],
        now=now,
    )
    team, hour = TeamFactory(), timedelta(hours=1)
    add_to_team(team, people["team_lead"], lead=True)
    Absence.objects.create(user=people["manager"], starts_at=now - hour, ends_at=now + hour)
    OnCallShift.objects.create(user=people["specialist"], team=team, starts_at=now - hour, ends_at=now + hour)
    CustomField.objects.create(code="seats", label="Seats", kind="number")
    Article.objects.create(slug="forms", section=Section.objects.create(slug="problems", name="Problems"))
    # With the ticket's own number, so that an address with two of them leads to something.
    CannedReply.objects.create(pk=ticket.pk, name="Thanks", body="Thank you.")
    note = ticket.messages.get(kind=Message.Kind.NOTE)
    Attachment.objects.create(
        pk=ticket.pk,
        ticket=ticket,
        message=note,
        uploaded_by=people["specialist"],
        name=f"{SECRET} budget.txt",
        content_type="text/plain",
        size=6,
        file=ContentFile(b"budget", name="x"),
        created_at=now,
    )
    CallRequest.objects.create(
        pk=ticket.pk,
        ticket=ticket,
        account=account,
        requester=people["designated"],
        submission="1/A",
        number="+4930901820",
        time_zone="UTC",
        callable_at=now,
        asked_at=now,
    )
    answered = ask_manager(ticket=ticket, actor=people["specialist"], reason=f"{SECRET} is angry.", now=now)
    by = {"by": people["designated"], "specialist": people["specialist"]}
    rated = Rating.objects.create(ticket=ticket, **by, score=2, comment=f"{SECRET} waits", rated_at=now, changed_at=now)
    Macro.objects.create(name="Wait", acts=[{"do": "status", "status": "waiting"}])
    Alarm.objects.create(name="mail_dead", since=now, detail={"count": 1})
    day = Period(first=now.date(), last=now.date(), zone=ZoneInfo("UTC"))
    version = ticket.policy_version
    start_dry_run(name=SECRET, policy=version.policy, terms=version.terms, period=day, actor=people["manager"], now=now)
    start_rollout(policy=ticket.policy_version.policy, reason="New rules", actor=people["manager"], now=now)
    with connection.cursor() as cursor:  # its statement has the ticket's number, too: nobody changes it afterwards
        cursor.execute("SELECT setval('helpdesk_statement_id_seq', %s, false)", [ticket.pk])
    made, _is_new = issue(account=account, month=date(2026, 10, 1), actor=None, now=now)
    ReportSchedule.objects.create(
        pk=ticket.pk, name="Weekly", at=time(7, 0), created_at=now, created_by=people["manager"], next_at=now
    )
    sweep(now=now + timedelta(minutes=16))  # an escalation, a notice
    sweep(now=timezone.now())  # a heartbeat
    objects = [ticket, account, people["designated"], *ticket.clocks.all(), *ticket.messages.all(), answered, rated]
    objects += [made, *ClockException.objects.all()]
    ids = {str(row.pk) for row in [*objects, *ticket.events.all()]}
    return World(people=people, ticket=ticket, ids=tuple(sorted(ids)))


def test_every_address_has_its_row():
    assert sorted(TABLE) == [address.name for address in addresses()]


@pytest.mark.parametrize("role", ["anonymous", "nobody", "stranger"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_reaches_another_accounts_anything(world, role, method):
    client = world.client(role)
    before = world.state()
    for address in addresses():
        for url in world.urls(address):
            answer = getattr(client, method)(url)
            text = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert SECRET.encode() not in text, url
            assert SECRET not in answer.headers.get("Location", ""), url
            if role != "anonymous" and not client.cookies["sessionid"].value:  # signing out is an address, too
                client = world.client(role)
    assert world.state() == before


def test_a_colleague_without_the_role_does_not_read_others_tickets(world):
    client = world.client("colleague")
    for address in addresses():
        for url in world.urls(address):
            answer = client.get(url)
            text = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert b"is down" not in text, url


@pytest.mark.parametrize("role", ["designated", "super_admin"])
def test_no_customer_reads_an_internal_note(world, role):
    client = world.client(role)
    for address in addresses():
        for url in world.urls(address, ids=(str(world.ticket.pk),)):
            answer = client.get(url)
            text = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert b"budget" not in text, url


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_the_table_says(world, role):
    client = world.client(role)
    answers = {address.name: str(client.get(world.url(address)).status_code) for address in addresses()}
    column = ROLES.index(role)
    assert answers == {name: row.split()[column] for name, row in TABLE.items()}


def is_customers(address: Address) -> bool:
    return address.name.startswith("portal:")


def test_every_form_of_the_portal_has_its_row(world):
    """What takes a POST at all, found by trying: a new form fails here until somebody says who may send it."""
    takes = set()
    for address in filter(is_customers, addresses()):
        if world.client("nobody").post(world.url(address)).status_code != 405:
            takes.add(address.name)
    assert takes == set(POSTS)


@pytest.mark.parametrize("name", POSTS)
def test_each_form_does_for_each_role_what_the_table_says(world, name):
    """Sent with all that it needs, for the ticket of the secret account; who may not, changes nothing."""
    values, codes = POSTS[name]
    address = next(address for address in addresses() if address.name == name)
    before, answers = world.state(), []
    for role in ROLES:
        with transaction.atomic():  # taken back: each role finds the same world
            answer = world.client(role).post(world.url(address), values(world) if callable(values) else values)
            answers.append(str(answer.status_code))
            if role not in CUSTOMERS or answer.status_code == 404:
                assert world.state() == before, role
            transaction.set_rollback(True)
    assert answers == codes.split()
