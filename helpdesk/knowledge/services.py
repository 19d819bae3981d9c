"""Verbs of the knowledge base: write, publish, take down; ask, read, solve."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, User
from helpdesk.knowledge.models import Article, Consultation, Revision, Section, Vote
from helpdesk.knowledge.search import LONGEST_QUESTION, index, suggest
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Ticket

PUBLISHERS = (StaffRole.TEAM_LEAD, StaffRole.MANAGER, StaffRole.ADMINISTRATOR)


class Refused(Exception):
    """What the state of an article does not allow; the text is for the person."""


@transaction.atomic
def save_draft(
    *,
    article: Article,
    language: str,
    title: str,
    summary: str,
    body: str,
    actor: User,
    now: datetime,
    seen_at: datetime | None,
) -> Revision:
    """Keep a text that is not published; there is one draft for each language.

    `seen_at` is when the text was saved that this one was written from (None: there was none). Refused where
    somebody has saved or published another one since: nobody's work is overwritten.
    """
    Article.objects.select_for_update(no_key=True).get(pk=article.pk)
    texts = Revision.objects.filter(article=article, language=language).select_related("author")
    latest = texts.order_by("-number").first()
    if (latest.saved_at if latest else None) != seen_at:
        words = {"name": latest.author if latest else "–"}
        raise Refused(_("%(name)s has saved another text meanwhile. Compare it before you save yours.") % words)
    if latest is not None and latest.published_at is None:
        draft = latest
    else:
        draft = Revision(article=article, language=language, number=latest.number + 1 if latest else 1)
    draft.title, draft.summary, draft.body = title, summary, body
    draft.author, draft.saved_at = actor, now
    draft.save()
    return draft


@transaction.atomic
def publish(*, revision: Revision, actor: User, now: datetime) -> Revision:
    """Let a draft take over from what was in force in its language."""
    if actor.staff_role not in PUBLISHERS or not actor.is_active:
        raise Refused(_("Leads and managers publish. Your draft is kept for them."))
    Article.objects.select_for_update(no_key=True).get(pk=revision.article_id)
    draft = Revision.objects.get(pk=revision.pk)
    if draft.published_at is not None:
        raise Refused(_("This version is published already."))
    Revision.objects.filter(article=draft.article_id, language=draft.language, is_live=True).update(is_live=False)
    draft.is_live, draft.published_at, draft.published_by = True, now, actor
    draft.save(update_fields=["is_live", "published_at", "published_by"])
    index(draft)
    return draft


@transaction.atomic
def place(*, article: Article, section: Section, hub: Hub | None, slug: str, actor: User) -> None:
    """Say where an article stands. Once customers could read it, its address stays: they have linked to it."""
    kept = Article.objects.select_for_update(no_key=True).get(pk=article.pk)
    if kept.was_published:
        if actor.staff_role not in PUBLISHERS or not actor.is_active:
            raise Refused(_("Only leads and managers move a published article."))
        if slug != kept.slug:
            raise Refused(_("A published article keeps its address: links to it would break."))
    kept.section, kept.hub, kept.slug = section, hub, slug
    try:
        with transaction.atomic():
            kept.save(update_fields=["section", "hub", "slug"])
    except IntegrityError:  # in the same instant
        raise Refused(_("Another article has this address.")) from None


def set_retired(*, article: Article, retired: bool, actor: User) -> None:
    """Take an article down, or put it up again; its texts are kept."""
    if actor.staff_role not in PUBLISHERS or not actor.is_active:
        raise Refused(_("Only leads and managers take articles down."))
    Article.objects.filter(pk=article.pk).update(is_retired=retired)


@transaction.atomic
def ask(*, key: str, question: str, hub: str, language: str, user: User, now: datetime) -> list[Revision]:
    """Suggest articles for a question, and keep what was shown; the same `key` while one goes on typing."""
    found = suggest(question=question, language=language, hub=hub)
    shown = [revision.article_id for revision in found]
    values = {"question": question.strip()[:LONGEST_QUESTION], "hub_id": hub or None, "language": language, "at": now}
    row, created = Consultation.objects.select_for_update().get_or_create(
        user=user, key=key, defaults={**values, "shown": shown}
    )
    if not created and row.outcome == Consultation.Outcome.OPEN:
        row.question, row.hub_id = values["question"], values["hub_id"]
        row.shown = list(dict.fromkeys([*row.shown, *shown]))
        row.save(update_fields=["question", "hub", "shown"])
    return found


def asked(*, key: str, user: User) -> Consultation | None:
    """What somebody asked under a key that hasn't ended yet."""
    return Consultation.objects.filter(user=user, key=key, outcome=Consultation.Outcome.OPEN).first()


@transaction.atomic
def note_read(*, key: str, article: Article, user: User) -> None:
    """Somebody opened a suggested article."""
    row = Consultation.objects.select_for_update().filter(user=user, key=key).first()
    if row is not None and article.pk not in row.read:
        row.read = [*row.read, article.pk]
        row.save(update_fields=["read"])


@transaction.atomic
def note_solved(*, key: str, article: Article | None, user: User) -> bool:
    """The question is answered without a specialist; False where it is unknown or was sent already."""
    rows = Consultation.objects.select_for_update().filter(user=user, key=key)
    row = rows.exclude(outcome=Consultation.Outcome.CONTACTED).first()
    if row is None:
        return False
    row.outcome, row.solved_by = Consultation.Outcome.SOLVED, article
    row.save(update_fields=["outcome", "solved_by"])
    return True


def note_contacted(*, key: str, ticket: Ticket, user: User) -> None:
    """The suggestions did not do: a specialist has the question now."""
    rows = Consultation.objects.filter(user=user, key=key)
    rows.update(outcome=Consultation.Outcome.CONTACTED, ticket=ticket, solved_by=None)


def forget_questions(*, user: User) -> None:
    """What this person asked is blank from now on; the rows still count."""
    Consultation.objects.filter(user=user).update(question="")


def vote(*, article: Article, user: User, helpful: bool, now: datetime) -> None:
    """Whether it helped; the last word counts."""
    Vote.objects.update_or_create(article=article, user=user, defaults={"helpful": helpful, "at": now})
