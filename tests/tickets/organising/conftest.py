"""A customer with a ticket."""

import pytest

from tests.factories import DesignatedFactory, make_ticket
from tests.tickets.scenes import at


@pytest.fixture
def customer():
    return DesignatedFactory()


@pytest.fixture
def ticket(customer):
    return make_ticket(customer, now=at(0))
