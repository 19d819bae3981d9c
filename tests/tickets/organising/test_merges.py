"""A merge is foreseen, carries everything with it, and two at once lose nothing."""

import pytest

from helpdesk.tickets import services
from helpdesk.tickets.models import (
    Status,
    TicketEvent,
)
from helpdesk.tickets.services import Fate, Refused
from tests.at_once import at_once
from tests.factories import make_ticket
from tests.tickets.organising.scene import a_file
from tests.tickets.proofs import prove_all
from tests.tickets.scenes import at, reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_a_merge_is_foreseen_clock_by_clock_and_nothing_is_done(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    fates = {
        (row.clock.ticket_id, row.clock.metric): row.fate
        for row in services.preview_merge(ticket=other, into=survivor, actor=specialist, now=at(30))
    }
    assert fates == {(other.pk, "first_response"): Fate.MOVES, (survivor.pk, "first_response"): Fate.ENDS}
    assert TicketEvent.objects.filter(kind="merged").count() == 0
    other.refresh_from_db()
    assert other.status == Status.NEW
    services.merge(ticket=other, into=survivor, actor=specialist, reason="", now=at(30))
    assert survivor.clocks.get(state="running").started_at == at(0)


def test_what_was_answered_keeps_its_verdict_in_the_preview(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    reply(other, specialist, 25)
    rows = services.preview_merge(ticket=other, into=survivor, actor=specialist, now=at(30))
    assert {(row.clock.ticket_id, row.fate) for row in rows} == {
        (other.pk, Fate.JUDGED),
        (survivor.pk, Fate.STAYS),
    }


def test_with_a_merge_go_its_files_and_those_who_watch(customer, specialist, colleague):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    services.watch(ticket=other, user=colleague, now=at(21))
    file = a_file(other, other.messages.get())
    services.merge(ticket=other, into=survivor, actor=specialist, reason="", now=at(30))
    file.refresh_from_db()
    assert file.ticket == survivor
    assert list(survivor.watches.values_list("user", flat=True)) == [colleague.pk]


def test_an_incident_with_tickets_on_it_is_not_merged_away(ticket, customer, specialist):
    part, into = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(1))
    with pytest.raises(Refused, match="hang on this incident"):
        services.merge(ticket=ticket, into=into, actor=specialist, reason="", now=at(2))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_two_merges_in_a_chain_lose_nothing(customer, specialist, colleague, _again):
    """A into B while B goes into C: both happen in order, or the second is told; every message has a living ticket."""
    a, b, c = (make_ticket(customer, now=at(minutes)) for minutes in (0, 1, 2))
    raised = at_once(
        lambda: services.merge(ticket=a, into=b, actor=specialist, reason="", now=at(10)),
        lambda: services.merge(ticket=b, into=c, actor=colleague, reason="", now=at(10)),
    )
    for row in (a, b, c):
        row.refresh_from_db()
    assert b.status == Status.MERGED
    if raised:
        assert [str(error) for error in raised] == [
            f"{b.reference} was merged into {c.reference} already. Nothing was changed."
        ]
        assert (a.status, c.messages.count()) == (Status.NEW, 2)
    else:
        assert (a.status, c.messages.count()) == (Status.MERGED, 3)
    assert b.messages.count() == 0
    prove_all()
