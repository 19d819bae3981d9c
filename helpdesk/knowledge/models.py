"""Articles that may solve a question before it is sent, and what became of each question (SPEC 2.7)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Ticket

LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]


class Section(models.Model):
    """What articles are about; the order of the knowledge base."""

    slug = models.SlugField(_("address"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_ja = models.CharField(_("name in Japanese"), max_length=80, blank=True, default="")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and (get_language() or "").startswith("ja") else self.name


class Article(models.Model):
    """One article; its text is in revisions, for each language its own."""

    slug = models.SlugField(_("address"), max_length=80, unique=True)
    section = models.ForeignKey(Section, models.PROTECT, related_name="articles", verbose_name=_("section"))
    hub = models.ForeignKey(
        Hub,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="articles",
        verbose_name=_("hub"),
        help_text=_("Empty: for all hubs."),
    )
    is_retired = models.BooleanField(_("taken down"), default=False)

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def was_published(self) -> bool:
        """Whether customers could ever read it, in whichever language."""
        return self.revisions.filter(published_at__isnull=False).exists()


class RevisionQuerySet(models.QuerySet["Revision"]):
    def readable(self) -> "RevisionQuerySet":
        """What customers read: in force, of an article that was not taken down."""
        return self.filter(is_live=True, article__is_retired=False)


class Revision(models.Model):
    """A text of an article in one language. A draft until it is published; after that it is never changed."""

    article = models.ForeignKey(Article, models.PROTECT, related_name="revisions", verbose_name=_("article"))
    language = models.CharField(_("language"), max_length=2, choices=LANGUAGES)
    number = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("title"), max_length=160)
    summary = models.CharField(_("summary"), max_length=300)
    body = models.TextField(_("text"), max_length=60_000)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    saved_at = models.DateTimeField(_("saved"))
    published_at = models.DateTimeField(_("published"), null=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("published by")
    )
    is_live = models.BooleanField(_("in force"), default=False)
    title_words = SearchVectorField(null=True)
    words = SearchVectorField(null=True)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["article", "language", "number"], name="revision_number"),
            models.UniqueConstraint(
                fields=["article", "language"], condition=Q(is_live=True), name="revision_one_in_force"
            ),
            models.UniqueConstraint(
                fields=["article", "language"], condition=Q(published_at=None), name="revision_one_draft"
            ),
            models.CheckConstraint(
                condition=Q(is_live=False) | Q(published_at__isnull=False), name="revision_in_force_is_published"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Vote(models.Model):
    """Whether an article helped somebody; they may change their mind."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="votes", verbose_name=_("article"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    helpful = models.BooleanField(_("helpful"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        constraints = [models.UniqueConstraint(fields=["article", "user"], name="vote_once")]

    def __str__(self) -> str:
        return f"{self.article_id} {'+' if self.helpful else '-'}"


class Consultation(models.Model):
    """A question that somebody typed, what was suggested and read, and how it ended."""

    class Outcome(models.TextChoices):
        OPEN = "", _("Left")
        SOLVED = "solved", _("Solved by an article")
        CONTACTED = "contacted", _("Sent to a specialist")

    key = models.CharField(_("key"), max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    question = models.CharField(_("question"), max_length=300)
    hub = models.ForeignKey(Hub, models.PROTECT, null=True, related_name="+", verbose_name=_("hub"))
    language = models.CharField(_("language"), max_length=2, choices=LANGUAGES)
    shown = ArrayField(models.BigIntegerField(), default=list, verbose_name=_("suggested"))
    read = ArrayField(models.BigIntegerField(), default=list, verbose_name=_("read"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True, default=Outcome.OPEN)
    solved_by = models.ForeignKey(Article, models.PROTECT, null=True, related_name="+", verbose_name=_("solved by"))
    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, related_name="+", verbose_name=_("ticket"))
    at = models.DateTimeField(_("asked"))

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="consultation_once")]
        indexes = [models.Index(fields=["-at"], name="consultation_latest")]

    def __str__(self) -> str:
        return self.question
