"""What holds tickets together: tags, links, people who watch."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Tag(models.Model):
    """A word that tickets are found by. Staff see it, customers don't."""

    name = models.CharField(_("tag"), max_length=40)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"), name="tag_any_case", violation_error_message=_("There is such a tag already.")
            )
        ]

    def __str__(self) -> str:
        return self.name


class TicketLink(models.Model):
    """Two tickets that have to do with each other. Said once for both; `first` is the older one."""

    class Kind(models.TextChoices):
        RELATED = "related", _("Related")
        DUPLICATE = "duplicate", _("Duplicate")

    first = models.ForeignKey("helpdesk.Ticket", models.PROTECT, related_name="+", verbose_name=_("ticket"))
    second = models.ForeignKey("helpdesk.Ticket", models.PROTECT, related_name="+", verbose_name=_("other ticket"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.RELATED)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    created_at = models.DateTimeField(_("linked"))

    class Meta:
        verbose_name = _("link of tickets")
        verbose_name_plural = _("links of tickets")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="ticket_link_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="ticket_link_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} {self.kind} {self.second_id}"


class Watch(models.Model):
    """A member of staff hears of what happens on a ticket that isn't theirs."""

    ticket = models.ForeignKey("helpdesk.Ticket", models.CASCADE, related_name="watches", verbose_name=_("ticket"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="watches", verbose_name=_("person"))
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("watched ticket")
        verbose_name_plural = _("watched tickets")
        constraints = [models.UniqueConstraint(fields=["ticket", "user"], name="watch_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.ticket_id}"
