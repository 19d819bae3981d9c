"""A team at work, and policies with the steps that a test wants."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from helpdesk.accounts.models import Absence, User
from helpdesk.sla.models import PolicyVersion
from helpdesk.subscriptions.models import Hub
from tests.factories import StaffFactory, TeamFactory, add_to_team
from tests.mail_server import port, smtp  # noqa: F401 - fixtures

HOUR = timedelta(hours=1)


@pytest.fixture
def crew() -> SimpleNamespace:
    """A team of two specialists and their lead that serves the Content Hub; a manager and an administrator."""
    team = TeamFactory(name="Content team")
    people = {
        "anna": StaffFactory(full_name="Anna Meier"),
        "jan": StaffFactory(full_name="Jan Nowak"),
        "olu": StaffFactory(full_name="Olu Adeyemi", staff_role="team_lead"),
        "helen": StaffFactory(full_name="Helen Marsh", staff_role="manager"),
        "robin": StaffFactory(full_name="Robin Ellery", staff_role="administrator"),
    }
    add_to_team(team, people["anna"])
    add_to_team(team, people["jan"])
    add_to_team(team, people["olu"], lead=True)
    Hub.objects.get(code="content").teams.add(team)
    return SimpleNamespace(team=team, **people)


@pytest.fixture
def climb(now) -> Callable[..., PolicyVersion]:
    """Gives a policy (that of designated super admins, an hour) other steps, in a new version."""

    def change(*steps: dict[str, Any], policy: str = "Standard, designated super admins", **terms: Any):
        old = PolicyVersion.objects.get(policy__name=policy, is_current=True)
        PolicyVersion.objects.filter(pk=old.pk).update(is_current=False)
        document = {**old.document, "steps": list(steps), **terms}
        return PolicyVersion.objects.create(
            policy_id=old.policy_id, number=old.number + 1, document=document, created_at=now
        )

    return change


@pytest.fixture
def leave(now) -> Callable[..., Absence]:
    """Somebody is away from an hour before `now` on, for a number of days."""

    def write(person: User, *, days: int = 2) -> Absence:
        return Absence.objects.create(user=person, starts_at=now - HOUR, ends_at=now + days * 24 * HOUR)

    return write
