"""The bar of acts: what is ticked is changed, one by one, with an account of each ticket and a way back."""

import pytest
from django.urls import reverse
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets import services
from helpdesk.tickets.models import BulkAct, Priority, Status
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
QUEUE = "/admin/helpdesk/ticket/"
BULK = QUEUE + "bulk/"


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


@pytest.fixture
def lead(client):
    person = StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)
    client.force_login(person)
    return person


def do(client, what, *tickets, query="?view=open", **values):
    data = {"do": what, "submission": "s1", "_selected_action": [ticket.pk for ticket in tickets], **values}
    return client.post(BULK + query, data, follow=True)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_what_is_ticked_is_taken_and_the_account_names_it(client, specialist):
    one, two, other = (make_ticket(now=timezone.now()) for _ in range(3))
    answer = do(client, "take", one, two)
    assert answer.redirect_chain[0][0] == f"{QUEUE}?view=open&done={BulkAct.objects.get().pk}"
    page = text(answer)
    assert "Assigned to Anna Meier" in page
    assert "2 tickets changed" in page
    assert all(f'/{ticket.pk}/change/">{ticket.reference}</a>' in page for ticket in (one, two))
    assert {ticket.pk for ticket in specialist.owned_tickets.all()} == {one.pk, two.pk}


def test_what_was_not_changed_is_named_with_why(client, specialist):
    fresh, answered = make_ticket(now=timezone.now()), make_ticket(now=timezone.now())
    services.reply(ticket=answered, actor=specialist, body="Done.", now=timezone.now())
    page = text(do(client, "status", fresh, answered, status="solved"))
    assert "1 ticket changed" in page
    assert "1 not changed" in page
    assert f"{fresh.reference}</a> The customer has had no reply yet." in page


def test_undo_says_what_is_as_before_and_what_is_not(client, specialist):
    one, two = make_ticket(now=timezone.now()), make_ticket(now=timezone.now())
    do(client, "priority", one, two, priority="2")
    services.add_note(ticket=two, actor=StaffFactory(), body="Mine.", now=timezone.now())
    act = BulkAct.objects.get()
    page = text(client.post(f"{BULK}{act.pk}/undo/?view=open", follow=True))
    assert "1 ticket is as before" in page
    assert f"{two.reference}</a> not undone: It was changed since." in page
    one.refresh_from_db()
    assert one.priority == Priority.NORMAL
    again = text(client.post(f"{BULK}{act.pk}/undo/", follow=True))
    assert "This can’t be undone any more." in again


def test_nobody_takes_back_or_reads_what_another_one_did(client, specialist):
    do(client, "take", make_ticket(now=timezone.now()))
    act = BulkAct.objects.get()
    client.force_login(StaffFactory())
    assert client.post(f"{BULK}{act.pk}/undo/").status_code == 404
    assert client.get(QUEUE, {"done": act.pk}).context["account"] is None
    assert client.get(f"{BULK}{act.pk}/undo/").status_code == 405


@pytest.mark.parametrize(
    ("what", "values", "message"),
    [
        ("spam", {}, "Say why: it is kept in the history of each ticket."),
        ("merge", {}, "Say why: it is kept in the history of each ticket."),
        ("merge", {"reason": "One outage", "into": "soon"}, "Write the ticket’s reference, such as PS-123."),
        ("merge", {"reason": "One outage"}, "Tick at least one other ticket."),
        ("tag", {"tags": " , "}, "Name a tag."),
        ("assign", {}, "Choose whom to assign to."),
        ("assign", {"owner": "0"}, "Select a valid choice."),
        ("status", {"status": "spam"}, "Select a valid choice."),
        ("explode", {}, "Select a valid choice."),
        ("tag", {"tags": "x" * 301}, "at most 300 characters"),
    ],
)
def test_a_form_that_is_refused_keeps_what_was_ticked_and_typed(client, lead, what, values, message):
    ticket = make_ticket(now=timezone.now())
    answer = do(client, what, ticket, **values)
    page = text(answer)
    assert answer.status_code == 422
    assert message in page
    assert f'value="{ticket.pk}" class="action-select" aria-label="Select {ticket.reference}" checked' in page
    assert all(f'value="{value}"' in page for name, value in values.items() if name in ("reason", "into"))
    assert f'href="{QUEUE}?view=mine"' in page, "links lead to the queue, not to this address"
    assert not BulkAct.objects.exists()


def test_nothing_ticked_and_too_much_ticked_is_said(client, specialist):
    make_ticket(now=timezone.now())
    assert "No ticket is ticked." in text(do(client, "take"))
    many = client.post(BULK, {"do": "take", "submission": "s", "_selected_action": range(1, 202)})
    assert "At most 200 tickets at once." in text(many)


def test_a_forged_selection_is_refused(client, specialist):
    for forged in ("x", "9" * 30):
        assert client.post(BULK, {"do": "take", "submission": "s", "_selected_action": forged}).status_code == 400


def test_only_leads_assign_to_others(client, specialist):
    ticket, colleague = make_ticket(now=timezone.now()), StaffFactory()
    assert do(client, "assign", ticket, owner=colleague.pk).status_code == 403
    client.force_login(StaffFactory(staff_role=StaffRole.TEAM_LEAD))
    do(client, "assign", ticket, owner=colleague.pk)
    ticket.refresh_from_db()
    assert ticket.owner == colleague
    do(client, "assign", ticket, owner="nobody", submission="s2")
    ticket.refresh_from_db()
    assert ticket.owner is None


def test_merging_goes_into_the_oldest_unless_another_one_is_named(client, specialist):
    now = timezone.now()
    oldest = make_ticket(now=now)
    common = DesignatedFactory(account=oldest.account)
    twin, third = make_ticket(common, now=now), make_ticket(common, now=now)
    page = text(do(client, "merge", twin, oldest, reason="One outage"))
    assert f"Merged into {oldest.reference}" in page
    assert ">Undo<" not in page, "a merge can't be taken back"
    twin.refresh_from_db()
    assert (twin.status, twin.merged_into) == (Status.MERGED, oldest)
    do(client, "merge", oldest, reason="One outage", into=f" ps-{third.pk} ", submission="s2")
    oldest.refresh_from_db()
    assert oldest.merged_into == third


def test_tags_are_given_by_name_and_found_by_the_filter(client, specialist):
    one, two = make_ticket(now=timezone.now()), make_ticket(now=timezone.now())
    do(client, "tag", one, two, tags="go-live,  big   customer ,go-live")
    do(client, "untag", two, tags="GO-LIVE", submission="s2")
    assert sorted(tag.name for tag in one.tags.all()) == ["big customer", "go-live"]
    assert [tag.name for tag in two.tags.all()] == ["big customer"]
    tag = one.tags.get(name="go-live")
    page = client.get(QUEUE, {"tag": tag.pk})
    assert [row.pk for row in page.context["cl"].result_list] == [one.pk]


def test_the_reason_stands_on_the_tickets_page(client, specialist):
    ticket = make_ticket(now=timezone.now())
    do(client, "priority", ticket, priority="1", reason="Board meeting <today>")
    page = client.get(reverse("admin:helpdesk_ticket_change", args=[ticket.pk])).content.decode()
    assert "Priority: Normal → High: Board meeting &lt;today&gt;" in page


def test_sent_twice_it_is_done_once_and_the_account_is_the_same(client, specialist):
    ticket = make_ticket(now=timezone.now())
    first, second = (do(client, "priority", ticket, priority="1") for _ in range(2))
    assert first.redirect_chain == second.redirect_chain
    assert ticket.events.filter(kind="priority").count() == 1


def test_the_address_of_a_refused_form_is_the_list_when_it_is_read_anew(client, specialist):
    for address in (BULK, f"{QUEUE}views/add/"):
        answer = client.get(address, {"view": "mine", "hub": "marketing"})
        assert (answer.status_code, answer["Location"]) == (302, f"{QUEUE}?view=mine&hub=marketing")
    client.force_login(StaffFactory(staff_role=""))
    assert client.get(BULK).status_code != 200
