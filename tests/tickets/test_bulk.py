"""Acts on many tickets: an account of each, done once, and taken back where nobody has touched it since."""

from datetime import timedelta

import pytest

from helpdesk.sla.clock import Metric, State
from helpdesk.tickets import services
from helpdesk.tickets.models import BulkAct, Priority, Reading, Status, Tag, TicketEvent
from helpdesk.tickets.services import BulkOrder, Refused, bulk, run_bulk, undo_bulk
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def now():
    return make_ticket().created_at + MINUTE


def run(order, *tickets, actor, now, submission="s1"):
    return run_bulk(order=order, ticket_ids=[row.pk for row in tickets], actor=actor, now=now, submission=submission)


def outcomes(act) -> dict:
    return {row["ticket"]: row["done"] or row["why"] for row in act.outcomes}


def test_each_ticket_has_its_outcome_and_the_reason_is_in_its_history(anna, now):
    answered, fresh = make_ticket(now=now), make_ticket(now=now)
    services.reply(ticket=answered, actor=anna, body="Done.", now=now)
    order = BulkOrder(kind=bulk.STATUS, values={"status": "solved"}, reason="Cleaning up")
    act = run(order, answered, fresh, actor=anna, now=now + MINUTE)
    assert outcomes(act) == {
        answered.pk: True,
        fresh.pk: "The customer has had no reply yet. Reply first; a change of status answers nothing.",
    }
    event = answered.events.get(kind=TicketEvent.Kind.STATUS, data__after="solved")
    assert (event.actor, event.data["reason"]) == (anna, "Cleaning up")
    fresh.refresh_from_db()
    assert fresh.status == Status.NEW


def test_pressed_twice_it_is_done_once(anna, now):
    ticket = make_ticket(now=now)
    order = BulkOrder(kind=bulk.PRIORITY, values={"priority": Priority.HIGH})
    run(order, ticket, actor=anna, now=now)
    run(order, ticket, actor=anna, now=now + MINUTE)
    assert ticket.events.filter(kind=TicketEvent.Kind.PRIORITY).count() == 1
    assert BulkAct.objects.count() == 1


def test_an_act_that_was_cut_off_goes_on_where_it_was(anna, now):
    one, two = make_ticket(now=now), make_ticket(now=now)
    order = BulkOrder(kind=bulk.PRIORITY, values={"priority": 1})
    act = run(order, one, two, actor=anna, now=now)
    BulkAct.objects.update(outcomes=act.outcomes[:1])
    act = run(order, one, two, actor=anna, now=now + MINUTE)
    assert outcomes(act) == {one.pk: True, two.pk: "It was so already."}


def test_a_form_sent_again_with_something_else_changes_nothing(anna, now):
    ticket = make_ticket(now=now)
    run(BulkOrder(kind=bulk.PRIORITY, values={"priority": 1}), ticket, actor=anna, now=now)
    with pytest.raises(Refused, match="Something else was sent"):
        run(BulkOrder(kind=bulk.PRIORITY, values={"priority": 2}), ticket, actor=anna, now=now)
    with pytest.raises(Refused, match="Something else was sent"):
        run(BulkOrder(kind=bulk.PRIORITY, values={"priority": 1}), ticket, actor=StaffFactory(), now=now)
    ticket.refresh_from_db()
    assert ticket.priority == Priority.HIGH


@pytest.mark.parametrize("kind", [bulk.MERGE, bulk.SPAM])
def test_what_costs_a_customer_something_needs_a_reason(anna, now, kind):
    with pytest.raises(Refused, match="Say why"):
        run(BulkOrder(kind=kind, values={"into": 1}), make_ticket(now=now), actor=anna, now=now)
    assert not BulkAct.objects.exists()


def test_merging_into_one_names_what_was_not_merged(anna, now):
    first = make_ticket(now=now)
    twin = make_ticket(DesignatedFactory(account=first.account), now=now)
    stranger = make_ticket(now=now)
    order = BulkOrder(kind=bulk.MERGE, values={"into": first.pk}, reason="One outage")
    act = run(order, first, twin, stranger, actor=anna, now=now)
    assert outcomes(act) == {twin.pk: True, stranger.pk: "Only tickets of the same account can be merged."}
    with pytest.raises(Refused):
        undo_bulk(act=act, actor=anna, now=now)


def test_tags_are_put_on_and_taken_off_and_only_those_come_back(anna, now):
    one, two = make_ticket(now=now), make_ticket(now=now)
    services.change_tags(ticket=one, add=["Sync"], actor=anna, now=now)
    act = run(BulkOrder(kind=bulk.TAGS, values={"add": ["sync", "Billing"]}), one, two, actor=anna, now=now + MINUTE)
    assert {tag.name for tag in one.tags.all()} == {tag.name for tag in two.tags.all()} == {"Sync", "Billing"}
    undo_bulk(act=act, actor=anna, now=now + 2 * MINUTE)
    assert [tag.name for tag in one.tags.all()] == ["Sync"]
    assert [tag.name for tag in two.tags.all()] == []
    assert Tag.objects.count() == 2


@pytest.mark.parametrize("name", ["x" * 41, "  ".join("y" * 40)])
def test_a_tag_that_is_too_long_is_refused(anna, now, name):
    act = run(BulkOrder(kind=bulk.TAGS, values={"add": [name]}), ticket := make_ticket(now=now), actor=anna, now=now)
    assert outcomes(act) == {ticket.pk: "A tag has 40 letters at most."}


def test_undo_gives_each_ticket_back_to_who_had_it(anna, now):
    other = StaffFactory()
    mine, free = make_ticket(now=now), make_ticket(now=now)
    services.assign(ticket=mine, owner=other, actor=other, now=now)
    act = run(BulkOrder(kind=bulk.ASSIGN, values={"owner": anna.pk}), mine, free, actor=anna, now=now + MINUTE)
    undone = undo_bulk(act=act, actor=anna, now=now + 2 * MINUTE)
    assert [row["undone"] for row in undone.outcomes] == [True, True]
    for ticket, owner in ((mine, other), (free, None)):
        ticket.refresh_from_db()
        assert ticket.owner == owner
        assert ticket.events.last().data["reason"] == "undone"


def test_undo_leaves_alone_what_somebody_has_changed_since(anna, now):
    one, two = make_ticket(now=now), make_ticket(now=now)
    act = run(BulkOrder(kind=bulk.ASSIGN, values={"owner": anna.pk}), one, two, actor=anna, now=now)
    services.add_note(ticket=two, actor=StaffFactory(), body="I have talked to them.", now=now + MINUTE)
    undone = undo_bulk(act=act, actor=anna, now=now + 2 * MINUTE)
    assert [(row["ticket"], row["undone"]) for row in undone.outcomes] == [(one.pk, True), (two.pk, False)]
    assert undone.outcomes[1]["why"] == "It was changed since."
    two.refresh_from_db()
    assert two.owner == anna


def test_undoing_solved_costs_no_guarantee(anna, now):
    """The customer had written again: that next response counts on as of its own start."""
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=anna, body="Done?", now=now)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="No.", now=now + MINUTE)
    owed = ticket.clocks.get(metric=Metric.NEXT_RESPONSE)
    order = BulkOrder(kind=bulk.STATUS, values={"status": "solved"})
    act = run(order, ticket, actor=anna, now=now + 2 * MINUTE)
    assert outcomes(act) == {ticket.pk: True}
    undo_bulk(act=act, actor=anna, now=now + 3 * MINUTE)
    ticket.refresh_from_db()
    again = ticket.clocks.get(metric=Metric.NEXT_RESPONSE, state=State.RUNNING)
    assert (ticket.status, again.due_at, again.started_at) == (Status.OPEN, owed.due_at, owed.started_at)
    assert ticket.next_due_at == owed.due_at


def test_undoing_spam_and_waiting(anna, now):
    spam, waiting = make_ticket(now=now), make_ticket(now=now)
    due = spam.next_due_at
    act = run(BulkOrder(kind=bulk.SPAM, reason="Robots"), spam, actor=anna, now=now)
    undo_bulk(act=act, actor=anna, now=now + MINUTE)
    spam.refresh_from_db()
    assert (spam.status, spam.next_due_at) == (Status.NEW, due)
    order = BulkOrder(kind=bulk.STATUS, values={"status": "waiting"})
    act = run(order, waiting, actor=anna, now=now + MINUTE, submission="s2")
    undo_bulk(act=act, actor=anna, now=now + 2 * MINUTE)
    waiting.refresh_from_db()
    assert waiting.status == Status.NEW


def test_only_the_last_act_soon_by_who_did_it_and_once(anna, now):
    order = BulkOrder(kind=bulk.PRIORITY, values={"priority": 1})
    first = run(order, make_ticket(now=now), actor=anna, now=now)
    last = run(order, make_ticket(now=now), actor=anna, now=now + MINUTE, submission="s2")
    for act, actor, at in (
        (first, anna, now + 2 * MINUTE),
        (last, StaffFactory(), now + 2 * MINUTE),
        (last, anna, now + 12 * MINUTE),
    ):
        with pytest.raises(Refused, match="any more"):
            undo_bulk(act=act, actor=actor, now=at)
    undo_bulk(act=last, actor=anna, now=now + 2 * MINUTE)
    with pytest.raises(Refused, match="any more"):
        undo_bulk(act=last, actor=anna, now=now + 2 * MINUTE)


def test_an_act_of_ones_own_is_no_news(anna, now):
    ticket = make_ticket(now=now)
    Reading.objects.create(ticket=ticket, user=anna, at=now)
    run(BulkOrder(kind=bulk.PRIORITY, values={"priority": 1}), ticket, actor=anna, now=now + MINUTE)
    ticket.refresh_from_db()
    assert Reading.objects.get().at == ticket.updated_at
