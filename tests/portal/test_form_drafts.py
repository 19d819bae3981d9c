"""What a customer types is kept on the server, found again by them alone, and outlives a session that ended."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from helpdesk.tickets.models import Attachment, FormDraft, Ticket
from helpdesk.tickets.services import clear_abandoned_files, clear_abandoned_forms
from tests.factories import PASSWORD, MembershipFactory, SubscriptionFactory, make_ticket

NEW, SAVE = "/tickets/new/", "/tickets/new/draft/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def mina(kestrel, sign_in, frozen):
    return sign_in(kestrel.mina)


def values(page, *names):
    form = page.context["form"]
    return tuple(form[name].value() for name in names)


def test_what_is_typed_is_back_with_its_time_and_its_files(mina, filled):
    assert mina.post(SAVE, filled(critical="on", process="Orders")).json() == {
        "words": "Draft saved 13:05",
        "kept": True,
    }
    mina.post("/tickets/new/files/", {"key": "A" * 22, "files": [SimpleUploadedFile("a.txt", b"a")]})
    page = mina.get(NEW)
    assert values(page, "key", "hub", "subject", "process", "critical") == (
        "A" * 22,
        "content",
        "Forms show a blank page",
        "Orders",
        "on",
    )
    assert "Draft saved 13:05" in page.text
    assert [file.name for file in page.context["desk"].files] == ["a.txt"]


def test_a_half_written_form_that_is_wrong_in_every_field_is_kept(mina, filled):
    typed = filled(hub="no", subject="x" * 400, body="y" * 70_000, since="soon", cc="nobody@@", affected="\x00")
    assert mina.post(SAVE, typed).json()["kept"]
    page = mina.get(NEW)
    assert values(page, "subject", "since", "cc") == ("x" * 400, "soon", "nobody@@")
    assert values(page, "body") == ("y" * 60_000,)


def test_sending_ends_the_draft_and_a_late_save_brings_it_back_no_more(mina, filled):
    mina.post(SAVE, filled())
    mina.post(NEW, filled())
    assert not FormDraft.objects.exists()
    said = mina.post(SAVE, filled(body="typed late")).json()
    assert (said["words"], said["kept"], said["sent"]) == ("", False, True)
    FormDraft.objects.create(
        user=Ticket.objects.get().requester,
        account=Ticket.objects.get().account,
        key="A" * 22,
        values={"body": "saved in the instant of sending"},
        saved_at=Ticket.objects.get().created_at,
    )
    assert values(mina.get(NEW), "body") == ("",)


def test_a_form_that_could_not_be_sent_is_a_draft(mina, filled):
    mina.post(NEW, filled(subject=""))
    assert values(mina.get(NEW), "body") == ("Since 13:40 every form is blank.",)


def test_an_emptied_form_is_no_draft(mina, filled):
    mina.post(SAVE, filled())
    assert mina.post(SAVE, {"key": "A" * 22, "subject": ""}).json()["kept"] is False
    assert not FormDraft.objects.exists()


def test_a_new_question_leaves_the_draft_alone_and_leads_to_it(mina, filled):
    mina.post(SAVE, filled())
    page = mina.get(NEW, {"q": "Another question"})
    assert values(page, "subject", "body") == ("Another question", "")
    assert f'href="?draft={"A" * 22}"' in page.text
    assert ">13:05</time>" in page.text.partition("You have begun another one")[2][:400]
    mina.post(SAVE, filled(key="B" * 22, subject="Another question"))
    assert values(mina.get(NEW, {"draft": "A" * 22}), "subject") == ("Forms show a blank page",)


def test_discarding_throws_away_text_and_files(mina, filled):
    mina.post("/tickets/new/files/", {"key": "A" * 22, "files": [SimpleUploadedFile("a.txt", b"a")]})
    mina.post(SAVE, filled())
    assert mina.post(NEW, filled(discard="1")).url == f"{NEW}?fresh=1"
    assert not FormDraft.objects.exists()
    assert not Attachment.objects.exists()
    assert not Ticket.objects.exists()


def test_nobody_else_reads_or_throws_away_a_draft(mina, kestrel, sign_in, filled):
    mina.post(SAVE, filled(body="for nobody else"))
    for other in (kestrel.tomas, kestrel.aoife):
        client = sign_in(other)
        assert "for nobody else" not in client.get(NEW, {"draft": "A" * 22}).text
        client.post(NEW, filled(discard="1"))
    assert FormDraft.objects.get().values["body"] == "for nobody else"


def test_each_account_of_a_person_has_drafts_of_its_own(mina, kestrel, filled):
    other = MembershipFactory(user=kestrel.mina.user)
    SubscriptionFactory(account=other.account)
    mina.post("/account/switch/", {"account": kestrel.account.pk})
    mina.post(SAVE, filled(body="of Kestrel"))
    mina.post("/account/switch/", {"account": other.account_id})
    assert "of Kestrel" not in mina.get(NEW).text


def test_a_reply_is_kept_for_its_ticket(mina, kestrel):
    ticket, another = make_ticket(kestrel.mina), make_ticket(kestrel.mina)
    url = f"/tickets/{ticket.pk}/"
    assert mina.post(f"{url}draft/", {"key": "R" * 22, "body": "Half a sen"}).json()["words"] == "Draft saved 13:05"
    page = mina.get(url)
    assert values(page, "body", "key") == ("Half a sen", "R" * 22)
    assert "Half a sen" not in mina.get(f"/tickets/{another.pk}/").text
    assert "Half a sen" not in mina.get(NEW).text
    mina.post(url, {"key": "R" * 22, "body": "Half a sentence"})
    assert not FormDraft.objects.exists()
    assert mina.post(f"/tickets/{make_ticket().pk}/draft/", {"key": "R" * 22, "body": "x"}).status_code == 404


def test_a_person_keeps_twenty_drafts_at_most(mina, filled):
    for number in range(22):
        mina.post(SAVE, filled(key=f"{number:022d}", subject=str(number)))
    assert set(FormDraft.objects.values_list("key", flat=True)) == {f"{number:022d}" for number in range(2, 22)}


def test_drafts_go_after_a_month_and_their_files_with_them_not_before(mina, filled, now):
    mina.post("/tickets/new/files/", {"key": "A" * 22, "files": [SimpleUploadedFile("a.txt", b"a")]})
    mina.post("/tickets/new/files/", {"key": "Z" * 22, "files": [SimpleUploadedFile("without-draft.txt", b"z")]})
    mina.post(SAVE, filled())
    month = now + timedelta(days=30)
    assert clear_abandoned_forms(now=month) == 0
    assert clear_abandoned_files(now=month) == 1
    assert Attachment.objects.get().name == "a.txt"
    assert clear_abandoned_forms(now=month + timedelta(seconds=1)) == 1
    assert not Attachment.objects.exists()


# --- A session that ended --------------------------------------------------------------------------------


def writer_of(page) -> str:
    return re.search(r'name="by" value="([^"]+)"', page.text)[1]


def log_in(client, person, to):
    return client.post("/accounts/login/", {"login": person.email, "password": PASSWORD, "next": to}, follow=True)


def test_without_script_what_was_typed_is_there_after_signing_in_again(kestrel, filled, frozen):
    client = Client()
    client.force_login(kestrel.mina.user)
    by = writer_of(client.get(NEW))
    client.session.flush()
    answer = client.post(NEW, filled(by=by, cc="a@b.example", files=[SimpleUploadedFile("a.txt", b"a")]))
    assert answer.url == "/accounts/login/?next=/tickets/new/"
    page = log_in(client, kestrel.mina.user, NEW)
    assert page.redirect_chain[-1][0] == f"{NEW}?draft={'A' * 22}"
    assert values(page, "key", "body", "cc") == ("A" * 22, "Since 13:40 every form is blank.", "a@b.example")
    assert "You had been signed out. Everything you typed is still here: press Send again." in page.text
    assert "choose them again: a.txt" in page.text
    assert not Ticket.objects.exists()
    assert client.post(NEW, filled()).status_code == 302


def test_a_reply_that_met_the_login_is_there_too(kestrel, frozen):
    client, ticket = Client(), make_ticket(kestrel.mina)
    client.force_login(kestrel.mina.user)
    url = f"/tickets/{ticket.pk}/"
    by = writer_of(client.get(url))
    client.session.flush()
    assert client.post(url, {"key": "R" * 22, "body": "My answer", "by": by}).url == f"/accounts/login/?next={url}"
    assert values(log_in(client, kestrel.mina.user, url), "body") == ("My answer",)


def test_a_script_hears_where_to_sign_in_and_nothing_is_lost(kestrel, filled, frozen):
    client = Client()
    client.force_login(kestrel.mina.user)
    by = writer_of(client.get(NEW))
    client.session.flush()
    answer = client.post(SAVE, filled(by=by, body="typed on"), headers=JSON)
    assert answer.status_code == 401
    assert answer.json()["login"] == "/accounts/login/?next=/tickets/new/"
    assert values(log_in(client, kestrel.mina.user, NEW), "body") == ("typed on",)


def test_a_part_that_keeps_a_page_fresh_puts_no_login_in_its_place(kestrel, frozen):
    ticket = make_ticket(kestrel.mina, now=frozen)
    answer = Client().get(f"/tickets/{ticket.pk}/news/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_after_an_act_that_met_the_login_one_is_led_to_the_ticket(kestrel, frozen):
    """The address of the act takes no GET: it would have been an error page after signing in."""
    ticket = make_ticket(kestrel.mina, now=frozen)
    answer = Client().post(f"/tickets/{ticket.pk}/escalate/", {"escalate-reason": "Nobody answers."})
    assert (answer.status_code, answer.url) == (302, f"/accounts/login/?next=/tickets/{ticket.pk}/")


def test_another_person_at_the_same_browser_reads_none_of_it(kestrel, filled, frozen):
    client = Client()
    client.force_login(kestrel.mina.user)
    by = writer_of(client.get(NEW))
    client.session.flush()
    client.post(NEW, filled(by=by, body="for nobody else"))
    assert "for nobody else" not in log_in(client, kestrel.tomas.user, NEW).text
    assert not FormDraft.objects.exists()


@pytest.mark.parametrize("by", ["", "x", "[1, 2]:forged", "\x00", "e30:1:2"])
def test_a_text_without_its_writers_signature_is_not_kept(by, kestrel, filled, db):
    client = Client()
    assert client.post(NEW, filled(by=by)).status_code == 302
    assert "typed" not in client.session


def test_it_comes_back_in_the_account_that_it_was_typed_for(kestrel, filled, frozen):
    other = MembershipFactory(user=kestrel.mina.user)
    SubscriptionFactory(account=other.account)
    client = Client()
    client.force_login(kestrel.mina.user)
    client.post("/account/switch/", {"account": other.account_id})
    by = writer_of(client.get(NEW))
    client.session.flush()
    client.post(NEW, filled(by=by))
    page = log_in(client, kestrel.mina.user, NEW)
    assert page.context["visitor"].account == other.account
    assert values(page, "subject") == ("Forms show a blank page",)


def test_a_form_from_before_a_new_login_is_shown_again_and_not_lost(kestrel, filled, frozen):
    """Signed in anew in another window: the old page's token is refused, its text stays."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(kestrel.mina.user)
    by = writer_of(client.get(NEW))
    answer = client.post(NEW, filled(by=by, csrfmiddlewaretoken="x" * 64))
    assert answer.url == NEW
    assert values(client.get(answer.url, follow=True), "body") == ("Since 13:40 every form is blank.",)
    assert not Ticket.objects.exists()
    assert client.post(NEW, filled(by="forged", csrfmiddlewaretoken="x" * 64)).status_code == 403
    assert client.post(SAVE, filled(by=by), headers=JSON).status_code == 403


def test_a_page_elsewhere_can_draw_up_no_form(kestrel, filled, frozen):
    """A writer's name that was signed for somebody else fills no form of this person."""
    tomas = Client()
    tomas.force_login(kestrel.tomas.user)
    by = writer_of(tomas.get(NEW))
    client = Client(enforce_csrf_checks=True)
    client.force_login(kestrel.mina.user)
    assert client.post(NEW, filled(by=by)).status_code == 403
    assert "Since 13:40" not in client.get(NEW, follow=True).text
