"""The way to a specialist: ask, read, contact; what helped is kept (SPEC 1, 2.7)."""

import re
from datetime import timedelta

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.knowledge import services
from helpdesk.knowledge.deflection import deflection
from helpdesk.knowledge.models import Article, Consultation, Section, Vote
from helpdesk.subscriptions.models import Subscription
from helpdesk.tickets.models import Ticket
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
KEY = "k" * 22


@pytest.fixture
def forms(now):
    olu = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    article = Article.objects.create(slug="forms", section=Section.objects.create(slug="s", name="Problems"))
    text = {"title": "Forms stay blank", "summary": "Look at the certificate.", "body": "## One\n\nRenew it."}
    draft = services.save_draft(article=article, language="en", actor=olu, now=now, seen_at=None, **text)
    services.publish(revision=draft, actor=olu, now=now)
    return article


def test_what_may_help_is_shown_with_what_each_channel_promises_now(kestrel, sign_in, forms, frozen):
    page = sign_in(kestrel.mina).get("/ask/", {"q": "my forms are blank"}).content.decode()
    assert "Forms stay blank" in page
    assert 'id="contact"' in page
    assert "Guaranteed" in page


def test_the_question_travels_along_to_the_form(kestrel, sign_in, forms, frozen):
    answer = sign_in(kestrel.mina).get("/ask/contact/", {"q": "my forms are blank", "hub": "content", "c": KEY})
    assert answer["Location"] == "/tickets/new/?q=my+forms+are+blank&hub=content"


def test_the_question_is_still_there_when_one_comes_back_from_an_article(kestrel, sign_in, forms, frozen):
    client = sign_in(kestrel.mina)
    client.get("/ask/", {"q": "my forms are blank", "hub": "content", "c": KEY})
    page = client.get("/ask/", {"c": KEY}).text
    assert 'value="my forms are blank"' in page
    assert f"?q=my%20forms%20are%20blank&amp;hub=content&amp;c={KEY}" in page
    assert "my forms" not in sign_in(kestrel.aoife).get("/ask/", {"c": KEY}).text
    assert "my forms" not in client.get("/ask/", {"c": KEY, "q": ""}).text


def test_a_question_that_was_sent_on_is_kept_with_its_ticket(kestrel, sign_in, forms, filled, frozen):
    client = sign_in(kestrel.mina)
    client.get("/ask/", {"q": "my forms are blank", "c": KEY})
    client.get("/articles/forms/", {"c": KEY})
    client.get("/ask/contact/", {"q": "my forms are blank", "c": KEY})
    client.post("/tickets/new/", filled())
    row = Consultation.objects.get()
    assert (row.outcome, row.ticket, row.shown, row.read) == ("contacted", Ticket.objects.get(), [forms.pk], [forms.pk])


def test_a_question_that_an_article_solved_makes_no_ticket(kestrel, sign_in, forms, frozen):
    client = sign_in(kestrel.mina)
    client.get("/ask/", {"q": "forms blank", "c": KEY})
    client.post("/ask/solved/", {"c": KEY, "article": "forms"})
    row = Consultation.objects.get()
    assert (row.outcome, row.solved_by, Ticket.objects.count()) == ("solved", forms, 0)


def test_typing_on_is_one_question(kestrel, sign_in, forms, frozen):
    client = sign_in(kestrel.mina)
    for text in ("my", "my forms", "my forms are blank"):
        client.get("/ask/", {"q": text, "c": KEY, "part": "found"})
    row = Consultation.objects.get()
    assert (row.question, row.shown) == ("my forms are blank", [forms.pk])


def test_a_question_in_english_finds_the_article_for_who_reads_japanese(kestrel, sign_in, forms, frozen, now):
    kestrel.mina.user.language = "ja"
    kestrel.mina.user.save()
    client = sign_in(kestrel.mina)
    assert "Forms stay blank" in client.get("/ask/", {"q": "forms are blank"}).text
    words = {"title": "フォームが空白になる", "summary": "証明書を確認します。", "body": "更新します。"}
    olu = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    draft = services.save_draft(article=forms, language="ja", actor=olu, now=now, seen_at=None, **words)
    services.publish(revision=draft, actor=olu, now=now)
    for path in ("/ask/", "/articles/"):
        page = client.get(path, {"q": "forms are blank"}).text
        assert ("フォームが空白になる" in page, "Forms stay blank" in page) == (True, False)
    assert "フォームが空白になる" in client.get("/ask/", {"q": "フォーム 空白"}).text


def test_nobody_can_write_into_another_ones_question(kestrel, sign_in, forms, frozen):
    sign_in(kestrel.mina).get("/ask/", {"q": "forms blank", "c": KEY})
    sign_in(kestrel.aoife).post("/ask/solved/", {"c": KEY, "article": "forms"})
    assert Consultation.objects.get(user=kestrel.mina.user).outcome == ""


@pytest.mark.parametrize("key", ["", "x", "'; DROP TABLE--------", "あ" * 22, "k" * 23, "k" * 21 + "\n"])
def test_a_forged_key_is_none(key, kestrel, sign_in, forms, frozen):
    answer = sign_in(kestrel.mina).get("/ask/", {"q": "forms blank", "c": key})
    assert answer.status_code == 200
    assert re.fullmatch(r"[\w-]{22}", Consultation.objects.get().key)


def test_without_premium_the_articles_are_open_and_the_way_to_buy_is_said(kestrel, sign_in, forms, frozen):
    Subscription.objects.update(premium_support=False)
    page = sign_in(kestrel.mina).get("/ask/", {"q": "forms blank"}).content.decode()
    assert ("Forms stay blank" in page, "how to add it" in page, "Write to a specialist" in page) == (True, True, False)


def test_a_vote_can_be_changed_and_counts_once(kestrel, sign_in, forms, frozen):
    client = sign_in(kestrel.mina)
    for helpful in ("1", "0"):
        client.post("/articles/forms/vote/", {"helpful": helpful})
    assert [(row.user, row.helpful) for row in Vote.objects.all()] == [(kestrel.mina.user, False)]
    assert client.post("/articles/forms/vote/", {"helpful": "maybe"}).status_code == 404


def test_an_article_that_is_not_there_is_not_found(kestrel, sign_in, forms, frozen):
    client = sign_in(kestrel.mina)
    assert client.get("/articles/nothing/").status_code == 404
    Article.objects.update(is_retired=True)
    assert client.get("/articles/forms/").status_code == 404


def test_who_keeps_the_articles_sees_what_they_spared_and_what_is_missing(kestrel, sign_in, forms, frozen, now):
    client = sign_in(kestrel.mina)
    for number, question in enumerate(("forms blank", "forms", "payroll in Peru")):
        client.get("/ask/", {"q": question, "c": f"{number}" * 22})
    client.post("/ask/solved/", {"c": "0" * 22, "article": "forms"})
    found = deflection(since=now - timedelta(days=1), until=now + timedelta(days=1), language="en")
    assert (found.questions, found.solved, found.contacted, found.left, found.without) == (3, 1, 0, 2, 1)
    assert [(row.title, row.shown, row.solved) for row in found.articles] == [("Forms stay blank", 2, 1)]
    assert [row.question for row in found.missing] == ["payroll in Peru"]
    assert (found.share, found.is_small) == (100, True)
