"""How well a customer found the help."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Team
from helpdesk.tickets.models.ticket import Ticket


class Rating(models.Model):
    """What the requester says of a ticket's answer, once a ticket; the events keep what it was before a change.

    `specialist` and `team` are as of the (last) rating: who had answered, and the ticket's team then.
    """

    class Score(models.IntegerChoices):
        NOT_AT_ALL = 1, _("Not at all")
        LITTLE = 2, _("Little")
        PARTLY = 3, _("Partly")
        WELL = 4, _("Well")
        FULLY = 5, _("Fully")

    SATISFIED = Score.WELL  # this, and what is above

    ticket = models.OneToOneField(Ticket, models.PROTECT, related_name="rating", verbose_name=_("ticket"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    specialist = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="ratings", verbose_name=_("specialist")
    )
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="+", verbose_name=_("team"))
    score = models.PositiveSmallIntegerField(_("how well we helped"), choices=Score)
    comment = models.TextField(_("comment"), blank=True, default="")
    rated_at = models.DateTimeField(_("rated"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        constraints = [models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="rating_score")]
        indexes = [
            models.Index(fields=["-rated_at"], name="rating_latest"),
            models.Index(fields=["specialist", "-rated_at"], name="rating_specialist"),
        ]

    def __str__(self) -> str:
        return f"PS-{self.ticket_id} · {self.get_score_display()}"

    @property
    def is_satisfied(self) -> bool:
        return self.score >= self.SATISFIED
