"""A customer who may be called, the people who call, and a proof after each scenario."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.accounts.models import Membership
from helpdesk.channels.callback import calling, services
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.core.channels import Channel
from helpdesk.sla.audit import Rules, audit
from helpdesk.sla.models import Clock
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.subscriptions.models import Hub
from tests.channels.callback.switchboard import ACCOUNT, TOKEN, Exchange
from tests.factories import (
    AccountFactory,
    DesignatedFactory,
    StaffFactory,
    SubscriptionFactory,
    TeamFactory,
    UserFactory,
    add_to_team,
)
from tests.tickets.proofs import prove_all

NUMBER = "+4930901820"


@pytest.fixture
def proven(db) -> Iterator[None]:
    """After the test: clocks are what their events say, and the auditor, who reckons by himself, agrees."""
    yield
    prove_all()
    assert audit(list(Clock.objects.values_list("pk", flat=True)), Rules()) == {}


@pytest.fixture
def mina(db) -> Membership:
    account = AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")
    SubscriptionFactory(account=account, hub=Hub.objects.get(code="content"))
    return DesignatedFactory(account=account, user=UserFactory(full_name="Mina Okafor", time_zone="Europe/Berlin"))


@pytest.fixture
def team(db):
    team = TeamFactory(name="Content team")
    Hub.objects.get(code="content").teams.add(team)
    return team


@pytest.fixture
def anna(team):
    anna = StaffFactory(full_name="Anna Meier")
    add_to_team(team, anna)
    return anna


@pytest.fixture
def olu(team):
    olu = StaffFactory(full_name="Olu Adeyemi")
    add_to_team(team, olu)
    return olu


@pytest.fixture
def at(now) -> Callable[[float], datetime]:
    """So many minutes after `now`, 12:05 UTC on a Tuesday, when the standard hours (09:00 to 17:00) are open."""
    return lambda minutes: now + timedelta(minutes=minutes)


@pytest.fixture
def new_call(mina) -> Callable[..., services.NewCall]:
    def make(membership: Membership | None = None, **changes) -> services.NewCall:
        membership = membership or mina
        entitled = entitlements(account=membership.account, now=datetime(2026, 11, 24, tzinfo=UTC))
        values = {
            "membership": membership,
            "entitlement": next(row for row in entitled if row.includes(Channel.PHONE)),
            "key": "A" * 22,
            "subject": "Deals don't move",
            "body": "Deals don't move to the next stage.",
            "number": NUMBER,
            "time_zone": "Europe/Berlin",
        }
        return services.NewCall(**(values | changes))

    return make


@pytest.fixture
def ask(new_call, now) -> Callable[..., CallRequest]:
    def make(*args, at: datetime = now, **changes) -> CallRequest:
        return services.ask(new=new_call(*args, **changes), now=at).call

    return make


@pytest.fixture
def exchange(settings) -> Iterator[Exchange]:
    server = Exchange()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    settings.TELEPHONY, settings.TWILIO_URL = "twilio", server.url
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, TOKEN
    settings.TWILIO_FROM, settings.TWILIO_DESK = "+493055570142", "sip:desk@premium.example"
    settings.SITE_URL = "https://help.premium.example"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def attempt(exchange, ask, anna, at) -> CallAttempt:
    return calling.dial(call=ask(), actor=anna, now=at(1))
