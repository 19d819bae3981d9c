"""The customer's pages: who sees what, and what it says (SPEC 2.1, 2.2, 2.7)."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from helpdesk.accounts.models import Membership
from helpdesk.subscriptions.models import Subscription
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from tests.factories import (
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    SubscriptionFactory,
    UserFactory,
    make_ticket,
)

MINUTE = timedelta(minutes=1)
PAGES = ["/", "/tickets/", "/tickets/new/", "/account/"]


def ids(page, name="open") -> list[int]:
    return [row.ticket.pk for row in page.context[name]]


# --- rights ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [*PAGES, "/tickets/1/"])
def test_a_stranger_is_asked_to_sign_in(path, db):
    assert Client().get(path).url == f"/accounts/login/?next={path}"


def test_a_super_admin_sees_the_accounts_tickets_and_a_user_only_their_own(kestrel, sign_in):
    mina, tomas, aoife = (make_ticket(person) for person in (kestrel.mina, kestrel.tomas, kestrel.aoife))
    assert sorted(ids(sign_in(kestrel.tomas).get("/tickets/"))) == [mina.pk, tomas.pk, aoife.pk]
    assert ids(sign_in(kestrel.tomas).get("/tickets/?whose=mine")) == [tomas.pk]
    assert ids(sign_in(kestrel.aoife).get("/tickets/?whose=all")) == [aoife.pk]
    assert sign_in(kestrel.tomas).get(f"/tickets/{aoife.pk}/").status_code == 200
    assert sign_in(kestrel.aoife).get(f"/tickets/{mina.pk}/").status_code == 404


def test_another_accounts_ticket_does_not_exist(kestrel, sign_in, filled):
    theirs = make_ticket(DesignatedFactory())
    client = sign_in(kestrel.mina)
    for pk in (theirs.pk, theirs.pk + 1000, 10**30):
        assert client.get(f"/tickets/{pk}/").status_code == 404
        assert client.post(f"/tickets/{pk}/", {"key": "A" * 22, "body": "hi"}).status_code == 404
    assert client.get("/tickets/", {"q": theirs.reference}).context["open"] == []
    assert theirs.messages.count() == 1


def test_leaving_the_account_closes_its_tickets(kestrel, sign_in):
    ticket = make_ticket(kestrel.aoife)
    MembershipFactory(user=kestrel.aoife.user)
    kestrel.aoife.delete()
    assert sign_in(kestrel.aoife.user).get(f"/tickets/{ticket.pk}/").status_code == 404


def test_internal_notes_and_owners_moves_stay_inside(kestrel, sign_in, now):
    ticket, staff = make_ticket(kestrel.mina, now=now), StaffFactory(full_name="Secret Admirer")
    services.add_note(ticket=ticket, actor=staff, body="between us", now=now + MINUTE)
    services.assign(ticket=ticket, owner=None, actor=staff, now=now + MINUTE)
    page = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/")
    assert "between us" not in page.text
    assert "Secret Admirer" not in page.text
    assert sign_in(kestrel.mina).get("/tickets/", {"q": "between us"}).context["open"] == []


def test_staff_are_sent_to_their_workspace(kestrel, sign_in):
    ticket = make_ticket(kestrel.mina)
    staff = sign_in(StaffFactory())
    assert staff.get("/").url == "/admin/helpdesk/ticket/"
    assert staff.get(f"/tickets/{ticket.pk}/").url == f"/admin/helpdesk/ticket/{ticket.pk}/change/"


# --- gates ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/", "/tickets/new/"])
def test_without_entitlement_the_page_says_what_is_covered_and_how_to_buy(path, db, sign_in, settings):
    settings.SALES_CONTACT = "sales@premium.example"
    page = sign_in(MembershipFactory()).get(path)
    assert "has no premium support yet" in page.text
    assert "Smart CRM" in page.text
    assert 'href="mailto:sales@premium.example"' in page.text
    assert "<textarea" not in page.text


def test_without_entitlement_nothing_can_be_sent(kestrel, sign_in, filled, now):
    old = make_ticket(kestrel.mina, now=now)
    Subscription.objects.update(premium_support=False)
    client = sign_in(kestrel.mina)
    assert client.post("/tickets/new/", filled()).status_code == 403
    assert Ticket.objects.count() == 1
    assert client.get(f"/tickets/{old.pk}/").status_code == 200
    assert 'href="/tickets/"' in client.get("/").text


def test_a_person_of_no_account_is_told_so(db, sign_in):
    for path in PAGES:
        assert "You don't belong to an account yet" in sign_in(UserFactory()).get(path).text


@pytest.mark.parametrize("path", [*PAGES, "/tickets/1/"])
def test_the_mobile_app_is_told_where_to_go(path, kestrel, sign_in, settings):
    settings.MOBILE_APP_MARKERS = ["HubMobile/"]
    agent = {"user-agent": "Mozilla/5.0 (iPhone) hubmobile/4.2"}
    for client in (Client(headers=agent), sign_in(kestrel.mina, headers=agent)):
        page = client.get(path)
        assert "isn't available in the mobile app" in page.text
        assert settings.SITE_URL in page.text


# --- home and list --------------------------------------------------------------------------------
def test_home_says_what_would_be_promised_now(kestrel, sign_in, frozen):
    page = sign_in(kestrel.mina).get("/")
    assert "Good afternoon, Mina" in page.text
    assert "Tuesday 24 November" in page.text
    assert "Berlin time" in page.text
    assert page.text.count('class="offer"') == 3
    assert 'href="tel:+493055570142"' in page.text
    assert sign_in(kestrel.aoife).get("/").text.count('class="offer"') == 2


def test_the_next_promise_comes_first(kestrel, sign_in, frozen):
    late = make_ticket(kestrel.mina, now=frozen - 70 * MINUTE)
    standard = make_ticket(kestrel.mina, now=frozen)
    critical = make_ticket(kestrel.mina, critical=True, now=frozen)
    closed = make_ticket(kestrel.mina, now=frozen - 50 * MINUTE)
    services.reply(ticket=closed, actor=StaffFactory(), body="Done", now=frozen - 31 * MINUTE, status=Status.SOLVED)
    page = sign_in(kestrel.mina).get("/tickets/")
    assert ids(page) == [late.pk, critical.pk, standard.pk]
    assert ids(page, "closed") == [closed.pk]
    assert [row.badge.text for row in page.context["open"]] == ["Promise missed", "First reply", "First reply"]
    assert [row.below for row in page.context["open"]] == ["10 min late", "in 30 min", "in 1 h"]
    assert page.context["closed"][0].figure == "19 min"
    assert page.context["closed"][0].badge.text == "Promise kept"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "blank"}, True),
        ({"q": "every FORM"}, True),  # in the text
        ({"q": "nothing like it"}, False),
        ({"q": "%"}, False),
        ({"hub": "content"}, True),
        ({"hub": "sales"}, False),
        ({"state": "waiting"}, False),
        ({"hub": "\x00", "q": "\x00", "state": "x", "page": "-1"}, True),  # no filter at all
        ({"q": "x" * 500}, True),
        ({"page": "2"}, False),
        ({"page": "9" * 40}, True),
    ],
)
def test_filters(query, found, kestrel, sign_in):
    ticket = make_ticket(kestrel.mina)
    assert ids(sign_in(kestrel.mina).get("/tickets/", query)) == ([ticket.pk] if found else [])


def test_search_by_number(kestrel, sign_in):
    make_ticket(kestrel.mina)
    ticket = make_ticket(kestrel.mina)
    for text in (ticket.reference, str(ticket.pk), f"ps{ticket.pk}"):
        assert ids(sign_in(kestrel.mina).get("/tickets/", {"q": text})) == [ticket.pk]


def test_pages_lead_to_older_and_newer_tickets(kestrel, sign_in, now):
    tickets = [make_ticket(kestrel.mina, now=now + n * MINUTE) for n in range(27)]
    client = sign_in(kestrel.mina)
    first = client.get("/tickets/?state=open&q=blank")
    assert ids(first) == [ticket.pk for ticket in tickets[:25]]
    second = client.get("/tickets/" + first.context["open_links"]["older"])
    assert ids(second) == [ticket.pk for ticket in tickets[25:]]
    assert second.context["open_links"] == {"newer": "?q=blank&state=open&page=1"}


@pytest.mark.parametrize("path", ["/", "/tickets/", "/tickets/?q=blank", "/account/"])
def test_queries_do_not_grow_with_the_rows(path, kestrel, sign_in, django_assert_num_queries, now):
    client = sign_in(kestrel.mina)

    def fill(count: int) -> None:
        for n in range(count):
            person = MembershipFactory(account=kestrel.account)
            ticket = make_ticket(kestrel.mina, now=now)
            services.reply(ticket=ticket, actor=StaffFactory(), body="?", now=now + MINUTE, status=Status.WAITING)
            if n % 2:
                services.close_by_customer(ticket=ticket, actor=person.user, now=now + 2 * MINUTE)

    fill(2)
    assert client.get(path).status_code == 200
    with django_assert_num_queries(15, exact=False) as few:
        client.get(path)
    fill(28)
    with django_assert_num_queries(len(few), exact=True):
        client.get(path)


def test_queries_of_a_ticket_do_not_grow_with_its_conversation(kestrel, sign_in, django_assert_num_queries, now):
    client, ticket, staff = sign_in(kestrel.mina), make_ticket(kestrel.mina, now=now), StaffFactory()

    def talk(start: int, count: int) -> None:
        for n in range(start, start + count):
            services.reply(ticket=ticket, actor=staff, body="?", now=now + 2 * n * MINUTE)
            services.customer_reply(ticket=ticket, actor=kestrel.mina.user, body="!", now=now + (2 * n + 1) * MINUTE)

    talk(1, 1)
    with django_assert_num_queries(16, exact=False) as few:
        client.get(f"/tickets/{ticket.pk}/")
    talk(2, 29)
    with django_assert_num_queries(len(few), exact=True):
        client.get(f"/tickets/{ticket.pk}/")


# --- one ticket -----------------------------------------------------------------------------------
def at(moment, client, ticket) -> str:
    with time_machine.travel(moment, tick=False):
        return client.get(f"/tickets/{ticket.pk}/").text


def test_a_running_promise_shows_its_time_and_countdown(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.mina, critical=True, now=now)
    text = at(now + MINUTE, sign_in(kestrel.mina), ticket)
    assert "First reply by" in text
    assert '<time datetime="2026-11-24T13:35:00+01:00">13:35</time>' in text
    assert 'Guaranteed, <span data-until="2026-11-24T13:35:00+01:00">in 29 min</span>' in text
    assert "being confirmed" in text


def test_a_kept_promise_and_how_its_time_came_about(kestrel, sign_in, now):
    ticket, ines = make_ticket(kestrel.mina, critical=True, now=now), StaffFactory(full_name="Ines Halvorsen")
    services.judge_claim(ticket=ticket, actor=ines, confirmed=False, reason="One list only.", now=now + 13 * MINUTE)
    services.reply(ticket=ticket, actor=ines, body="Held it.", now=now + 17 * MINUTE)
    text = at(now + 20 * MINUTE, sign_in(kestrel.mina), ticket)
    assert "Promise kept" in text
    assert "First reply, 43 min before the promise" in text
    assert "Business critical was declined by Ines Halvorsen at 13:18" in text
    assert "One list only." in text
    assert "The promise changed from 13:35 to 14:05: 1 hour from the start." in text
    assert (
        "Mina Okafor (Designated super admin) sent the ticket, marked business critical. Promise: 30 minutes, 13:35."
        in text
    )
    assert "Declined as business critical. Promise: 1 hour from the start, 14:05." in text
    assert "All of the 17 min counted, nothing was paused." in text


def test_a_missed_promise_says_so_before_the_sweep_does(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.mina, now=now)
    text = at(now + 75 * MINUTE, sign_in(kestrel.mina), ticket)
    assert "Promise missed" in text
    assert "15 min late" in text
    assert "First reply by" not in text


def test_a_late_reply_keeps_the_promised_time_in_sight(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.mina, now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Sorry", now=now + 75 * MINUTE)
    text = at(now + 80 * MINUTE, sign_in(kestrel.mina), ticket)
    assert "Promise missed" in text
    assert "First reply, 15 min late" in text
    assert ">14:05</time>, guaranteed" in text


def test_an_aim_is_never_called_a_promise(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.aoife, now=now)
    text = at(now, sign_in(kestrel.aoife), ticket)
    assert "promise-a" in text
    assert "Guaranteed" not in text
    services.reply(ticket=ticket, actor=StaffFactory(), body="Here", now=now + 5 * MINUTE)
    text = at(now + 6 * MINUTE, sign_in(kestrel.aoife), ticket)
    assert "Aim kept" in text
    assert "Promise kept" not in text


def test_what_people_write_is_shown_as_text(kestrel, sign_in):
    ticket = make_ticket(kestrel.mina, subject="<script>alert(1)</script>", body='<img src=x onerror="a()">')
    text = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/").text
    assert "<script>alert" not in text
    assert "<img" not in text


def test_a_reply_is_sent_once_and_starts_the_next_response(kestrel, sign_in, now):
    ticket, client = make_ticket(kestrel.mina, now=now), sign_in(kestrel.mina)
    services.reply(ticket=ticket, actor=StaffFactory(), body="?", now=now + MINUTE)
    for _ in range(2):
        with time_machine.travel(now + 5 * MINUTE, tick=False):
            client.post(f"/tickets/{ticket.pk}/", {"key": "B" * 22, "body": "!\r\nand more"})
    assert [message.body for message in ticket.messages.all()][-2:] == ["?", "!\nand more"]
    assert ticket.clocks.get(metric="next_response").started_at == now + 5 * MINUTE


def test_an_open_page_hears_of_a_reply_and_of_nothing_internal(kestrel, sign_in, now):
    ticket, client, staff = make_ticket(kestrel.mina, now=now), sign_in(kestrel.mina), StaffFactory()
    news = f"/tickets/{ticket.pk}/news/?seen=" + client.get(f"/tickets/{ticket.pk}/").context["stamp"]
    services.add_note(ticket=ticket, actor=staff, body="hm", now=now + MINUTE)
    assert client.get(news).status_code == 204
    services.reply(ticket=ticket, actor=staff, body="Here", now=now + MINUTE)
    assert "replied at" in client.get(news).text
    assert sign_in(kestrel.aoife).get(news).status_code == 404


def test_an_empty_reply_is_refused_and_a_long_one_kept(kestrel, sign_in):
    ticket, client = make_ticket(kestrel.mina), sign_in(kestrel.mina)
    page = client.post(f"/tickets/{ticket.pk}/", {"key": "B" * 22, "body": " "})
    assert "Write something first." in page.text
    page = client.post(f"/tickets/{ticket.pk}/", {"key": "B" * 22, "body": "y" * 20_001})
    assert "y" * 20_001 in page.text
    assert ticket.messages.count() == 1


def test_closing_and_writing_again(kestrel, sign_in):
    ticket, client = make_ticket(kestrel.mina), sign_in(kestrel.mina)
    client.post(f"/tickets/{ticket.pk}/", {"key": "B" * 22, "body": "Solved it", "close": "1"})
    ticket.refresh_from_db()
    assert (ticket.status, ticket.messages.count()) == (Status.CLOSED, 2)
    page = client.post(f"/tickets/{ticket.pk}/", {"key": "C" * 22, "body": "", "close": "1"})
    assert "closed already" in page.text
    client.post(f"/tickets/{ticket.pk}/", {"key": "D" * 22, "body": "Not quite"})
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN


# --- account and frame ----------------------------------------------------------------------------
def test_the_account_page_shows_people_to_super_admins_only(kestrel, sign_in):
    assert "Aoife Brennan" in sign_in(kestrel.tomas).get("/account/").text
    page = sign_in(kestrel.aoife).get("/account/")
    assert "Aoife Brennan" in page.text
    assert "Mina Okafor" not in page.text


def test_the_account_page_tells_what_the_subscriptions_promise(kestrel, sign_in):
    page = sign_in(kestrel.mina).get("/account/")
    assert [(row["offer"].amount, row["offer"].is_guaranteed) for row in page.context["promises"]] == [
        (30, True),
        (1, True),
        (1, False),
    ]
    assert "Monday to Friday, 09:00 to 17:00, UTC" in page.text


def test_people_of_several_accounts_change_between_them(kestrel, sign_in):
    other = MembershipFactory(user=kestrel.mina.user, role=Membership.Role.SUPER_ADMIN)
    SubscriptionFactory(account=other.account)
    theirs, ours = make_ticket(other), make_ticket(kestrel.mina)
    client = sign_in(kestrel.mina)
    client.post("/account/switch/", {"account": kestrel.account.pk})
    assert ids(client.get("/tickets/")) == [ours.pk]
    client.post("/account/switch/", {"account": other.account_id})
    assert ids(client.get("/tickets/")) == [theirs.pk]
    other.delete()
    assert ids(client.get("/tickets/")) == [ours.pk]


def test_changes_are_posted_with_a_token(kestrel):
    client = Client(enforce_csrf_checks=True)
    client.force_login(kestrel.mina.user)
    for path in ("/tickets/new/", "/account/switch/", "/language/", "/accounts/logout/"):
        assert client.post(path, {}).status_code == 403
    assert client.get("/account/switch/").status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_inline_script_or_style(path, kestrel, sign_in):
    page = sign_in(kestrel.mina).get(path)
    assert " style=" not in page.text
    assert "<style" not in page.text
    assert " onclick" not in page.text
    assert "unsafe" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_speak_japanese(path, kestrel, sign_in, frozen):
    kestrel.mina.user.language = "ja"
    kestrel.mina.user.save()
    page = sign_in(kestrel.mina).get(path)
    assert '<html lang="ja">' in page.text
    assert "11月" in page.text or path != "/"
