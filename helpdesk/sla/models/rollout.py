"""New rules taking over for open tickets, as it is stored."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.sla.models.rules import Calendar, Policy


class Rollout(models.Model):
    """New rules taking over for open tickets: a job in chunks, that goes on where it was killed (SPEC 2.2, 2.3)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")

        @classmethod
        def unfinished(cls) -> "tuple[Rollout.State, ...]":
            return (cls.WAITING, cls.RUNNING)

    policy = models.ForeignKey(Policy, models.PROTECT, null=True, related_name="rollouts", verbose_name=_("policy"))
    calendar = models.ForeignKey(
        Calendar, models.PROTECT, null=True, related_name="rollouts", verbose_name=_("calendar")
    )
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(_("started"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    finished_at = models.DateTimeField(_("finished"), null=True)
    total = models.PositiveIntegerField(_("open tickets"), default=0)
    seen = models.PositiveIntegerField(_("looked at"), default=0)
    changed = models.PositiveIntegerField(_("deadlines changed"), default=0)
    late = models.PositiveIntegerField(_("late at once"), default=0)
    failed = models.PositiveIntegerField(_("could not be reckoned"), default=0)
    last_ticket = models.BigIntegerField(default=0)  # tickets up to this id are done

    class Meta:
        verbose_name = _("rollout")
        verbose_name_plural = _("rollouts")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(policy=None) ^ models.Q(calendar=None), name="rollout_of_one_thing"
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="rollout_unfinished", condition=models.Q(state__in=["waiting", "running"]))
        ]

    def __str__(self) -> str:
        return f"{self.policy or self.calendar}: {self.reason}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in self.State.unfinished()

    @property
    def most(self) -> int:
        """What `seen` is measured against: never less than it, though tickets came after the count."""
        return max(self.total, self.seen, 1)

    @property
    def percent(self) -> int:
        """How far it is; an empty one that is done is done."""
        return 100 if self.state == self.State.DONE else min(99, self.seen * 100 // self.most)
