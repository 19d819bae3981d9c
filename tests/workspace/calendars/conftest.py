"""A manager who is signed in, and the calendar that is there."""

import pytest
import time_machine

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Calendar
from tests.factories import StaffFactory


@pytest.fixture(autouse=True)
def today(now):
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture
def manager(client):
    person = StaffFactory(staff_role=StaffRole.MANAGER, full_name="Mary Okoye")
    client.force_login(person)
    return person


@pytest.fixture
def calendar():
    return Calendar.objects.get()
