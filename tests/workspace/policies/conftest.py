"""A manager who is signed in, and the policy that every account starts with."""

import pytest
import time_machine

from helpdesk.sla.models import Policy
from tests.workspace.policies.pages import signed_in


@pytest.fixture(autouse=True)
def _today(now):
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def manager():
    return signed_in()


@pytest.fixture
def standard():
    return Policy.objects.get(name="Standard, designated super admins")
