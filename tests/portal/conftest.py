"""An account with people in each role, and a browser without a screen for each of them."""

from types import SimpleNamespace

import pytest
import time_machine
from django.test import Client

from helpdesk.accounts.models import Membership
from helpdesk.subscriptions.models import Hub
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, SubscriptionFactory, UserFactory


@pytest.fixture
def frozen(now):
    """The pages' time stands still at `now`."""
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def kestrel(db) -> SimpleNamespace:
    """Kestrel: covered for two hubs, with a designated super admin, a super admin and a user."""
    account = AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")
    for code in ("content", "marketing"):
        SubscriptionFactory(account=account, hub=Hub.objects.get(code=code), ends_on=None)
    people = {
        "mina": DesignatedFactory(
            account=account, user=UserFactory(full_name="Mina Okafor", time_zone="Europe/Berlin")
        ),
        "tomas": MembershipFactory(
            account=account, role=Membership.Role.SUPER_ADMIN, user=UserFactory(full_name="Tomás Ferreira")
        ),
        "aoife": MembershipFactory(account=account, user=UserFactory(full_name="Aoife Brennan")),
    }
    return SimpleNamespace(account=account, **people)


@pytest.fixture
def sign_in():
    """A client of a person, given a user or a membership."""

    def client_of(person, **defaults) -> Client:
        client = Client(**defaults)
        client.force_login(getattr(person, "user", person))
        return client

    return client_of


@pytest.fixture
def filled():
    """A form that can be sent as it is; change what a test is about."""

    def data(**changes) -> dict[str, str]:
        return {
            "key": "A" * 22,
            "hub": "content",
            "subject": "Forms show a blank page",
            "body": "Since 13:40 every form is blank.",
            "cc": "",
        } | changes

    return data


@pytest.fixture
def time_machine_at():
    """The pages' time stands still at an instant of one's own."""
    return lambda at: time_machine.travel(at, tick=False)
