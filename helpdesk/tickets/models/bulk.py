"""An act on many tickets at once."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class BulkAct(models.Model):
    """What somebody did to many tickets in one go: what came of each, and how each is undone.

    `outcomes` is a list of {"ticket": id, "done": bool, "why": text of a refusal, "before": values that undo needs}.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    kind = models.CharField(_("act"), max_length=20)
    values = models.JSONField(_("values"), default=dict)
    reason = models.CharField(_("reason"), max_length=300, blank=True, default="")
    outcomes = models.JSONField(_("outcomes"), default=list)
    # The form that it was sent with: pressed twice, it is done once.
    submission = models.CharField(_("submission"), max_length=40, unique=True)
    at = models.DateTimeField(_("at"))
    undone_at = models.DateTimeField(_("undone"), null=True)

    class Meta:
        verbose_name = _("bulk act")
        verbose_name_plural = _("bulk acts")
        indexes = [models.Index(fields=["actor", "-at"], name="bulk_act_actor")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"
