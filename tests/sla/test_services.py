"""Which rules a clock is under, and what is written down of it: an auditor has nothing else to go by (SPEC 2.2)."""

from datetime import timedelta

import pytest

from helpdesk.sla import services, versions
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Calendar, Policy
from helpdesk.sla.terms import Facts
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FACTS = Facts(hub="content", channel="email", role="designated", severity="critical", account=1)
TOKYO = {"timezone": "Asia/Tokyo", "weekly": {"mon": [["10:00", "18:00"]]}}


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


def add_calendar(manager, now, **more) -> Calendar:
    common = {"definition": TOKYO, "day_names": {}, "actor": manager, "now": now}
    return versions.create_calendar(name="Tokyo", **common, **more)


@pytest.mark.parametrize(("days", "number"), [(None, 4), (3, 4), (2, 4), (1.5, 3), (1, 3), (0, 2), (-365 * 30, 1)])
def test_a_ticket_is_judged_by_the_newest_rules_that_there_were_when_it_came(manager, now, days, number):
    """Also when it is raised to critical weeks later."""
    policy = Policy.objects.order_by("position").first()
    terms = policy.versions.get(is_current=True).terms
    for later in range(3):
        versions.publish_policy(policy=policy, terms=terms, actor=manager, now=now + later * DAY)
    chosen = services.choose_policy(FACTS, as_of=None if days is None else now + days * DAY)
    assert (chosen.policy, chosen.number) == (policy, number)


def test_an_account_counts_on_the_calendar_in_force_of_its_own_or_else_on_the_standard_one(manager, now):
    standard = Calendar.objects.get(is_default=True)
    own = add_calendar(manager, now)
    account = MembershipFactory().account
    assert services.business_calendar(account).calendar == standard
    account.calendar = own
    assert services.business_calendar(account).calendar == own
    common = {"definition": TOKYO | {"holidays": ["2026-12-28"]}, "day_names": {}, "actor": manager, "now": now}
    again = versions.publish_calendar(calendar=own, **common)
    assert services.business_calendar(account) == again


def test_an_event_names_the_versions_of_the_rules_that_it_was_reckoned_by(now):
    ticket = make_ticket(MembershipFactory(), now=now)
    clock = ticket.clocks.get(metric=Metric.FIRST_RESPONSE)
    assert clock.calendar_version is not None
    assert services.under(clock) == {
        "policy_version": clock.policy_version_id,
        "calendar_version": clock.calendar_version_id,
    }
    assert services.under(clock).items() <= clock.events.get().data.items()


def test_a_clock_that_goes_over_to_another_ticket_keeps_its_whole_story(manager, now):
    """Else the customer's wait would begin again, and nobody could prove what was promised at first."""
    ticket, into = make_ticket(now=now), make_ticket(now=now)
    clock = ticket.clocks.get(metric=Metric.FIRST_RESPONSE)
    services.pause(clock, now=now + 5 * MINUTE, actor=manager, questioned=False)
    services.resume(clock, now=now + 10 * MINUTE, actor=manager)
    services.cancel(clock, now=now + 12 * MINUTE, actor=manager, reason="merged")
    heir = services.take_over(clock, ticket_id=into.pk, now=now + 12 * MINUTE, owner_id=None)
    heir.refresh_from_db()
    told = [(row.number, row.kind, row.at, row.actor, row.data) for row in clock.events.order_by("number")[:3]]
    assert [(row.number, row.kind, row.at, row.actor, row.data) for row in heir.events.order_by("number")] == [
        (number, kind, at, actor, data | {"copy_of": clock.pk}) for number, kind, at, actor, data in told
    ]
    assert set(heir.events.values_list("recorded_at", flat=True)) == {now + 12 * MINUTE}
    assert (heir.state, heir.due_at, heir.cycle, heir.event_count) == ("running", now + 65 * MINUTE, 2, 3)
    assert (heir.promise, heir.policy_version, heir.cause, heir.cause_note) == (
        clock.promise,
        clock.policy_version,
        clock.cause,
        clock.cause_note,
    )
    assert heir.next_check_at == now + 35 * MINUTE  # half of the hour, by the first step
