"""Writing to a specialist: who is promised what, and that one submission makes one ticket (SPEC 1, 2.1, 2.7)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client

from helpdesk.accounts.models import Membership
from helpdesk.portal.forms import BODY_LENGTH
from helpdesk.tickets.models import Claim, Ticket
from tests.factories import MembershipFactory, SubscriptionFactory, UserFactory

NEW = "/tickets/new/"
CRITICAL = {
    "critical": "on",
    "affected": "everyone",
    "since": "2026-11-24T12:40",
    "process": "Online orders",
    "workaround": "none",
}


def test_a_designated_super_admin_sees_both_guarantees_before_sending(kestrel, sign_in, frozen):
    page = sign_in(kestrel.mina).get(NEW)
    assert page.context["offers"].critical.due_at == frozen + timedelta(minutes=30)
    assert page.context["offers"].standard.due_at == frozen + timedelta(hours=1)
    assert 'id="id_critical"' in page.text
    assert "Guaranteed within 30 minutes" in page.text
    assert '<time datetime="2026-11-24T13:35:00+01:00">13:35</time>' in page.text


@pytest.mark.parametrize("who", ["tomas", "aoife"])
def test_anybody_else_sees_the_aim_and_no_critical_box(who, kestrel, sign_in, frozen):
    page = sign_in(getattr(kestrel, who)).get(NEW)
    assert "critical" not in page.context["form"].fields
    assert 'name="critical"' not in page.text
    assert page.context["offers"].critical is None
    assert not page.context["offers"].standard.is_guaranteed
    assert page.context["offers"].standard.due_at == datetime(2026, 11, 25, 12, 5, tzinfo=UTC)
    assert "Within 1 business day, not guaranteed" in page.text


def test_sending_opens_the_ticket_and_says_by_when(kestrel, sign_in, filled, frozen):
    page = sign_in(kestrel.mina).post(NEW, filled(cc="aoife@kestrel.example; X@y.example"), follow=True)
    ticket = Ticket.objects.get()
    assert page.redirect_chain == [(f"/tickets/{ticket.pk}/", 302)]
    assert f"Sent at 13:05. Your ticket is {ticket.reference}." in page.text
    assert '<time datetime="2026-11-24T14:05:00+01:00">14:05</time>' in page.text
    assert (ticket.account, ticket.requester, ticket.hub_id) == (kestrel.account, kestrel.mina.user, "content")
    assert ticket.cc == ["aoife@kestrel.example", "x@y.example"]
    assert (ticket.language, ticket.severity) == ("en", "standard")


def test_a_claim_keeps_its_facts_and_the_half_hour(kestrel, sign_in, filled, frozen):
    sign_in(kestrel.mina).post(NEW, filled(**CRITICAL))
    ticket = Ticket.objects.get()
    assert ticket.claim == Claim.CLAIMED
    assert ticket.next_due_at == frozen + timedelta(minutes=30)
    assert ticket.claim_facts == {
        "affected": "everyone",
        "since": "2026-11-24T12:40:00+01:00",
        "process": "Online orders",
        "workaround": "none",
    }


@pytest.mark.parametrize("who", ["tomas", "aoife"])
def test_a_forged_claim_of_anybody_else_counts_for_nothing(who, kestrel, sign_in, filled, frozen):
    sign_in(getattr(kestrel, who)).post(NEW, filled(**CRITICAL))
    ticket = Ticket.objects.get()
    assert (ticket.claim, ticket.severity, ticket.claim_facts) == (Claim.NONE, "standard", {})


def test_an_unticked_box_makes_its_answers_irrelevant(kestrel, sign_in, filled, frozen):
    answers = {name: "nonsense" for name in CRITICAL if name != "critical"}
    sign_in(kestrel.mina).post(NEW, filled(**answers))
    assert Ticket.objects.get().claim_facts == {}


def test_a_ticked_box_asks_for_its_answers_and_keeps_everything_typed(kestrel, sign_in, filled):
    page = sign_in(kestrel.mina).post(NEW, filled(critical="on", process="Orders <now>"))
    assert Ticket.objects.count() == 0
    assert set(page.context["form"].errors) == {"affected", "since", "workaround"}
    assert "<title>Error: Write to a specialist" in page.text
    assert '<a href="#id_since">Say since when, even if roughly.</a>' in page.text
    assert 'value="Orders &lt;now&gt;"' in page.text
    assert 'id="id_since_error"' in page.text
    assert 'aria-describedby="id_since_error"' in page.text


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"hub": ""}, "hub", "Choose the hub"),
        ({"hub": "sales"}, "hub", "the ones that you are covered for"),
        ({"hub": "no\x00such"}, "hub", "Choose one of the hubs"),
        ({"subject": " \u200b\n"}, "subject", "Say in a few words"),
        ({"subject": "x" * 161}, "subject", "161 characters, and 160 fit"),
        ({"subject": "a\x00b"}, "subject", "characters that aren't text"),
        ({"body": "\u2060 "}, "body", "Describe what happens"),
        ({"body": "x" * (BODY_LENGTH + 1)}, "body", "20001 characters, and 20000 fit"),
        ({"body": "x" * 1_000_000}, "body", "1000000 characters"),
        ({"body": "a\x00b"}, "body", "characters that aren't text"),
        ({"cc": "m.okafor@kestrel"}, "cc", "“m.okafor@kestrel” isn't a complete e-mail address"),
        ({"cc": "<script>@x"}, "cc", "isn't a complete"),
        (
            {"cc": ",".join(f"p{n}@x.example" for n in range(11))},
            "cc",
            "At most 10 people can be in copy; these are 11.",
        ),
        ({"cc": "a@b.example," * 400}, "cc", "too long"),
        ({"key": "forged/key"}, "key", "press Send again"),
        ({"key": ""}, "key", "press Send again"),
        ({**CRITICAL, "since": "2026-11-24T23:40"}, "since", "still lies ahead"),
        ({**CRITICAL, "since": "2001-01-01T00:00"}, "since", "more than a year ago"),
        ({**CRITICAL, "since": "yesterday"}, "since", "Give a date and a time"),
        ({**CRITICAL, "affected": "all of us"}, "affected", ""),
    ],
)
def test_bad_input_is_answered_beside_the_field(changes, field, words, kestrel, sign_in, filled, frozen):
    page = sign_in(kestrel.mina).post(NEW, filled(**changes))
    assert page.status_code == 200
    assert list(page.context["form"].errors) == [field]
    assert words in " ".join(page.context["form"].errors[field])
    assert Ticket.objects.count() == 0


def test_line_breaks_and_control_characters_leave_the_subject(kestrel, sign_in, filled):
    sign_in(kestrel.mina).post(NEW, filled(subject="One\r\nBcc: two\x1b[31m\u202e", body="log\r\n\x1b[31mred\ttab"))
    ticket = Ticket.objects.get()
    assert ticket.subject == "One Bcc: two[31m"
    assert ticket.messages.get().body == "log\n[31mred\ttab"


def test_after_a_forged_key_the_same_form_can_be_sent(kestrel, sign_in, filled):
    client = sign_in(kestrel.mina)
    page = client.post(NEW, filled(key="x"))
    client.post(NEW, filled(key=page.context["form"]["key"].value()))
    assert Ticket.objects.count() == 1


def test_pressing_send_twice_makes_one_ticket(kestrel, sign_in, filled):
    client = sign_in(kestrel.mina)
    first = client.post(NEW, filled())
    again = client.post(NEW, filled(), follow=True)
    ticket = Ticket.objects.get()
    assert first.url == again.redirect_chain[0][0] == f"/tickets/{ticket.pk}/"
    assert f"This was sent already: it is {ticket.reference}." in again.text


def test_the_same_key_of_two_people_makes_two_tickets(kestrel, sign_in, filled):
    sign_in(kestrel.mina).post(NEW, filled())
    sign_in(kestrel.aoife).post(NEW, filled())
    assert Ticket.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_sends_at_the_same_instant_make_one_ticket(kestrel, sign_in, filled):
    clients = [sign_in(kestrel.mina) for _ in range(2)]
    together = Barrier(2)

    def send(client: Client) -> str:
        together.wait()
        try:
            return client.post(NEW, filled()).url
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        addresses = set(pool.map(send, clients))
    assert addresses == {f"/tickets/{Ticket.objects.get().pk}/"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("毎週のレポートに添付ファイルがありません。", "ja"),
        ("Еженедельный отчёт приходит без вложения", "und"),
        ("Seit Montag kommt der Bericht ohne Anhang bei uns an und die Datei ist nicht da.", "de"),
    ],
)
def test_a_message_that_is_not_english_is_sent_after_one_warning(text, language, kestrel, sign_in, filled):
    client = sign_in(kestrel.mina)
    page = client.post(NEW, filled(subject="Report", body=text))
    assert Ticket.objects.count() == 0
    assert "Not sent yet" in page.text
    assert text in page.text
    form = page.context["form"]
    client.post(NEW, {name: form[name].value() or "" for name in ("key", "hub", "subject", "body", "cc", "warned")})
    assert Ticket.objects.get().language == language


def test_english_with_foreign_names_is_not_warned_about(kestrel, sign_in, filled):
    sign_in(kestrel.mina).post(NEW, filled(body="The customer 佐藤 can't open https://shop.example/über since 9:00."))
    assert Ticket.objects.get().language == "en"


def test_the_question_of_the_home_page_becomes_the_subject(kestrel, sign_in):
    client = sign_in(kestrel.mina)
    assert client.get(NEW, {"q": "Why <b>"}).context["form"].initial["subject"] == "Why <b>"
    long = "word " * 100
    initial = client.get(NEW, {"q": long + "\x00"}).context["form"].initial
    assert len(initial["subject"]) == 160
    assert initial["body"] == long.strip()


def test_the_promise_follows_the_hub(kestrel, sign_in, frozen):
    fragment = sign_in(kestrel.mina).get("/tickets/new/promise/", {"hub": "marketing"}, headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert fragment.text.count('class="promise') == 2
    assert 'hx-swap-oob="true"' in fragment.text
    assert sign_in(kestrel.mina).get("/tickets/new/promise/", {"hub": "\x00"}).status_code == 200


def test_only_hubs_that_the_account_may_write_about_are_offered(kestrel, sign_in):
    kestrel.account.subscriptions.filter(hub="marketing").update(channels=["phone"])
    page = sign_in(kestrel.mina).get(NEW)
    assert page.context["form"].fields["hub"].choices == [("content", "Content Hub")]


def test_the_active_account_decides_what_is_created(kestrel, sign_in, filled):
    other = MembershipFactory(user=kestrel.mina.user, role=Membership.Role.USER)
    SubscriptionFactory(account=other.account)
    client = sign_in(kestrel.mina)
    client.post("/account/switch/", {"account": other.account_id})
    client.post(NEW, filled(**CRITICAL))
    ticket = Ticket.objects.get()
    assert (ticket.account, ticket.requester_role, ticket.claim) == (other.account, "user", "")


def test_nobody_switches_to_an_account_that_is_not_theirs(kestrel, sign_in):
    stranger = MembershipFactory(user=UserFactory())
    for value in (stranger.account_id, "x", "\x00", ""):
        assert sign_in(kestrel.mina).post("/account/switch/", {"account": value}).status_code == 404
