"""A specialist with a ticket on the page."""

import pytest
from django.utils import timezone

from tests.factories import DesignatedFactory, StaffFactory, UserFactory, make_ticket
from tests.workspace.composer.box import MINUTE


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


@pytest.fixture
def ticket():
    member = DesignatedFactory(user=UserFactory(full_name="Mina Okafor", language="ja", time_zone="Asia/Tokyo"))
    return make_ticket(member, now=timezone.now() - 10 * MINUTE)
