"""Dry runs as they are stored: what was tried over which past, and what would have been different."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.reports.periods import Period
from helpdesk.sla.models import METRICS, Calendar, Clock, Policy
from helpdesk.tickets.models import Ticket


class DryRun(models.Model):
    """A draft replayed over past tickets: a job in chunks that goes on where it was killed (SPEC 2.8).

    `document` is the draft as the engine reads it (terms of a policy, hours of a calendar), `typed` the same as
    somebody typed it, for the way back into the editor. Everything is as of `created_at`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

        @classmethod
        def unfinished(cls) -> "tuple[DryRun.State, ...]":
            return (cls.WAITING, cls.RUNNING)

    class Reason(models.TextChoices):
        """Why one failed, in words for whoever asked for it."""

        DRAFT = "draft", _("The draft, as it was kept for this dry run, can’t be read any more.")
        REPLAY = "replay", _("What this dry run had counted so far, or what is written of its tickets, can’t be read.")

    # Both empty: of a policy that has not been saved yet.
    policy = models.ForeignKey(Policy, models.PROTECT, null=True, related_name="+", verbose_name=_("policy"))
    calendar = models.ForeignKey(Calendar, models.PROTECT, null=True, related_name="+", verbose_name=_("calendar"))
    name = models.CharField(_("name"), max_length=80)
    version = models.PositiveIntegerField(_("drafted version"), default=1)
    document = models.JSONField(_("draft"), default=dict)
    typed = models.JSONField(default=dict)
    place = models.PositiveSmallIntegerField(default=0)
    first = models.DateField(_("first day"))
    last = models.DateField(_("last day"))
    zone = models.CharField(_("time zone"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(_("started"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    # Of what was asked for, so that a second click finds the first one's run instead of starting its own.
    digest = models.CharField(max_length=64, default="", editable=False)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason, default="")  # of one that failed
    finished_at = models.DateTimeField(_("finished"), null=True)
    total = models.PositiveIntegerField(_("targets"), default=0)
    seen = models.PositiveIntegerField(_("replayed"), default=0)
    changed = models.PositiveIntegerField(_("would have been different"), default=0)
    failed = models.PositiveIntegerField(_("could not be reckoned"), default=0)
    unpromised = models.PositiveIntegerField(_("tickets without any promise"), default=0)
    cuts = models.JSONField(default=list)  # the last clock of each chunk that is to come
    last_clock = models.BigIntegerField(default=0)  # clocks up to this id are done
    figures = models.JSONField(default=dict)  # see `counting.Tally`
    names = models.JSONField(default=dict)  # of policies, by id, as they were called

    class Meta:
        verbose_name = _("dry run")
        verbose_name_plural = _("dry runs")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(policy=None) | models.Q(calendar=None), name="dry_run_of_one_thing"
            ),
            models.UniqueConstraint(
                fields=["created_by", "digest"],
                name="dry_run_asked_for_once",
                condition=models.Q(state__in=["waiting", "running"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="dry_run_unfinished", condition=models.Q(state__in=["waiting", "running"])
            ),
            models.Index(fields=["created_at"], name="dry_run_created"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def period(self) -> Period:
        return Period(first=self.first, last=self.last, zone=ZoneInfo(self.zone))

    @property
    def is_of_calendar(self) -> bool:
        return self.calendar_id is not None

    @property
    def is_unfinished(self) -> bool:
        return self.state in self.State.unfinished()

    @property
    def percent(self) -> int:
        return 100 if self.state == self.State.DONE else min(99, self.seen * 100 // max(self.total, self.seen, 1))


class DryRunRow(models.Model):
    """One target that would have been different. Of many, the first ones are kept (`services.MOST_ROWS`)."""

    class Rank(models.IntegerChoices):
        """The order of the list: what matters most first."""

        WORSE = 0, _("Met, then late")
        BETTER = 1, _("Late, then met")
        COUNTED = 2, _("Counts, or doesn’t")
        OTHER = 3, _("Same outcome")

    run = models.ForeignKey(DryRun, models.CASCADE, related_name="rows")
    clock = models.ForeignKey(Clock, models.CASCADE, related_name="+", db_index=False)
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="+", db_index=False)
    metric = models.CharField(max_length=20, choices=METRICS)
    rank = models.PositiveSmallIntegerField(choices=Rank)
    changes: Any = models.JSONField(default=list)  # see `counting`
    promise = models.CharField(max_length=12)
    promise_then = models.CharField(max_length=12)
    policy = models.IntegerField()
    policy_then = models.IntegerField()
    target = models.CharField(max_length=20)
    target_then = models.CharField(max_length=20)
    due_at = models.DateTimeField(null=True)
    due_then = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=16)
    verdict_then = models.CharField(max_length=16)
    is_older = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("target that would have been different")
        verbose_name_plural = _("targets that would have been different")
        constraints = [models.UniqueConstraint(fields=["run", "clock"], name="dry_run_clock_once")]
        indexes = [models.Index(fields=["run", "promise", "metric", "rank", "id"], name="dry_run_rows")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.clock_id}"
