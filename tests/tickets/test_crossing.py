"""Acts on several tickets that cross each other, really committed: nothing lost, all told, no deadlock (SPEC 2.8)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.notifications.models import OutboxMail
from helpdesk.tickets import services
from helpdesk.tickets.models import BulkAct, Draft, Message, Status, Ticket, TicketEvent
from helpdesk.tickets.services import BulkOrder, Crossed, Refused, Typed
from tests.at_once import at_once
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.tickets.proofs import prove_all

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE, BIT = timedelta(minutes=1), timedelta(milliseconds=10)
LATER = NOW + MINUTE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tickets():
    member = DesignatedFactory()
    return [make_ticket(member, now=NOW, subject=f"Matter {number}", body=f"Text {number}") for number in range(3)]


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def olu():
    return StaffFactory(full_name="Olu Adeyemi")


def merging(ticket, into, actor, now=LATER):
    return lambda: services.merge(ticket=ticket, into=into, actor=actor, reason="The same", now=now)


def bulk(kind, tickets, actor, *, now=LATER, shown_at=None, key="a" * 32, **values):
    order = BulkOrder(kind=kind, values=values, reason="Tidied up", shown_at=shown_at)
    pks = [ticket.pk for ticket in tickets]
    return services.run_bulk(order=order, ticket_ids=pks, actor=actor, now=now, submission=key)


def outcome(act, ticket) -> dict:
    return next(row for row in BulkAct.objects.get(pk=act.pk).outcomes if row["ticket"] == ticket.pk)


def every_text_stands_once(*tickets) -> None:
    found = sorted(Message.objects.filter(kind="customer").values_list("body", flat=True))
    assert found == [f"Text {number}" for number in range(len(tickets))]


@pytest.mark.parametrize("_again", range(3))
def test_two_merge_the_same_two_tickets_into_each_other(tickets, anna, olu, _again):
    """One is merged; whoever comes second hears where it went."""
    one, two, three = tickets
    raised = at_once(merging(one, two, anna), merging(two, one, olu, LATER + BIT))
    assert [type(error) for error in raised] == [Refused]
    gone = Ticket.objects.get(status=Status.MERGED)
    assert f"{gone.reference} was merged into PS-{gone.merged_into_id} already" in str(raised[0])
    assert {gone.pk, gone.merged_into_id} == {one.pk, two.pk}
    assert gone.merged_into.messages.filter(kind="customer").count() == 2
    every_text_stands_once(one, two, three)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_one_ticket_is_merged_into_another_that_is_itself_merged_away(tickets, anna, olu, _again):
    """A into B while B goes into C: in whichever order they come, all three texts stand in one place that is open."""
    one, two, three = tickets
    raised = at_once(merging(one, two, anna), merging(two, three, olu, LATER + BIT))
    assert all(isinstance(error, Refused) for error in raised)
    assert Ticket.objects.get(pk=two.pk).merged_into_id == three.pk
    one.refresh_from_db()
    if raised:  # B was gone already: A stays as it was, and the one who merged it knows
        assert (one.status, one.merged_into_id, one.messages.filter(kind="customer").count()) == ("new", None, 1)
    else:
        assert one.merged_into_id == two.pk
        assert three.messages.filter(kind="customer").count() == 3
    every_text_stands_once(one, two, three)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_three_merges_in_a_ring(tickets, anna, olu, _again):
    one, two, three = tickets
    raised = at_once(merging(one, two, anna), merging(two, three, olu), merging(three, one, StaffFactory()))
    assert all(isinstance(error, Refused) for error in raised)
    assert Ticket.objects.exclude(status=Status.MERGED).count() >= 1
    every_text_stands_once(one, two, three)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_many_are_taken_while_another_takes_merges_and_closes_some_of_them(tickets, anna, olu, _again):
    """Each ticket has one outcome, which says what really became of it."""
    one, two, three = tickets
    asked = []

    def close():
        services.close_by_customer(ticket=three, actor=three.requester, now=LATER)

    raised = at_once(
        lambda: asked.append(bulk("assign", tickets, anna, now=LATER + BIT, shown_at=NOW + BIT, owner=anna.pk)),
        lambda: services.assign(ticket=one, owner=olu, actor=olu, now=LATER),
        merging(two, one, olu),
        close,
    )
    assert raised == []
    rows = {row["ticket"]: row for row in BulkAct.objects.get(pk=asked[0].pk).outcomes}
    assert list(rows) == [ticket.pk for ticket in tickets]
    for ticket in tickets:
        had = TicketEvent.objects.filter(ticket=ticket, kind="assigned", actor=anna).exists()
        assert rows[ticket.pk]["done"] == had
        assert had or rows[ticket.pk]["why"]
    every_text_stands_once(*tickets)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_two_bulk_acts_over_the_same_tickets_in_opposite_order(tickets, anna, olu, _again):
    raised = at_once(
        lambda: bulk("assign", tickets, anna, owner=anna.pk),
        lambda: bulk("merge", tickets[::-1], olu, key="b" * 32, now=LATER + BIT, into=tickets[0].pk),
        lambda: bulk("status", tickets, StaffFactory(), key="c" * 32, now=LATER + 2 * BIT, status=Status.OPEN),
    )
    assert raised == []
    assert sorted(len(act.outcomes) for act in BulkAct.objects.all()) == [2, 3, 3]
    assert set(Ticket.objects.filter(status=Status.MERGED)) == set(tickets[1:])
    every_text_stands_once(*tickets)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_one_bulk_form_sent_three_times_at_once(tickets, anna, _again):
    assert at_once(*[lambda: bulk("assign", tickets, anna, owner=anna.pk)] * 3) == []
    assert [row["done"] for row in BulkAct.objects.get().outcomes] == [True] * 3
    assert TicketEvent.objects.filter(kind="assigned").count() == 3


@pytest.mark.parametrize("_again", range(3))
def test_two_specialists_send_at_once_and_one_is_asked_first(tickets, anna, olu, _again):
    """Both had the same last message before their eyes: one reply goes out, the other is kept and asked about."""
    ticket, seen = tickets[0], tickets[0].messages.latest("pk").pk

    def sending(actor, now):
        typed = Typed(body=f"From {actor.full_name}", status="open", submission=f"{actor.pk}" * 8, seen=seen)
        for_now = {"known": None, "now": NOW}
        services.save_draft(ticket=ticket, actor=actor, typed=typed, **for_now)
        return lambda: services.send(ticket=ticket, actor=actor, typed=typed, undo=timedelta(0), now=now)

    raised = at_once(sending(anna, LATER), sending(olu, LATER + BIT))
    assert [type(error) for error in raised] == [Crossed]
    sent = Message.objects.get(kind="reply")
    assert [message.pk for message in raised[0].messages] == [sent.pk]
    kept = Draft.objects.get()
    assert {kept.user, sent.author} == {anna, olu}
    assert kept.body == f"From {kept.user.full_name}"
    assert OutboxMail.objects.filter(template="reply").count() == 1
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_a_bulk_act_is_taken_back_while_another_changes_one_of_its_tickets(tickets, anna, olu, _again):
    """Theirs stands, and whoever takes back is told of that one; the others are as they were."""
    act = bulk("assign", tickets, anna, owner=anna.pk)
    one = tickets[1]
    raised = at_once(
        lambda: services.undo_bulk(act=act, actor=anna, now=LATER + MINUTE),
        lambda: services.assign(ticket=one, owner=olu, actor=olu, now=LATER + MINUTE + BIT),
    )
    assert raised == []
    assert Ticket.objects.get(pk=one.pk).owner == olu  # whoever came first
    assert set(Ticket.objects.exclude(pk=one.pk).values_list("owner", flat=True)) == {None}
    row = outcome(act, one)
    assert row["undone"] or row["why"] == "It was changed since."
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_a_bulk_act_is_taken_back_twice_at_once(tickets, anna, _again):
    act = bulk("assign", tickets, anna, owner=anna.pk)
    raised = at_once(*[lambda: services.undo_bulk(act=act, actor=anna, now=LATER + MINUTE)] * 2)
    assert [type(error) for error in raised] == [Refused]
    assert TicketEvent.objects.filter(kind="assigned").count() == 6


@pytest.mark.parametrize("_again", range(3))
def test_a_ticket_is_merged_while_a_reply_to_it_is_sent(tickets, anna, olu, _again):
    """The reply has left, and stands where the conversation went; or its writer is told why, and has it still."""
    one, two, _three = tickets
    typed = Typed(body="We are on it.", status="open", submission="d" * 32, seen=one.messages.latest("pk").pk)
    raised = at_once(
        merging(one, two, olu),
        lambda: services.send(ticket=one, actor=anna, typed=typed, undo=timedelta(0), now=LATER + BIT),
    )
    if raised:
        assert [type(error) for error in raised] == [Refused]
        assert not Message.objects.filter(kind="reply").exists()
    else:
        assert Message.objects.get(kind="reply").ticket_id == two.pk
        assert OutboxMail.objects.filter(template="reply").count() == 1
    assert Ticket.objects.get(pk=one.pk).merged_into_id == two.pk
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_a_ticket_is_merged_while_a_reply_to_it_is_on_its_way(tickets, anna, olu, _again):
    """In its seconds to be taken back it is a draft: it leaves before the merge, or its writer has it and is told."""
    one, two, _three = tickets
    typed = Typed(body="We are on it.", status="open", submission="e" * 32, seen=one.messages.latest("pk").pk)
    services.send(ticket=one, actor=anna, typed=typed, undo=10 * BIT, now=LATER)
    raised = at_once(merging(one, two, olu, LATER + MINUTE), lambda: services.leave_drafts(now=LATER + MINUTE))
    assert raised == []
    left = Message.objects.filter(kind="reply").first()
    if left is None:
        kept = Draft.objects.get()
        assert (kept.body, kept.leaves_at, bool(kept.refused)) == ("We are on it.", None, True)
        assert anna.notices.count() == 1
    else:
        assert (left.ticket_id, Draft.objects.count()) == (two.pk, 0)
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_a_ticket_is_split_while_it_is_merged(tickets, anna, olu, _again):
    """Split first, the new ticket has its copy; merged first, whoever splits is told."""
    one, two, _three = tickets
    chosen = [one.messages.get(kind="customer").pk]
    raised = at_once(
        merging(one, two, olu),
        lambda: services.split(ticket=one, messages=chosen, subject="Another", actor=anna, now=LATER + BIT),
    )
    made = Ticket.objects.filter(subject="Another").first()
    assert (made is None) == bool(raised)
    assert [type(error) for error in raised] in ([], [Refused])
    if made is not None:
        assert "Text 0" in made.messages.get().body
    assert two.messages.filter(body="Text 0").count() == 1
    prove_all()


@pytest.mark.parametrize("_again", range(3))
def test_two_incidents_take_each_other_in_while_they_are_linked(tickets, anna, olu, _again):
    one, two, _three = tickets
    raised = at_once(
        lambda: services.join_incident(ticket=one, incident=two, actor=anna, now=LATER),
        lambda: services.join_incident(ticket=two, incident=one, actor=olu, now=LATER + BIT),
        lambda: services.link(ticket=two, other=one, kind="related", actor=olu, now=LATER + BIT),
    )
    assert [type(error) for error in raised] == [Refused]
    assert Ticket.objects.filter(parent__isnull=False).count() == 1
    prove_all()


def test_new_tags_are_made_in_one_order_whatever_order_they_were_typed_in(tickets, anna):
    """Whoever makes a tag holds its name until they are done: two who make the same ones never wait in a ring."""
    names = ["pear", "Apple", "quince", "fig"]
    with CaptureQueriesContext(connection) as caught:
        services.change_tags(ticket=tickets[0], actor=anna, now=LATER, add=names)
    made = next(query["sql"] for query in caught if query["sql"].startswith('INSERT INTO "helpdesk_tag"'))
    assert [word for word in re.findall(r"\w+", made) if word in names] == ["Apple", "fig", "pear", "quince"]
