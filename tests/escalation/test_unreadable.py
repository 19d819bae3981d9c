"""One clock that cannot be reckoned must not silence everybody's escalations (SPEC 2.5)."""

from datetime import timedelta

import pytest

from helpdesk.escalation.sweep import sweep
from helpdesk.sla.models import CalendarVersion, Clock, PolicyVersion
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db


def spoil_policy(clock: Clock, now) -> None:
    policy = clock.policy_version.policy
    bad = PolicyVersion.objects.create(
        policy=policy, number=2, document={"steps": "none"}, is_current=False, created_at=now
    )
    Clock.objects.filter(pk=clock.pk).update(policy_version=bad)


def spoil_calendar(clock: Clock, now) -> None:
    calendar = clock.calendar_version.calendar
    bad = CalendarVersion.objects.create(
        calendar=calendar, number=2, definition={"timezone": "US/Pacific-New"}, is_current=False, created_at=now
    )
    Clock.objects.filter(pk=clock.pk).update(calendar_version=bad)


@pytest.mark.parametrize("spoil", [spoil_policy, spoil_calendar])
def test_the_others_are_swept_and_the_spoiled_one_loses_no_step(spoil, now):
    StaffFactory(staff_role="manager")
    spoiled, sound = (make_ticket(MembershipFactory(), now=now).clocks.get() for _ in range(2))
    spoil(spoiled, now)
    Clock.objects.filter(pk=spoiled.pk).update(next_check_at=now)  # so it is the first, whichever way rows are read
    later = now + timedelta(days=3)

    result = sweep(now=later, batch_size=1)
    assert (result.fired, result.failed, result.batches) == (1, 1, 2)  # and is tried once
    steps = set(sound.escalations.values_list("percent", "reminder"))
    assert len(steps) >= 3

    Clock.objects.filter(pk=spoiled.pk).update(
        policy_version=sound.policy_version, calendar_version=sound.calendar_version
    )
    assert sweep(now=later).failed == 0
    assert set(spoiled.escalations.values_list("percent", "reminder")) == steps
