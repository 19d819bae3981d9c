"""The ticket's page: what a specialist sees there and does there."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.notifications.models import OutboxMail
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Message, Priority, SavedView, Status, Tag
from tests.factories import (
    PASSWORD,
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    SubscriptionFactory,
    TeamFactory,
    make_ticket,
)

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
KEY = "0123456789abcdef" * 2
QUEUE = "/admin/helpdesk/ticket/"
HOSTILE = "<script>alert(1)</script> </textarea> ‮ 🙂 日本語 {{ user.password }}"


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


@pytest.fixture
def ticket():
    return make_ticket(now=timezone.now() - 10 * MINUTE)


def url(ticket, act: str = "change") -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/{act}/"


def say(client, ticket, body: str = "We are on it.", *, act: str = "reply", **values):
    data = {"kind": act, "body": body, "submission": KEY, **values}
    return client.post(url(ticket, act), data)


def first_response(ticket):
    return ticket.clocks.get(metric="first_response")


def test_the_page_shows_the_promise_and_who_asked(client, specialist):
    member, hub = DesignatedFactory(), Hub.objects.get(code="content")
    SubscriptionFactory(account=member.account, hub=hub, ends_on=date(2099, 12, 31))
    ticket = make_ticket(member, critical=True, now=timezone.now() - 16 * MINUTE)
    page = client.get(url(ticket)).content.decode()
    for text in (
        ticket.subject,
        "Since 13:40 every form is blank.",
        "Is it business critical?",
        "Designated super admin",
        "Business critical, designated super admins, version 1",
        "Content Hub Enterprise",
        "31 December 2099",
        "First response started: 30 minutes, guaranteed, due",
        "Answers <b>First response</b>",
    ):
        assert text in page
    assert 'class="big c-soon"' in page


def test_a_reply_on_the_page_answers_the_clock_and_is_mailed(client, specialist, ticket):
    answer = say(client, ticket, status="waiting")
    assert answer.status_code == 302
    assert answer.url == url(ticket)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.owner) == (Status.WAITING, specialist)
    clock = first_response(ticket)
    assert clock.is_met
    assert clock.answered_by == specialist
    assert OutboxMail.objects.filter(template="reply").count() == 1
    page = client.get(url(ticket)).content.decode()
    assert "First response answered in 10m" in page
    assert "No clock waits for an answer" in page


def test_a_late_reply_is_shown_as_late(client, specialist):
    ticket = make_ticket(now=timezone.now() - 70 * MINUTE)
    say(client, ticket)
    assert "First response answered 10m" in client.get(url(ticket)).content.decode()


def test_a_note_answers_nothing_and_reaches_nobody(client, specialist, ticket):
    mails = OutboxMail.objects.count()
    assert say(client, ticket, "Same as last week?", act="note").status_code == 302
    assert first_response(ticket).state == "running"
    assert OutboxMail.objects.count() == mails
    assert "the customer does not see it" in client.get(url(ticket)).content.decode()


def test_a_text_marked_as_a_note_never_leaves_as_a_reply(client, specialist, ticket):
    answer = say(client, ticket, "He is difficult again.", act="reply", kind="note")
    assert answer.status_code == 422
    assert "He is difficult again." in answer.content.decode()
    assert ticket.messages.count() == 1


@pytest.mark.parametrize("act", ["reply", "note"])
def test_sent_twice_is_said_once(client, specialist, ticket, act):
    assert say(client, ticket, act=act).status_code == 302
    assert say(client, ticket, act=act).status_code == 302
    assert ticket.messages.exclude(kind=Message.Kind.CUSTOMER).count() == 1
    assert OutboxMail.objects.filter(template="reply").count() == (1 if act == "reply" else 0)


def test_another_text_under_the_same_key_is_neither_lost_nor_sent_unasked(client, specialist, ticket):
    say(client, ticket, "First text")
    answer = say(client, ticket, "Second text")
    assert answer.status_code == 422
    assert "Second text" in answer.content.decode()
    key = answer.context["compose"]["submission"].value()
    assert key != KEY
    assert say(client, ticket, "Second text", submission=key).status_code == 302
    assert list(ticket.messages.filter(kind="reply").values_list("body", flat=True)) == ["First text", "Second text"]


@pytest.mark.parametrize(
    ("body", "said"),
    [("", "nothing to send"), ("  \r\n ", "nothing to send"), ("x" * 20_001, "longer than 20000"), ("a\x00b", "Null")],
)
def test_what_cannot_be_sent_is_said_and_kept(client, specialist, ticket, body, said):
    answer = say(client, ticket, body)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert body.strip() in page
    assert ticket.messages.count() == 1


def test_hostile_text_is_shown_as_text(client, specialist, ticket):
    say(client, ticket, HOSTILE)
    page = client.get(url(ticket)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ user.password }}" in page


def test_declined_in_time_the_target_is_that_of_a_standard_issue(client, specialist):
    ticket = make_ticket(critical=True, now=timezone.now() - 10 * MINUTE)
    data = {"verdict": "decline", "reason": "One user only."}
    assert client.post(url(ticket, "judge"), data).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity) == (Claim.DECLINED, "standard")
    assert first_response(ticket).due_at == ticket.created_at + 60 * MINUTE
    assert "One user only." in client.get(url(ticket)).content.decode()


def test_declining_needs_a_reason_and_keeps_the_choice(client, specialist):
    ticket = make_ticket(critical=True, now=timezone.now())
    answer = client.post(url(ticket, "judge"), {"verdict": "decline", "reason": " "})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "the customer reads the reason" in page
    assert 'value="decline" checked' in page
    nothing = client.post(url(ticket, "judge"), {"reason": "because"})
    assert nothing.status_code == 422
    assert "because" in nothing.content.decode()


def test_a_claim_is_judged_once(client, specialist):
    ticket = make_ticket(critical=True, now=timezone.now())
    client.post(url(ticket, "judge"), {"verdict": "confirm"})
    answer = client.post(url(ticket, "judge"), {"verdict": "decline", "reason": "no"}, follow=True)
    assert "no open claim" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.claim == Claim.CONFIRMED


def test_take_it_and_give_it_back(client, specialist, ticket):
    client.post(url(ticket, "assign"), {"owner": "me"})
    ticket.refresh_from_db()
    assert ticket.owner == specialist
    client.post(url(ticket, "assign"), {"owner": "nobody"})
    ticket.refresh_from_db()
    assert ticket.owner is None


def test_a_specialist_gives_nothing_to_others(client, specialist, ticket):
    colleague = StaffFactory()
    assert client.post(url(ticket, "assign"), {"owner": colleague.pk}).status_code == 403
    services.assign(ticket=ticket, owner=colleague, actor=colleague, now=timezone.now())
    assert client.post(url(ticket, "assign"), {"owner": "nobody"}).status_code == 403
    ticket.refresh_from_db()
    assert ticket.owner == colleague


def test_a_lead_gives_it_to_anybody_in_any_team_and_no_clock_starts_again(client, ticket):
    client.force_login(StaffFactory(staff_role=StaffRole.TEAM_LEAD))
    colleague, team, due = StaffFactory(), TeamFactory(), first_response(ticket).due_at
    client.post(url(ticket, "assign"), {"owner": colleague.pk, "team": team.pk})
    ticket.refresh_from_db()
    assert (ticket.owner, ticket.team) == (colleague, team)
    assert first_response(ticket).due_at == due
    answer = client.post(url(ticket, "assign"), {"owner": ticket.requester_id}, follow=True)
    assert "Choose whom to assign to" in answer.content.decode()


def test_solving_without_a_reply_is_refused_and_said(client, specialist, ticket):
    answer = client.post(url(ticket, "status"), {"status": "solved"}, follow=True)
    assert "Reply first" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.status == Status.NEW


@pytest.mark.parametrize("status", ["", "spam", "merged", "new", "x" * 500])
def test_a_ticket_is_moved_by_hand_to_three_states_only(client, specialist, ticket, status):
    answer = client.post(url(ticket, "status"), {"status": status}, follow=True)
    assert "cannot be moved there" in answer.content.decode()


def test_raised_to_critical_with_a_reason_that_is_asked_for(client, specialist):
    ticket = make_ticket(now=timezone.now() - 10 * MINUTE)
    refused = client.post(url(ticket, "raise"), {"reason": "  "})
    assert (refused.status_code, first_response(ticket).due_at) == (422, ticket.created_at + 60 * MINUTE)
    assert 'id="raise-errors"' in refused.content.decode()
    client.post(url(ticket, "raise"), {"reason": "The shop is down for everybody."})
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity) == (Claim.CONFIRMED, "critical")
    assert first_response(ticket).due_at == ticket.created_at + 30 * MINUTE
    again = client.post(url(ticket, "raise"), {"reason": "Once more."}, follow=True)
    assert "business critical already" in again.content.decode()


def test_a_raised_priority_shows_in_queue_and_ticket(client, specialist):
    ticket = make_ticket(now=timezone.now())
    client.post(url(ticket, "priority"), {"priority": "2"})
    for page in (url(ticket), "/admin/helpdesk/ticket/"):
        assert '<span class="flag flag--warn" title="Priority' in client.get(page).content.decode()
    answer = client.post(url(ticket, "priority"), {"priority": "9"}, follow=True)
    assert "no such priority" in answer.content.decode()


ACTS = ["reply", "note", "judge", "assign", "status", "priority", "raise"]


@pytest.mark.parametrize("act", ACTS)
def test_acts_are_posts_with_a_token(specialist, ticket, act):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(specialist)
    assert strict.get(url(ticket, act)).status_code == 405
    assert strict.post(url(ticket, act), {"body": "x", "owner": "me", "status": "open"}).status_code == 403
    assert ticket.messages.count() == 1


@pytest.mark.parametrize("act", [*ACTS, "change", "history", "delete"])
@pytest.mark.parametrize("pk", [1, 2**31, 10**30])
def test_what_does_not_exist_is_not_found(client, specialist, act, pk):
    path = f"/admin/helpdesk/ticket/{pk}/{act}/"
    data = {"body": "x", "kind": "note", "verdict": "confirm", "owner": "me", "status": "open"}
    answer = client.get(path) if act in ("change", "history", "delete") else client.post(path, data)
    assert answer.status_code in ((404,) if act != "delete" else (302, 403, 404))


def test_nobody_deletes_a_ticket(client, ticket):
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    assert client.post(url(ticket, "delete"), {"post": "yes"}).status_code == 403
    assert client.post(url(ticket), {"subject": "x"}).status_code == 405
    assert client.get("/admin/helpdesk/ticket/add/").status_code == 403


def test_customers_never_reach_it(client, ticket):
    for person in (ticket.requester, MembershipFactory().user):
        client.logout()
        assert client.login(email=person.email, password=PASSWORD)
        assert client.get(url(ticket)).status_code == 404
        assert say(client, ticket).status_code == 404
        assert ticket.messages.count() == 1


def test_the_number_of_queries_does_not_depend_on_the_conversation(client, specialist):
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    client.force_login(lead)
    ticket = make_ticket(critical=True, now=timezone.now())

    def talk(times: int) -> None:
        for _number in range(times):
            services.reply(ticket=ticket, actor=StaffFactory(), body="answer", now=timezone.now())
            services.customer_reply(ticket=ticket, actor=ticket.requester, body="question", now=timezone.now())

    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url(ticket)).status_code == 200
        return len(caught)

    talk(2)
    count()
    few = count()
    talk(28)
    assert ticket.messages.count() == 61
    assert count() == few
    assert few <= 25


def test_a_very_long_conversation_shows_its_end(client, specialist, ticket):
    start = timezone.now()
    Message.objects.bulk_create(
        Message(ticket=ticket, kind="note", author=specialist, body=f"note {number}.", created_at=start + MINUTE)
        for number in range(205)
    )
    page = client.get(url(ticket)).content.decode()
    assert "6 earlier messages are not shown" in page
    assert "note 204." in page
    assert "note 4." not in page
    assert "note 4." in client.get(url(ticket) + "?all=1").content.decode()


class TestTheStripFollowsTheList:
    @pytest.fixture
    def tickets(self):
        now = timezone.now()
        tickets = [make_ticket(subject=f"Ticket {number}", now=now + number * MINUTE) for number in range(4)]
        for ticket in (tickets[0], tickets[2], tickets[3]):
            services.set_priority(ticket=ticket, priority=Priority.HIGH, actor=StaffFactory(), now=now + 10 * MINUTE)
        services.change_tags(ticket=tickets[1], actor=StaffFactory(), add=["odd"], now=now + 10 * MINUTE)
        services.change_tags(ticket=tickets[3], actor=StaffFactory(), add=["odd"], now=now + 10 * MINUTE)
        return tickets

    def test_a_saved_view(self, client, specialist, tickets):
        tag = Tag.objects.get()
        saved = SavedView.objects.create(
            name="Odd ones", params={"view": "open", "tag": str(tag.pk)}, created_by=specialist, owner=specialist
        )
        row = client.get(f"{QUEUE}?saved={saved.pk}").context["cl"].rows[0]
        assert f'/{tickets[1].pk}/change/?saved={saved.pk}"' in row
        strip = client.get(f"{QUEUE}{tickets[1].pk}/change/?saved={saved.pk}").context["strip"]
        assert (strip["label"], strip["before"], strip["after"]) == ("Odd ones", None, tickets[3].pk)
        assert strip["url"] == f"{QUEUE}?saved={saved.pk}"

    def test_somebody_elses_saved_view_is_the_usual_list(self, client, specialist, tickets):
        other = SavedView.objects.create(name="Theirs", params={"view": "waiting"}, created_by=specialist)
        SavedView.objects.filter(pk=other.pk).update(owner=StaffFactory())
        for chosen in (other.pk, 10**30, "x", ""):
            strip = client.get(f"{QUEUE}{tickets[1].pk}/change/?saved={chosen}").context["strip"]
            assert (strip["label"], strip["after"]) == ("All open", tickets[2].pk)

    def test_filters_and_words(self, client, specialist, tickets):
        tag = Tag.objects.get()
        page = client.get(QUEUE, {"view": "open", "tag": tag.pk})
        assert f'/{tickets[1].pk}/change/?view=open&amp;tag={tag.pk}"' in page.context["cl"].rows[0]
        strip = client.get(f"{QUEUE}{tickets[3].pk}/change/", {"view": "open", "tag": tag.pk}).context["strip"]
        assert (strip["before"], strip["after"]) == (tickets[1].pk, None)
        strip = client.get(f"{QUEUE}{tickets[3].pk}/change/", {"q": "ticket 3"}).context["strip"]
        assert [row.pk for row in strip["tickets"]] == [tickets[3].pk]

    @pytest.mark.parametrize(
        "name", ["view", "hub", "promise", "severity", "channel", "status", "team", "owner", "tag"]
    )
    def test_no_address_can_break_the_page(self, client, specialist, tickets, name):
        for hostile in ("\x00", "'; --", "9" * 40, "x" * 5000, "🙂"):
            assert client.get(f"{QUEUE}{tickets[0].pk}/change/", {name: hostile}).status_code == 200
            assert client.get(f"{QUEUE}{tickets[0].pk}/change/", {name: hostile, "q": hostile}).status_code == 200
