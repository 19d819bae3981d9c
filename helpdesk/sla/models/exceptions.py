"""Response-time exceptions, as they are stored."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from helpdesk.sla import clock as pure
from helpdesk.sla.models.clock import Clock

EFFECTS = [
    (pure.Effect.VOID.value, _("Void: the target does not count")),
    (pure.Effect.PAUSE.value, _("Pause: a stretch does not count")),
    (pure.Effect.RESTART.value, _("Restart: count from when the information arrived")),
    (pure.Effect.RETARGET.value, _("Another target")),
]


class ExceptionCode(models.Model):
    """One entry of the operator's list of response-time exceptions (SPEC 2.4)."""

    code = models.SlugField(_("code"), primary_key=True, max_length=40)
    name = models.CharField(_("name"), max_length=80)
    name_ja = models.CharField(_("name in Japanese"), max_length=80, blank=True, default="")
    explanation = models.TextField(_("when it applies"), blank=True, default="")
    explanation_ja = models.TextField(_("when it applies, in Japanese"), blank=True, default="")
    effects = ArrayField(
        models.CharField(max_length=10, choices=EFFECTS),
        verbose_name=_("effects it may have"),
    )
    is_active = models.BooleanField(_("active"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("exception code")
        verbose_name_plural = _("exception codes")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name

    @property
    def said(self) -> str:
        """When it applies, in the reader's language where it is written in that."""
        return self.explanation_ja if self.explanation_ja and get_language() == "ja" else self.explanation


class ClockException(models.Model):
    """A response-time exception on one clock: what was asked, with what evidence, and who decided (SPEC 2.4).

    The database refuses an approval of a guaranteed clock by the person who asked for it.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("Waits for approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="exceptions", verbose_name=_("clock"))
    code = models.ForeignKey(ExceptionCode, models.PROTECT, related_name="+", verbose_name=_("code"))
    effect = models.CharField(_("effect"), max_length=10, choices=EFFECTS)
    out_from = models.DateTimeField(_("not counted from"), null=True, blank=True)
    out_until = models.DateTimeField(_("not counted until"), null=True, blank=True)
    since = models.DateTimeField(_("the information arrived"), null=True, blank=True)
    target_seconds = models.PositiveIntegerField(_("target in seconds"), null=True, blank=True)
    target_business_days = models.PositiveSmallIntegerField(_("target in business days"), null=True, blank=True)
    evidence = models.TextField(_("evidence"))
    is_guaranteed = models.BooleanField(_("of a guarantee"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_note = models.TextField(_("note on the decision"), blank=True, default="")

    class Meta:
        verbose_name = _("response-time exception")
        verbose_name_plural = _("response-time exceptions")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="approved", is_guaranteed=True, decided_by=models.F("requested_by")),
                name="exception_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="asked", decided_by=None)
                | ~models.Q(state="asked") & ~models.Q(decided_by=None),
                name="exception_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["clock"], condition=models.Q(state="asked"), name="exception_one_open_request"
            ),
        ]
        indexes = [
            models.Index(fields=["requested_at"], name="exception_waiting", condition=models.Q(state="asked")),
            models.Index(fields=["-decided_at"], name="exception_approved", condition=models.Q(state="approved")),
        ]

    def __str__(self) -> str:
        return f"PS-{self.clock.ticket_id} · {self.code}"
