"""The demonstration's knowledge base: the files of `articles/`, a title, a summary and a text each."""

from datetime import datetime, timedelta
from pathlib import Path

from helpdesk.accounts.models import StaffRole, User
from helpdesk.knowledge.models import LANGUAGES, Article, Revision, Section
from helpdesk.knowledge.search import index

TEXTS = Path(__file__).parent / "articles"
SECTIONS = [
    ("support", "Using premium support", "プレミアムサポートの利用"),
    ("problems", "When something stops", "動作しないとき"),
]
# Address, section, hub.
ARTICLES = [
    ("what-is-business-critical", "support", None),
    ("response-time-exceptions", "support", None),
    ("forms-do-not-load", "problems", "content"),
    ("blank-page-after-a-theme", "problems", "content"),
    ("outage-or-set-up", "problems", None),
    ("contacts-imported-twice", "problems", "marketing"),
]


def bring_articles(*, now: datetime) -> None:
    """Write the articles, published a while ago by a manager."""
    manager = User.objects.filter(staff_role=StaffRole.MANAGER).order_by("pk").first()
    sections = {
        slug: Section.objects.create(slug=slug, name=name, name_ja=name_ja, position=place)
        for place, (slug, name, name_ja) in enumerate(SECTIONS)
    }
    for place, (slug, section, hub) in enumerate(ARTICLES):
        article = Article.objects.create(slug=slug, section=sections[section], hub_id=hub)
        at = now - timedelta(days=12 + 17 * place)
        for language, _name in LANGUAGES:
            title, summary, body = (TEXTS / f"{slug}.{language}.md").read_text().split("\n\n", 2)
            revision = Revision.objects.create(
                article=article,
                language=language,
                number=1,
                title=title.removeprefix("# "),
                summary=summary,
                body=body.strip(),
                author=manager,
                saved_at=at,
                published_at=at,
                published_by=manager,
                is_live=True,
            )
            index(revision)
