"""Escalations that fired, how fast they were acknowledged and how late they were noticed (SPEC 2.6)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from helpdesk.escalation.models import Escalation
from helpdesk.reports.breaches import Filters, Part, selection
from helpdesk.reports.figures import report
from helpdesk.reports.promptness import Promptness
from helpdesk.reports.verification import verify_report
from helpdesk.tickets.models import Ticket
from tests.factories import StaffFactory, make_ticket
from tests.reports.test_breach_figures import NOVEMBER

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager", time_zone="Europe/Berlin")


def escalated(ticket: Ticket, percent: int, *, late=0 * SECOND, acknowledged=None, state="fired") -> None:
    """`late` is how long it took to notice it, `acknowledged` how long after that somebody did."""
    clock, due = ticket.clocks.get(), ticket.created_at + percent * MINUTE
    Escalation.objects.create(
        clock=clock,
        ticket=ticket,
        deadline_version=1,
        percent=percent,
        state=state,
        due_at=due,
        detected_at=due + late,
        acknowledged_at=None if acknowledged is None else due + late + acknowledged,
    )


@pytest.fixture
def three(now) -> list[Ticket]:
    """Two escalations, of which one was noticed late; one that nobody acknowledged; a superseded one only."""
    first, second, third = (make_ticket(now=now) for _index in range(3))
    escalated(first, 50, acknowledged=2 * MINUTE)
    escalated(first, 75, late=61 * SECOND, acknowledged=8 * MINUTE)
    escalated(second, 50, late=60 * SECOND)  # exactly a minute is not more than one
    escalated(third, 50, late=90 * MINUTE, state="superseded")
    return [first, second, third]


def parts(manager, escalated: str, *, now) -> set[int]:
    filters, later = Filters(period=NOVEMBER), now + timedelta(days=1)
    clocks = selection(filters, reader=manager, now=later, part=Part(escalated=escalated))
    return set(clocks.values_list("ticket_id", flat=True))


def test_what_is_told_and_what_each_number_opens(manager, three, now):
    first, second, _third = (ticket.pk for ticket in three)
    assert report(Filters(period=NOVEMBER), reader=manager, now=now + timedelta(days=1)).prompt == Promptness(
        fired=3,
        targets=2,
        waiting=1,
        waiting_targets=1,
        acknowledged_p50=2 * MINUTE,
        acknowledged_p90=8 * MINUTE,
        noticed_p50=60 * SECOND,
        noticed_p99=61 * SECOND,
        late=1,
        late_targets=1,
    )
    assert parts(manager, "fired", now=now) == {first, second}
    assert parts(manager, "waiting", now=now) == {second}
    assert parts(manager, "late", now=now) == {first}


def test_without_escalations_there_is_no_share_of_nothing(manager, now, client):
    make_ticket(now=now)
    client.force_login(manager)
    with time_machine.travel(now + timedelta(days=1), tick=False):
        assert "None fired." in client.get(reverse("admin:breach_report")).text


def test_who_is_no_manager_is_told_nothing(three, now):
    later = now + timedelta(days=1)
    assert report(Filters(period=NOVEMBER), reader=StaffFactory(), now=later).prompt == Promptness()


def test_the_page_shows_it_with_links(manager, three, now, client):
    client.force_login(manager)
    with time_machine.travel(now + timedelta(days=1), tick=False):
        page = client.get(reverse("admin:breach_report")).text
        assert "escalated=waiting" in page
        assert "2m <small>8m</small>" in page
        listed = client.get(reverse("admin:breach_list"), {"escalated": "waiting"})
        assert "escalation never acknowledged" in listed.text
        assert [target.ticket for target in listed.context["targets"]] == [three[1].pk]
        assert client.get(reverse("admin:breach_list"), {"escalated": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_recount_counts_the_same(three, now, monkeypatch):
    later = now + timedelta(days=1)
    assert verify_report(NOVEMBER, now=later).examples == []
    Escalation.objects.filter(acknowledged_at=None).delete()
    monkeypatch.setattr("helpdesk.reports.figures.promptness", lambda _row: Promptness(fired=2))
    assert "escalated" in " ".join(verify_report(NOVEMBER, now=later).examples)
