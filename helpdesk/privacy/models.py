"""What a person asks about their own data: a copy of it, or that it is erased (SPEC 2.9)."""

import secrets
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import User

FOLDER = "exports"  # in the storage


def export_path(export: "DataExport", name: str) -> str:
    """Where a copy lies: an unguessable name, in a place that no address serves."""
    return f"{FOLDER}/{secrets.token_hex(20)}"


class DataExport(models.Model):
    """A copy of what is kept about a person, made in the background and thrown away after a while."""

    user = models.ForeignKey(User, models.PROTECT, related_name="exports", verbose_name=_("person"))
    asked_at = models.DateTimeField(_("asked"))
    made_at = models.DateTimeField(_("made"), null=True)
    expires_at = models.DateTimeField(_("runs out"), null=True)
    cleared_at = models.DateTimeField(_("thrown away"), null=True)
    file = models.FileField(_("file"), upload_to=export_path, max_length=120, blank=True)
    size = models.PositiveBigIntegerField(_("bytes"), default=0)

    name = "my-data.zip"
    content_type = "application/zip"

    class Meta:
        verbose_name = _("copy of a person's data")
        verbose_name_plural = _("copies of people's data")
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(made_at=None, cleared_at=None), name="export_once"),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="export_kept", condition=Q(cleared_at=None, made_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.asked_at:%Y-%m-%d}"

    def can_be_fetched(self, now: datetime) -> bool:
        return self.expires_at is not None and self.cleared_at is None and now < self.expires_at


class Erasure(models.Model):
    """A person wants their data erased: it waits, so that they may think better of it, and is then done."""

    user = models.ForeignKey(User, models.PROTECT, related_name="erasures", verbose_name=_("person"))
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked"))
    due_at = models.DateTimeField(_("due"))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True)
    done_at = models.DateTimeField(_("done"), null=True)
    # Since when it cannot be done, because an account would have no super admin left.
    blocked_at = models.DateTimeField(_("held up since"), null=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(cancelled_at=None, done_at=None), name="erasure_once"),
            models.CheckConstraint(condition=Q(due_at__gte=F("asked_at")), name="erasure_after_asking"),
        ]
        indexes = [models.Index(fields=["due_at"], name="erasure_due", condition=Q(cancelled_at=None, done_at=None))]

    def __str__(self) -> str:
        return f"{self.user_id} {self.due_at:%Y-%m-%d}"
