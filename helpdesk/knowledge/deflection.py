"""What the knowledge base spared, and what it lacks: for those who keep it (SPEC 2.7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from helpdesk.core.shares import FEW
from helpdesk.knowledge.models import Article, Consultation, Revision, Vote

MOST_ARTICLES = 200
MOST_QUESTIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFigures:
    """How often an article was suggested, read, and solved a question; how it was voted on."""

    article: Article
    title: str
    shown: int
    read: int
    solved: int
    helpful: int
    unhelpful: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflection:
    """Questions of a period: all, solved by an article, sent to a specialist; the rest was left."""

    questions: int
    solved: int
    contacted: int
    without: int  # to which nothing fitted
    articles: list[ArticleFigures]
    missing: list[Consultation]  # nothing fitted, or it was sent on all the same; the latest first

    @property
    def left(self) -> int:
        return self.questions - self.solved - self.contacted

    @property
    def share(self) -> int | None:
        """Solved out of those that ended one way or the other, in per cent; None where none did."""
        ended = self.solved + self.contacted
        return round(100 * self.solved / ended) if ended else None

    @property
    def is_small(self) -> bool:
        return self.solved + self.contacted < FEW


def deflection(*, since: datetime, until: datetime, language: str) -> Deflection:
    """The figures of the questions asked in [since, until). A fixed number of queries."""
    asked = Consultation.objects.filter(at__gte=since, at__lt=until)
    counts = asked.aggregate(
        questions=Count("pk"),
        solved=Count("pk", filter=Q(outcome=Consultation.Outcome.SOLVED)),
        contacted=Count("pk", filter=Q(outcome=Consultation.Outcome.CONTACTED)),
        without=Count("pk", filter=Q(shown=[])),
    )
    unsolved = asked.filter(Q(outcome=Consultation.Outcome.CONTACTED) | Q(shown=[])).exclude(question="")  # erased
    missing = unsolved.exclude(outcome=Consultation.Outcome.SOLVED).select_related("hub", "ticket").order_by("-at")
    return Deflection(
        **counts,
        articles=_articles(asked.values_list("shown", "read", "solved_by").iterator(), language=language),
        missing=list(missing[:MOST_QUESTIONS]),
    )


def _articles(rows: Iterable[tuple[list[int], list[int], int | None]], *, language: str) -> list[ArticleFigures]:
    counted: dict[int, dict[str, int]] = {}
    for shown, read, solved in rows:
        for name, ids in (("shown", shown), ("read", read), ("solved", [solved] if solved else [])):
            for pk in ids:
                counted.setdefault(pk, {"shown": 0, "read": 0, "solved": 0})[name] += 1
    votes: dict[int, dict[bool, int]] = {}
    for article, helpful, number in Vote.objects.values_list("article", "helpful").annotate(number=Count("pk")):
        votes.setdefault(article, {})[helpful] = number
    titles = titles_of(language=language)
    none: dict[str, Any] = {"shown": 0, "read": 0, "solved": 0}
    figures = [
        ArticleFigures(
            article=article,
            title=titles.get(article.pk, article.slug),
            **counted.get(article.pk, none),
            helpful=votes.get(article.pk, {}).get(True, 0),
            unhelpful=votes.get(article.pk, {}).get(False, 0),
        )
        for article in Article.objects.filter(is_retired=False)[:MOST_ARTICLES]
    ]
    return sorted(figures, key=lambda row: (-row.solved, -row.read, -row.shown, row.title))


def titles_of(*, language: str) -> dict[int, str]:
    """The titles in force by article: in this language, else in the other one."""
    rows = Revision.objects.filter(is_live=True).values_list("article_id", "language", "title")
    return {article: title for article, _language, title in sorted(rows, key=lambda row: row[1] == language)}
