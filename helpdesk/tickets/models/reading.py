"""Who read a ticket when, what it is found by, how long was worked on it."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Reading(models.Model):
    """When a member of staff last had a ticket open; what changed since is unread to them."""

    ticket = models.ForeignKey("helpdesk.Ticket", models.CASCADE, related_name="readings", verbose_name=_("ticket"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        constraints = [models.UniqueConstraint(fields=["user", "ticket"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.ticket_id}"


class WordQuery(SearchQuery):
    """What was typed, as a query of the words that the database makes of a text (migration 0009): all must be there.

    Any text will do; one without a letter or digit finds nothing.
    """

    SEARCH_TYPES = {"words": "helpdesk_query"}

    def __init__(self, text: str) -> None:
        super().__init__(text.replace("\x00", " "), search_type="words")


class Joined(models.Func):
    """Two lots of words as one."""

    template = "(%(expressions)s)"
    arg_joiner = " || "


# What the index of all words holds: beside the words, how old their ticket is (migration 0030).
WITH_AGE = Joined("words", models.Func("ticket", function="helpdesk_age"), output_field=SearchVectorField())


class SearchTextQuerySet(models.QuerySet):
    def having(self, query: WordQuery) -> "SearchTextQuerySet":
        """The rows with these words, of all tickets; through the index of all."""
        return self.alias(with_age=WITH_AGE).filter(with_age=query)


class SearchText(models.Model):
    """What a ticket is found by: the words of its subject, its conversation and its people.

    A row of its own, so that no change of a ticket has to write its words again.
    """

    ticket = models.OneToOneField(
        "helpdesk.Ticket", models.CASCADE, primary_key=True, related_name="search_text", verbose_name=_("ticket")
    )
    words = SearchVectorField(_("words"))
    is_open = models.BooleanField(_("open"), db_default=False)  # kept by the database (migration 0017)

    objects = SearchTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of a ticket")
        verbose_name_plural = _("texts of tickets")
        indexes = [
            GinIndex(WITH_AGE, name="search_text_newest"),
            # Of a million tickets a word has thousands; those that somebody works on are found without the others.
            GinIndex(fields=["words"], condition=Q(is_open=True), name="search_text_open"),
        ]

    def __str__(self) -> str:
        return str(self.ticket_id)


class TimeEntry(models.Model):
    """Time that somebody spent on a ticket. An entry that was wrong is struck out, never changed."""

    ticket = models.ForeignKey("helpdesk.Ticket", models.PROTECT, related_name="time_entries", verbose_name=_("ticket"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("at"))
    struck_at = models.DateTimeField(_("struck out"), null=True)

    class Meta:
        verbose_name = _("time spent")
        verbose_name_plural = _("times spent")
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["ticket", "at"], name="time_entry_ticket")]
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes__gte=1, minutes__lte=1440),
                name="time_entry_minutes",
                violation_error_message=_("Between one minute and a day."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.minutes}"
