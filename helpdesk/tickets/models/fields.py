"""What a hub wants to know of its tickets besides what every ticket has."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from helpdesk.subscriptions.models import Hub


class CustomField(models.Model):
    """A field of one hub's tickets, or (without a hub) of all. The values are in `Ticket.custom_values`, by `code`."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        CHOICE = "choice", _("One of several")
        CHECK = "check", _("Yes or no")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    hub = models.ForeignKey(
        Hub,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="custom_fields",
        verbose_name=_("hub"),
        help_text=_("Empty: tickets of all hubs."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.TEXT)
    label = models.CharField(_("label"), max_length=80)
    label_ja = models.CharField(_("label in Japanese"), max_length=80, blank=True, default="")
    choices = ArrayField(
        models.CharField(max_length=80), default=list, blank=True, verbose_name=_("choices"), help_text=_("One a line.")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("field of tickets")
        verbose_name_plural = _("fields of tickets")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.label_ja if self.label_ja and (get_language() or "").startswith("ja") else self.label

    def fits(self, hub_id: Any) -> bool:
        return self.is_active and self.hub_id in (None, hub_id)
