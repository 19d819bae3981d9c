"""Articles: who writes and publishes, what is found, and that nobody's text is lost."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import StaffRole
from helpdesk.knowledge import services
from helpdesk.knowledge.models import Article, Revision, Section
from helpdesk.knowledge.rendering import html, minutes_to_read
from helpdesk.knowledge.search import find
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def olu():
    return StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)


@pytest.fixture
def section():
    return Section.objects.create(slug="problems", name="When something stops")


@pytest.fixture
def written(section, olu, now):
    """Make an article in force."""

    def make(slug, title, *, body="Read on.", summary="In short.", language="en", hub=None) -> Revision:
        article, _made = Article.objects.get_or_create(slug=slug, defaults={"section": section, "hub_id": hub})
        draft = draft_of(article, olu, now, title=title, body=body, summary=summary, language=language)
        return services.publish(revision=draft, actor=olu, now=now)

    return make


def draft_of(article, actor, now, *, seen_at=None, language="en", **text):
    values = {"title": "T", "summary": "S", "body": "B", **text}
    return services.save_draft(article=article, language=language, actor=actor, now=now, seen_at=seen_at, **values)


def titles(question, *, language="en", hub=""):
    return [row.title for row in find(question=question, language=language, hub=hub)]


def test_a_draft_is_read_by_nobody_until_it_is_published(written, anna, olu, now):
    live = written("forms", "Forms stay blank")
    later = now + timedelta(hours=1)
    draft = draft_of(live.article, anna, later, title="Forms do not load", seen_at=live.saved_at)
    assert titles("forms blank") == ["Forms stay blank"]
    services.publish(revision=draft, actor=olu, now=later)
    assert titles("forms load") == ["Forms do not load"]
    assert [row.is_live for row in live.article.revisions.order_by("number")] == [False, True]


def test_a_specialist_writes_and_a_lead_publishes(section, anna, now):
    article = Article.objects.create(slug="a", section=section)
    draft = draft_of(article, anna, now)
    with pytest.raises(services.Refused, match="Leads and managers publish"):
        services.publish(revision=draft, actor=anna, now=now)


def test_two_people_who_write_at_once_never_overwrite_each_other(section, anna, olu, now):
    article = Article.objects.create(slug="a", section=section)
    draft_of(article, anna, now, title="Anna’s")
    with pytest.raises(services.Refused, match="Anna Meier has saved another text"):
        draft_of(article, olu, now + timedelta(minutes=1), title="Olu’s")
    assert article.revisions.get().title == "Anna’s"


def test_what_was_published_stays_in_the_history(written, olu, now):
    live = written("forms", "Forms stay blank")
    draft_of(live.article, olu, now + timedelta(hours=1), title="Better", seen_at=live.saved_at)
    assert [row.title for row in live.article.revisions.order_by("number")] == ["Forms stay blank", "Better"]
    with pytest.raises(services.Refused, match="published already"):
        services.publish(revision=live, actor=olu, now=now)


def test_the_database_keeps_one_text_in_force_and_one_draft_for_each_language(written):
    live = written("forms", "Forms stay blank")
    copy = {"article": live.article, "language": "en", "title": "X", "saved_at": live.saved_at}
    with pytest.raises(IntegrityError), transaction.atomic():
        Revision.objects.create(number=2, is_live=True, published_at=live.saved_at, **copy)
    Revision.objects.create(number=2, **copy)
    with pytest.raises(IntegrityError), transaction.atomic():
        Revision.objects.create(number=3, **copy)


def test_the_rare_word_decides_and_words_are_known_in_their_forms(written):
    written("forms", "Forms stay blank on a page", body="The certificate of the page has expired.")
    written("theme", "A page after a theme")
    written("import", "Importing contacts twice to a page")
    assert titles("my form is blank") == ["Forms stay blank on a page"]
    assert titles("certificates expire") == ["Forms stay blank on a page"]
    assert titles("contact imports")[0] == "Importing contacts twice to a page"
    assert titles("weather tomorrow") == []


def test_japanese_is_found_by_any_part_of_a_word(written):
    written("forms", "公開ページでフォームが表示されない場合", language="ja")
    written("import", "コンタクトが二重にインポートされた場合", language="ja")
    assert titles("フォームが空白です", language="ja") == ["公開ページでフォームが表示されない場合"]
    assert titles("二重", language="ja") == ["コンタクトが二重にインポートされた場合"]


def test_another_hubs_articles_are_not_suggested(written):
    written("forms", "Forms stay blank", hub="content")
    written("all", "Blank screens everywhere")
    assert titles("blank", hub="sales") == ["Blank screens everywhere"]


def test_what_was_taken_down_is_not_found(written, olu):
    live = written("forms", "Forms stay blank")
    services.set_retired(article=live.article, retired=True, actor=olu)
    assert titles("forms") == []


@pytest.mark.parametrize("question", ["", " ", "\x00", "'; DROP TABLE", "a & | ! ( <->", "％" * 2000, "x" * 5000])
def test_no_question_breaks_the_search(question, written):
    written("forms", "Forms stay blank")
    assert titles(question) == []
    assert titles(question, language="ja") == []


def test_an_article_can_neither_run_nor_load_anything():
    text = "# Big\n\n<script>alert(1)</script> <img src=x onerror=alert(1)> [go](javascript:alert(1)) **bold**"
    made = html(text)
    assert "<h2>Big</h2>" in made
    assert "<strong>bold</strong>" in made
    assert not any(bad in made for bad in ("<script", "<img", "javascript:", "onerror"))


def test_time_to_read_counts_words_and_letters():
    assert [minutes_to_read(text) for text in ("word " * 10, "word " * 600, "字" * 1500)] == [1, 3, 3]


def test_who_keeps_the_articles_sees_how_each_stands_and_finds_them_by_their_titles(written, section, olu, now, client):
    written("forms", "Forms stay blank")
    text = written("import", "Contacts imported twice")
    changed = text.article
    draft_of(changed, olu, now, seen_at=text.saved_at, title="Contacts imported thrice")
    down = written("sso", "Single sign-on").article
    services.set_retired(article=down, retired=True, actor=olu)
    Article.objects.create(slug="empty", section=section)
    client.force_login(olu)
    rows = client.get("/admin/helpdesk/article/").context["cl"].result_list
    page = client.get("/admin/helpdesk/article/").text
    for words in ("Published", "Published, a draft waits", "Taken down", "Not published yet"):
        assert page.count(f'class="field-state">{words}</td>') == 1, words
    assert len(rows) == 4
    found = client.get("/admin/helpdesk/article/", {"q": "imported"}).context["cl"].result_list
    assert [row.pk for row in found] == [changed.pk]
    assert "_addanother" not in client.get("/admin/helpdesk/article/add/").text


def test_a_published_articles_address_stays_while_its_section_moves(written, anna, olu, client):
    article = written("forms", "Forms stay blank").article
    start = Section.objects.create(slug="start", name="First steps")
    client.force_login(olu)
    page = f"/admin/helpdesk/article/{article.pk}/place/"
    assert "keeps its address" in client.get(page).text
    client.post(page, {"section": start.pk, "hub": "", "slug": "elsewhere"})
    article.refresh_from_db()
    assert (article.section, article.slug) == (start, "forms")
    place = {"section": start, "hub": None, "slug": "elsewhere"}
    with pytest.raises(services.Refused, match="keeps its address"):
        services.place(article=article, actor=olu, **place)
    with pytest.raises(services.Refused, match="Only leads and managers"):
        services.place(article=article, actor=anna, **place)


def test_before_it_is_published_a_wrong_address_is_put_right(written, anna, section, client):
    written("forms", "Forms stay blank")
    article = Article.objects.create(slug="frms", section=section)
    client.force_login(anna)
    page = f"/admin/helpdesk/article/{article.pk}/place/"
    taken = client.post(page, {"section": section.pk, "hub": "content", "slug": "forms"})
    assert taken.status_code == 422
    assert "already exists" in taken.text
    with pytest.raises(services.Refused, match="Another article"):  # taken in the same instant
        services.place(article=article, section=section, hub=None, slug="forms", actor=anna)
    client.post(page, {"section": section.pk, "hub": "content", "slug": "forms-2"})
    article.refresh_from_db()
    assert (article.slug, article.hub_id) == ("forms-2", "content")


def test_an_older_version_is_taken_up_again_as_a_new_draft(written, olu, now, client):
    first = written("forms", "Forms stay blank", body="The old way.")
    later = now + timedelta(hours=1)
    draft = draft_of(first.article, olu, later, title="Worse", seen_at=first.saved_at)
    services.publish(revision=draft, actor=olu, now=later)
    client.force_login(olu)
    page = f"/admin/helpdesk/article/{first.article_id}/change/"
    assert "from=1" in client.get(page, {"version": 1}).text
    form = client.get(page, {"from": 1}).context["form"]
    assert form.initial["title"] == "Forms stay blank"
    answer = client.post(f"{page}?from=1", {**form.initial, "publish": "1"})
    assert answer.status_code == 302
    assert list(first.article.revisions.order_by("number").values_list("title", "is_live")) == [
        ("Forms stay blank", False),
        ("Worse", False),
        ("Forms stay blank", True),
    ]
