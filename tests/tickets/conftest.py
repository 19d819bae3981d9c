"""What the scenarios have at hand: people, and a proof after each of them."""

from collections.abc import Iterator

import pytest

from helpdesk.accounts.models import Team
from helpdesk.subscriptions.models import Hub
from tests.factories import StaffFactory, TeamFactory, add_to_team
from tests.tickets.proofs import prove_all


@pytest.fixture
def proven(db) -> Iterator[None]:
    """After the test: every clock is what its events say, every change has its event, and every event its actor."""
    yield
    prove_all()


@pytest.fixture
def team(db) -> Team:
    """The team that serves the Content Hub."""
    team = TeamFactory()
    Hub.objects.get(code="content").teams.add(team)
    return team


@pytest.fixture
def specialist(team):
    specialist = StaffFactory()
    add_to_team(team, specialist)
    return specialist


@pytest.fixture
def colleague(team):
    colleague = StaffFactory()
    add_to_team(team, colleague)
    return colleague


@pytest.fixture
def lead(team):
    lead = StaffFactory(staff_role="team_lead")
    add_to_team(team, lead, lead=True)
    return lead


@pytest.fixture
def manager(db):
    return StaffFactory(staff_role="manager")
