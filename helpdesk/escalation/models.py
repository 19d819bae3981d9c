"""Escalations: steps of the ladder whose time came."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Ticket


class Escalation(models.Model):
    """One step (or reminder) of one clock under one deadline; the unique constraint is what makes it once."""

    class State(models.TextChoices):
        FIRED = "fired", _("Fired")
        SUPERSEDED = "superseded", _("Superseded")

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="escalations", verbose_name=_("clock"))
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="escalations", verbose_name=_("ticket"))
    deadline_version = models.PositiveIntegerField(_("deadline version"))
    percent = models.PositiveSmallIntegerField(_("step"), help_text=_("Percentage of the target's time."))
    reminder = models.PositiveIntegerField(_("reminder"), default=0, help_text=_("0 is the step itself."))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.FIRED)
    due_at = models.DateTimeField(_("due"))
    detected_at = models.DateTimeField(_("noticed"))
    # When the last of those it goes to had it: a notice on their screen, or a mail that a server took.
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    told = models.JSONField(_("told"), default=list)  # ids of people
    skipped = models.JSONField(_("passed over"), default=list)  # {"user": id, "until": instant} of those away
    acts = models.JSONField(_("acts"), default=dict)  # what the step does to the ticket
    acts_pending = models.BooleanField(default=False)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        constraints = [
            models.UniqueConstraint(fields=["clock", "deadline_version", "percent", "reminder"], name="escalation_once")
        ]
        indexes = [
            models.Index(fields=["-due_at"], name="escalation_latest"),
            models.Index(
                fields=["-due_at"],
                name="escalation_open",
                condition=models.Q(state="fired", acknowledged_at=None),
            ),
            models.Index(fields=["id"], name="escalation_acts", condition=models.Q(acts_pending=True)),
            models.Index(
                fields=["detected_at"],
                name="escalation_undelivered",
                condition=models.Q(state="fired", delivered_at=None),
            ),
            models.Index(fields=["-detected_at"], name="escalation_detected"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % {self.ticket_id}"

    @property
    def lateness(self) -> float:
        """Seconds between the due instant and its being noticed."""
        return (self.detected_at - self.due_at).total_seconds()
