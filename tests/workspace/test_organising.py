"""Putting tickets in order on their pages: what is asked before, what is done, what is said when it cannot be."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts import presence
from helpdesk.accounts.models import StaffRole
from helpdesk.notifications.models import Notice
from helpdesk.tickets import services
from helpdesk.tickets.models import CustomField, Reading, Status, Tag, Ticket, TicketLink, TimeEntry
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOSTILE = "<script>alert(1)</script> ‮ 🙂 {{ user.password }}"


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


@pytest.fixture
def customer():
    return DesignatedFactory()


@pytest.fixture
def ticket(customer):
    return make_ticket(customer, now=timezone.now() - 10 * MINUTE)


def url(ticket: Ticket, act: str = "change") -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/{act}/"


def page_of(client, ticket: Ticket, act: str = "change", query: str = "") -> str:
    answer = client.get(url(ticket, act) + query)
    assert answer.status_code == 200
    return answer.content.decode()


# Merge and spam -----------------------------------------------------------------------------------------


def test_a_merge_shows_both_and_says_what_becomes_of_each_clock(client, specialist, customer, ticket):
    other = make_ticket(customer, subject="Blank forms", now=timezone.now() - 20 * MINUTE)
    assert "Blank forms" in page_of(client, ticket, "merge")
    page = page_of(client, ticket, "merge", f"?other={other.reference}")
    assert f"Merge {ticket.reference} into {other.reference}?" in page
    assert "Ends: what the ticket that stays promises counts." in page
    assert "Counts on as it is." in page
    swapped = page_of(client, ticket, "merge", f"?other={other.reference}&keep=1")
    assert f"Merge {other.reference} into {ticket.reference}?" in swapped
    assert "Goes over: it comes first, and the other ticket keeps it." in swapped
    ticket.refresh_from_db()
    assert ticket.status == Status.NEW


def test_a_merge_needs_a_reason_and_is_done_once(client, specialist, customer, ticket):
    other = make_ticket(customer, now=timezone.now())
    address = url(ticket, "merge") + f"?other={other.reference}"
    answer = client.post(address, {"reason": "  "})
    assert answer.status_code == 422
    assert "it stays in the history" in answer.content.decode()
    answer = client.post(address, {"reason": "The same outage"})
    assert (answer.status_code, answer.url) == (302, url(other))
    again = client.post(address, {"reason": "The same outage, again"})
    assert again.status_code == 422
    page = again.content.decode()
    assert f"{ticket.reference} was merged into {other.reference} already" in page
    assert f"Merged into {other.reference}: The same outage" in page_of(client, ticket)
    assert f"Took in {ticket.reference}: The same outage" in page_of(client, other)
    assert "merged into this one" in page_of(client, other)


@pytest.mark.parametrize("text", ["PS-999999", "nonsense", "PS-0", "9" * 30, "<b>"])
def test_a_ticket_that_is_not_there_is_said_and_kept(client, specialist, ticket, text):
    answer = client.get(url(ticket, "merge"), {"other": text})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "There is no ticket" in page
    assert "<b>" not in page.replace("<b>P", "").split("There is no ticket")[1][:40]


@pytest.mark.parametrize("form", ["PS-{}", "ps-{}", "#{}", "{}", "https://x.example/admin/helpdesk/ticket/{}/change/"])
def test_a_ticket_is_named_in_any_usual_way(client, specialist, customer, ticket, form):
    other = make_ticket(customer, now=timezone.now())
    page = page_of(client, ticket, "merge", "?other=" + form.format(other.pk).replace("#", "%23"))
    assert f"into {other.reference}?" in page


def test_tickets_of_two_accounts_are_not_merged(client, specialist, ticket):
    foreign = make_ticket(now=timezone.now())
    answer = client.get(url(ticket, "merge"), {"other": foreign.reference})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Only tickets of the same account" in page
    assert f"Merge {ticket.reference} into" not in page
    assert client.get(url(ticket, "merge"), {"other": ticket.reference}).status_code == 422


def test_spam_is_asked_and_taken_back(client, specialist, ticket):
    page = page_of(client, ticket, "spam")
    assert "First response" in page
    assert client.post(url(ticket, "spam"), {"reason": ""}).status_code == 422
    assert client.post(url(ticket, "spam"), {"reason": "A lottery"}).status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == Status.SPAM
    assert client.post(url(ticket, "spam"), {"reason": "A lottery"}).status_code == 422
    assert "is no spam after all?" in page_of(client, ticket, "not-spam")
    assert client.post(url(ticket, "not-spam")).status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == Status.NEW
    assert client.post(url(ticket, "not-spam")).status_code == 422


# Split, link, incident ------------------------------------------------------------------------------------


def test_a_split_keeps_what_was_typed_and_shows_no_note(client, specialist, ticket):
    services.add_note(ticket=ticket, actor=specialist, body="Budget is thin.", now=timezone.now())
    assert "Budget is thin." not in page_of(client, ticket, "split")
    answer = client.post(url(ticket, "split"), {"subject": "The export", "messages": []})
    assert answer.status_code == 422
    assert "Choose at least one message." in answer.content.decode()
    assert 'value="The export"' in answer.content.decode()
    message = ticket.messages.get(kind="customer")
    sent = {"subject": "The export", "messages": [message.pk], "submission": "a" * 32}
    answer = client.post(url(ticket, "split"), sent)
    new = Ticket.objects.get(subject="The export")
    assert answer.url == url(new)
    assert client.post(url(ticket, "split"), sent).url == url(new)
    assert Ticket.objects.filter(subject="The export").count() == 1
    assert f"Split off from {ticket.reference}" in page_of(client, new)
    assert "The export" in page_of(client, ticket)


def test_a_link_stands_on_both_pages_and_can_be_taken_away(client, specialist, customer, ticket):
    other = make_ticket(customer, subject="Blank forms", now=timezone.now())
    assert client.post(url(ticket, "link"), {"other": "PS-", "kind": "related"}).status_code == 422
    assert client.post(url(ticket, "link"), {"other": other.reference, "kind": "duplicate"}).status_code == 302
    answer = client.post(url(ticket, "link"), {"other": other.reference, "kind": "duplicate"})
    assert "linked like that already" in answer.content.decode()
    for one, two in ((ticket, other), (other, ticket)):
        assert f"{two.reference} · Duplicate" in page_of(client, one)
    client.post(url(other, "unlink"), {"other": ticket.reference})
    assert not TicketLink.objects.exists()
    answer = client.post(url(other, "unlink"), {"other": ticket.reference}, follow=True)
    assert "not linked any more" in answer.content.decode()


def test_an_incident_lists_its_tickets_with_their_clocks(client, specialist, ticket):
    part = make_ticket(subject="It fails here, too", now=timezone.now() - 30 * MINUTE)
    assert client.post(url(part, "incident"), {"other": ticket.reference}).status_code == 302
    page = page_of(client, ticket)
    assert "It fails here, too" in page.split("Tickets of this incident")[2]
    assert "29m" in page.split("Tickets of this incident")[2].split("</section>")[0]
    assert "Part of an incident" in page_of(client, part)
    assert ticket.subject in page_of(client, make_ticket(now=timezone.now()), "incident")
    answer = client.post(url(ticket, "incident/leave"), {"part": part.reference})
    assert answer.status_code == 302
    part.refresh_from_db()
    assert part.parent is None
    answer = client.post(url(ticket, "incident/leave"), {"part": part.reference}, follow=True)
    assert "not part of this incident any more" in answer.content.decode()


def test_a_reply_to_all_says_who_got_it(client, specialist, ticket):
    parts = [make_ticket(now=timezone.now()) for _ in range(2)]
    for part in parts:
        services.join_incident(ticket=part, incident=ticket, actor=specialist, now=timezone.now())
    address = url(ticket, "incident/reply")
    sent = {"body": " ", "tickets": [ticket.pk, parts[0].pk], "status": "waiting", "submission": "b" * 32}
    answer = client.post(address, sent)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'value="{parts[0].pk}" checked' in page
    assert f'value="{parts[1].pk}" checked' not in page
    answer = client.post(address, {**sent, "body": "It is mended."})
    assert "Sent on 2 tickets" in answer.content.decode()
    assert parts[0].messages.filter(kind="reply").get().body == "It is mended."
    assert not parts[1].messages.filter(kind="reply").exists()
    foreign = make_ticket(now=timezone.now())
    assert client.post(address, {**sent, "body": "x", "tickets": [foreign.pk]}).status_code == 422
    again = client.post(address, {**sent, "body": "It is mended.", "tickets": [row.pk for row in (ticket, *parts)]})
    page = again.content.decode()
    assert "Sent on 1 ticket " in page
    assert page.count("It was sent with this form before.") == 2


# Handing out ------------------------------------------------------------------------------------------------


def test_a_lead_hands_it_out_by_load(client, lead, ticket):
    team, anna = TeamFactory(), StaffFactory(full_name="Anna Meier")
    ticket.hub.teams.add(team)
    add_to_team(team, anna)
    client.post(url(ticket, "hand-out"), {"how": "load"})
    ticket.refresh_from_db()
    assert ticket.owner is None  # she has no screen open
    presence.note(screen="hers", user=anna)
    client.post(url(ticket, "hand-out"), {"how": "load"})
    ticket.refresh_from_db()
    assert ticket.owner == anna
    assert "Assigned to Anna Meier, by load, 0 open" in page_of(client, ticket)
    answer = client.post(url(ticket, "hand-out"), {"how": "round_robin"}, follow=True)
    assert "Nobody else of the team is there" in answer.content.decode()
    answer = client.post(url(ticket, "hand-out"), {"how": "dice"}, follow=True)
    assert "Choose how it is handed out" in answer.content.decode()


def test_a_specialist_hands_nothing_out(client, specialist, ticket):
    assert client.post(url(ticket, "hand-out"), {"how": "load"}).status_code == 403


# The rail ---------------------------------------------------------------------------------------------------


def test_the_subject_is_changed_and_too_long_a_one_kept_to_be_mended(client, specialist, ticket):
    answer = client.post(url(ticket, "subject"), {"subject": "x" * 161})
    assert answer.status_code == 422
    assert "x" * 161 in answer.content.decode()
    client.post(url(ticket, "subject"), {"subject": HOSTILE})
    page = page_of(client, ticket)
    assert "<script>alert" not in page
    ticket.refresh_from_db()
    assert ticket.subject == HOSTILE


def test_tags_come_and_go(client, specialist, ticket):
    client.post(url(ticket, "tags"), {"add": "Outage, two words、 outage"})
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["Outage", "two words"]
    client.post(url(ticket, "tags"), {"remove": "outage"})
    assert list(ticket.tags.values_list("name", flat=True)) == ["two words"]
    page = page_of(client, ticket)
    assert '<option value="Outage">' in page
    answer = client.post(url(ticket, "tags"), {"add": "x" * 41})
    assert answer.status_code == 422
    assert "40 letters at most" in answer.content.decode()
    assert "x" * 41 in answer.content.decode()


def test_two_people_fill_in_two_fields_from_screens_of_before(client, specialist, ticket):
    for code, kind in (("seats", "number"), ("sandbox", "check")):
        CustomField.objects.create(code=code, kind=kind, label=code.title())
    client.post(url(ticket, "fields"), {"f-seats": "12", "was-seats": "", "was-sandbox": ""})
    client.post(url(ticket, "fields"), {"f-seats": "", "was-seats": "", "f-sandbox": "on", "was-sandbox": ""})
    ticket.refresh_from_db()
    assert ticket.custom_values == {"seats": 12, "sandbox": True}
    answer = client.post(url(ticket, "fields"), {"f-seats": "many", "was-seats": "12", "was-sandbox": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a number" in page
    assert 'value="many"' in page
    ticket.refresh_from_db()
    assert ticket.custom_values == {"seats": 12, "sandbox": True}
    CustomField.objects.update(is_active=False)
    answer = client.post(url(ticket, "fields"), {"f-seats": "13", "was-seats": "12"})
    assert answer.status_code == 422


@pytest.mark.parametrize(("typed", "kept"), [("25", 25), ("1:30", 90), ("0:05", 5), ("24:00", 1440)])
def test_time_is_written_as_people_write_it(client, specialist, ticket, typed, kept):
    assert client.post(url(ticket, "time"), {"minutes": typed, "note": "Logs"}).status_code == 302
    assert TimeEntry.objects.get().minutes == kept


@pytest.mark.parametrize("typed", ["", "0", "1:75", "2000", "-5", "an hour"])
def test_time_that_cannot_be_is_said_and_kept(client, specialist, ticket, typed):
    answer = client.post(url(ticket, "time"), {"minutes": typed, "note": "Logs of today"})
    assert answer.status_code == 422
    assert 'value="Logs of today"' in answer.content.decode()
    assert not TimeEntry.objects.exists()


def test_time_that_is_sent_twice_counts_once(client, specialist, ticket):
    for minutes in ("25", "25", "30"):
        client.post(url(ticket, "time"), {"minutes": minutes, "note": "Logs", "submission": "a" * 32})
    assert [entry.minutes for entry in ticket.time_entries.order_by("id")] == [25, 30]


def test_time_adds_up_without_what_was_struck_out(client, specialist, ticket):
    client.post(url(ticket, "time"), {"minutes": "50", "note": ""})
    client.post(url(ticket, "time"), {"minutes": "25", "note": ""})
    wrong = TimeEntry.objects.get(minutes=25)
    other = TimeEntry.objects.create(ticket=ticket, user=StaffFactory(), minutes=30, at=timezone.now())
    client.post(url(ticket, "time/strike"), {"entry": wrong.pk})
    client.post(url(ticket, "time/strike"), {"entry": other.pk})
    assert "1 h 20 min" in page_of(client, ticket)
    other.refresh_from_db()
    assert other.struck_at is None


def test_watching_and_reading(client, specialist, ticket):
    page_of(client, ticket)
    assert Reading.objects.get().user == specialist
    client.post(url(ticket, "watch"), {"watch": "yes"})
    assert "Stop watching" in page_of(client, ticket)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="And?", now=timezone.now())
    notice = Notice.objects.get(recipient=specialist)
    page = client.get("/admin/helpdesk/notice/").content.decode()
    assert f"{ticket.requester} wrote · {ticket.reference}" in page
    assert notice.url == url(ticket)
    client.post(url(ticket, "watch"), {"watch": "no"})
    assert not ticket.watches.exists()


def test_other_tickets_are_of_the_person_the_account_or_alike(client, specialist, customer, ticket):
    colleague = MembershipFactory(account=customer.account)
    make_ticket(customer, subject="Mine of before", now=timezone.now() - 99 * MINUTE)
    make_ticket(colleague, subject="My colleague’s", now=timezone.now() - 98 * MINUTE)
    make_ticket(subject="Forms show a blank screen", now=timezone.now() - 97 * MINUTE)
    make_ticket(subject="Forms show a blank screen", hub="marketing", now=timezone.now())
    page = page_of(client, ticket)
    assert "Mine of before" in page.split("Earlier tickets")[1]
    assert "My colleague’s" in page.split(f"Others of {customer.account}")[1]
    assert page.split("Similar tickets")[1].count("Forms show a blank screen") == 1


def test_the_history_says_who_changed_what_from_what_to_what_and_why(client, lead, ticket):
    anna = StaffFactory(full_name="Anna Meier")
    services.assign(ticket=ticket, owner=anna, actor=lead, now=timezone.now())
    services.raise_to_critical(ticket=ticket, actor=lead, reason="All forms are down.", now=timezone.now())
    services.set_status(ticket=ticket, status=Status.WAITING, actor=lead, now=timezone.now())
    services.change_subject(ticket=ticket, subject="Blank forms", actor=lead, now=timezone.now())
    rows = client.get(url(ticket, "history")).context["rows"]
    told = {row.text: (row.before, row.after, row.reason, row.by) for row in rows if not row.is_clock}
    assert told["Assigned to Anna Meier"] == ("nobody", "Anna Meier", "", "Olu Adeyemi")
    assert told["Raised to critical"] == ("", "", "All forms are down.", "Olu Adeyemi")
    assert told["Status changed"] == ("New", "Waiting on customer", "", "Olu Adeyemi")
    assert told["Subject changed"] == ("Forms show a blank page", "Blank forms", "", "Olu Adeyemi")
    moved = [row for row in rows if row.is_clock and row.before]
    assert len(moved) == 1
    assert client.get(url(ticket, "history") + "?page=2").context["rows"] == []


# Everybody's rights, and what a page costs ------------------------------------------------------------------


def test_every_act_is_a_post_on_a_ticket_that_one_may_see(client, ticket):
    client.force_login(ticket.requester)
    acts = "merge spam split link unlink incident incident/leave incident/reply hand-out subject tags fields time watch"
    for act in acts.split():
        assert client.post(url(ticket, act)).status_code == 404
        assert client.get(url(ticket, act)).status_code == 404


def test_the_page_costs_the_same_whatever_hangs_on_the_ticket(client, lead, customer, ticket):
    team = TeamFactory()
    add_to_team(team, lead)

    def fill(times: int) -> None:
        for number in range(times):
            part, linked = make_ticket(now=timezone.now()), make_ticket(customer, now=timezone.now())
            services.join_incident(ticket=part, incident=ticket, actor=lead, now=timezone.now())
            services.link(ticket=ticket, other=linked, kind=TicketLink.Kind.RELATED, actor=lead, now=timezone.now())
            services.add_time(ticket=ticket, minutes=5, note="", actor=StaffFactory(), now=timezone.now())
            services.watch(ticket=ticket, user=StaffFactory(), now=timezone.now())
            code = f"f{CustomField.objects.count()}"
            CustomField.objects.create(code=code, label=code)
            Tag.objects.create(name=f"{code} {number}")
        services.change_tags(
            ticket=ticket, add=[f"tag {Tag.objects.count()}"], remove=[], actor=lead, now=timezone.now()
        )

    def count(act: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            page_of(client, ticket, act)
        return len(caught)

    acts = ("change", "history", "merge", "link", "incident", "incident/reply", "split")
    fill(1)
    count("change")
    few = [count(act) for act in acts]
    fill(12)
    assert [count(act) for act in acts] == few
    assert few[0] <= 25
    assert max(few[1:]) <= 12


def test_tags_and_fields_are_kept_without_a_character_that_no_database_keeps(client, specialist, ticket):
    assert client.post(url(ticket, "tags"), {"add": "bil\x00ling, \x00"}).status_code == 302
    CustomField.objects.create(code="browser", label="Browser", kind="text")
    client.post(url(ticket, "fields"), {"was-browser": "", "f-browser": "Fire\x00fox"})
    ticket.refresh_from_db()
    assert ([tag.name for tag in ticket.tags.all()], ticket.custom_values) == (["billing"], {"browser": "Firefox"})
