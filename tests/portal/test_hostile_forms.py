"""Hundreds of bad submissions: each gets its clear message, what was typed is kept, and nothing is half stored."""

from html import escape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from helpdesk.knowledge.models import Consultation
from helpdesk.tickets.models import Attachment, FormDraft, InboundMessage, Message, Ticket
from tests.factories import make_ticket
from tests.portal.hostile_corpus import (
    FILES,
    FORGED_IDS,
    FORGED_WRITERS,
    QUESTIONS,
    REPLY_CASES,
    TICKET_CASES,
)

NEW, UP, SAVE = "/tickets/new/", "/tickets/new/files/", "/tickets/new/draft/"
KEY = "A" * 22


def each(cases):
    return pytest.mark.parametrize(("changes", "errors"), [case[1:] for case in cases], ids=[case[0] for case in cases])


@pytest.fixture
def mina(kestrel, sign_in, frozen):
    return sign_in(kestrel.mina)


@pytest.fixture
def ticket(kestrel, now):
    return make_ticket(kestrel.mina, now=now)


def assert_kept(page, typed):
    """All that was typed stands in the form, as text; an invalid key is the one thing that is renewed."""
    form = page.context["form"]
    for name, value in typed.items():
        if name == "key":
            continue
        assert (form[name].value() or "") == (value if name != "critical" else True)
    for name in ("subject", "body"):
        if name in typed:
            assert escape(typed[name].replace("\r\n", "\n").replace("\x00", "")[:300]) in (
                page.text.replace("\r\n", "\n").replace("\x00", "").replace("\r", "\n")
            )
    assert "<script>alert(1)" not in page.text
    assert "Everything you typed is still here." in page.text
    assert "<title>Error: " in page.text


def assert_nothing_is_stored(*, messages=0):
    assert Message.objects.count() == messages
    assert not InboundMessage.objects.exists()


def test_there_are_at_least_three_hundred():
    assert len(TICKET_CASES) + len(REPLY_CASES) + 2 * len(FILES) + len(FORGED_IDS) + len(QUESTIONS) >= 300


@each(TICKET_CASES)
def test_a_bad_ticket(changes, errors, mina, filled):
    typed = filled(**changes)
    page = mina.post(NEW, typed)
    assert page.status_code == 200
    assert dict(page.context["form"].errors) == errors
    for texts in errors.values():
        assert escape(texts[0]) in page.text
    assert_kept(page, typed)
    assert_nothing_is_stored()
    assert not Ticket.objects.exists()


@each(REPLY_CASES)
def test_a_bad_reply(changes, errors, mina, ticket):
    typed = {"key": KEY, "body": "It still happens."} | changes
    page = mina.post(f"/tickets/{ticket.pk}/", typed)
    assert page.status_code == 200
    assert dict(page.context["form"].errors) == errors
    assert_kept(page, typed)
    assert_nothing_is_stored(messages=1)


@pytest.mark.parametrize(("name", "content", "shown", "message"), FILES)
@pytest.mark.parametrize("place", ["ticket", "reply"])
def test_a_bad_file(place, name, content, shown, message, mina, ticket, filled, settings):
    """By script and with the form: the same words, and the good one beside it is kept."""
    settings.ATTACHMENT_MAX_BYTES = 1024
    url = NEW if place == "ticket" else f"/tickets/{ticket.pk}/"
    typed = filled() if place == "ticket" else {"key": KEY, "body": "It still happens."}

    def files():
        return [SimpleUploadedFile(name, content), SimpleUploadedFile("good.txt", b"good")]

    answer = mina.post(f"{url}files/", {"key": KEY, "files": files()})
    assert (answer.status_code, answer.json()["errors"]) == (422, [message % shown])
    page = mina.post(url, {**typed, "files": files()})
    assert dict(page.context["form"].errors) == {"files": [message % shown]}
    assert escape(shown) in page.text
    assert [file.name for file in page.context["desk"].files] == ["good.txt"]
    assert_kept(page, typed)
    assert_nothing_is_stored(messages=1)
    assert Attachment.objects.get().message is None


@pytest.mark.parametrize("forged", FORGED_IDS)
def test_a_forged_id(forged, mina, ticket):
    assert mina.get(f"/tickets/{ticket.pk}/files/{forged}/").status_code == 404
    assert mina.get(f"/tickets/{forged}/files/1/").status_code == 404
    assert mina.post(f"/tickets/files/{forged}/remove/").status_code == 404
    for part in ("", "files/", "draft/"):
        assert mina.post(f"/tickets/{forged}/{part}", {"key": KEY, "body": "x"}).status_code == 404
    assert mina.post(NEW, {"key": KEY, "remove": forged, "body": "kept"}).context["form"]["body"].value() == "kept"
    assert_nothing_is_stored(messages=1)


@pytest.mark.parametrize("by", FORGED_WRITERS)
def test_a_forged_writer(by, mina, filled, db):
    """Nobody's text waits for somebody else: neither at the login nor after a token that ran out."""
    stranger = Client()
    assert stranger.post(NEW, filled(by=by)).url == "/accounts/login/?next=/tickets/new/"
    assert "typed" not in stranger.session
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = mina.cookies
    page = strict.post(NEW, filled(by=by))
    assert page.status_code == 403
    assert "Go back: your text is kept." in page.text
    assert_nothing_is_stored()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_hostile_question(question, mina):
    for place in ("/ask/", "/articles/", NEW):
        page = mina.get(place, {"q": question, "hub": question, "c": question, "draft": question})
        assert page.status_code == 200
        for markup in ("<script>alert(1)", "<img src=x", "<svg/onload"):
            assert markup not in page.text
    for place in ("/ask/?part=found", "/ask/?part=dialog"):
        assert mina.get(place, {"q": question}).status_code == 200
    assert mina.get("/ask/contact/", {"q": question, "c": question, "hub": question}).status_code == 302
    assert mina.post("/ask/solved/", {"article": question, "c": question}).status_code == 302
    assert not Consultation.objects.exclude(user__isnull=False).exists()
    assert_nothing_is_stored()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_hostile_draft(question, mina):
    """A draft takes anything, and gives it back as text."""
    typed = {"key": KEY, "hub": question, "subject": question, "body": question, "cc": question, "since": question}
    assert mina.post(SAVE, typed).status_code == 200
    page = mina.get(NEW)
    assert page.status_code == 200
    assert (page.context["form"]["body"].value() or "") == question.replace("\x00", "")
    for markup in ("<script>alert(1)", "<img src=x", "<svg/onload"):
        assert markup not in page.text
    assert mina.post(SAVE, {**typed, "key": question}).json() == {"words": "Not saved: load the page again."}
    assert FormDraft.objects.count() <= 1


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"subject=%FF%FE&body=%C3%28&hub=content", "application/x-www-form-urlencoded", 200),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded", 200),
        (b"subject=" + b"x" * 6_000_000, "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % n for n in range(7001)), "application/x-www-form-urlencoded", 400),
        (b"no parts at all", "multipart/form-data; boundary=x", 200),
        (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x", 200),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=" + "x" * 300, 400),
        (b'{"subject": "x"}', "application/json", 200),
        (b"<a/>", "text/xml", 200),
        (b"", "", 200),
        (b"subject=x", "application/x-www-form-urlencoded; charset=utf-16", 400),
        (b"subject=x", "application/x-www-form-urlencoded; charset=nonsense", 200),
    ],
)
def test_a_body_that_is_no_form(body, kind, code, mina, frozen):
    """Said to be unreadable, or read as an empty form: never an error of ours, never half a ticket."""
    answer = mina.generic("POST", NEW, body, content_type=kind)
    assert answer.status_code == code
    assert_nothing_is_stored()


def test_more_files_than_a_request_may_have(mina, filled):
    files = [SimpleUploadedFile(f"{number}.txt", b"x") for number in range(101)]
    assert mina.post(NEW, filled(files=files)).status_code == 400
    assert not Attachment.objects.exists()


def test_a_replayed_form_of_another_person_or_ticket_is_not_theirs(mina, kestrel, sign_in, ticket, filled):
    """The same key from another person, or for another ticket, brings neither text nor file across."""
    mina.post(UP, {"key": KEY, "files": [SimpleUploadedFile("mine.txt", b"mine")]})
    assert mina.post(NEW, filled()).status_code == 302
    other = sign_in(kestrel.tomas)
    assert other.post(NEW, filled(body="By Tomas")).status_code == 302
    assert set(Attachment.objects.values_list("message__author", flat=True)) == {kestrel.mina.user.pk}
    again = mina.post(f"/tickets/{ticket.pk}/", {"key": KEY, "body": "Replayed as a reply"})
    assert again.status_code == 200
    assert dict(again.context["form"].errors) == {
        "__all__": ["An earlier text was sent with this form already. Send again to add this one."]
    }
    assert again.context["form"]["body"].value() == "Replayed as a reply"
