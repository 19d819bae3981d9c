"""A ticket with a clock that runs, at five past one in Berlin."""

import pytest
import time_machine

from helpdesk.sla.models import Clock
from tests.factories import (
    TeamFactory,
    make_ticket,
)
from tests.workspace.exceptions.pages import MINUTE, NOW


@pytest.fixture(autouse=True)
def _half_past():
    """Half an hour after the tickets were opened."""
    with time_machine.travel(NOW + 30 * MINUTE, tick=False):
        yield


@pytest.fixture
def ticket():
    made = make_ticket(now=NOW)
    made.team = TeamFactory(name="Content team")
    made.save()
    return made


@pytest.fixture
def clock(ticket) -> Clock:
    return ticket.clocks.get()
