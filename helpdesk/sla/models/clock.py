"""Clocks and their events, as they are stored."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.models.rules import CalendarVersion, PolicyVersion
from helpdesk.sla.target import Interval, Target

METRICS = [
    (pure.Metric.FIRST_RESPONSE.value, _("First response")),
    (pure.Metric.NEXT_RESPONSE.value, _("Next response")),
    (pure.Metric.RESOLUTION.value, _("Resolution")),
    (pure.Metric.CALLBACK.value, _("Callback")),
    (pure.Metric.CHAT_PICKUP.value, _("Chat pickup")),
]
PROMISES = [
    (pure.Promise.GUARANTEED.value, _("Guaranteed")),
    (pure.Promise.OBJECTIVE.value, _("Objective")),
]
STATES = [
    (pure.State.RUNNING.value, _("Running")),
    (pure.State.PAUSED.value, _("Paused")),
    (pure.State.FULFILLED.value, _("Answered")),
    (pure.State.ENDED.value, _("Ended unanswered")),
    (pure.State.CANCELLED.value, _("Cancelled")),
    (pure.State.EXEMPT.value, _("Void")),
]
EVENT_KINDS = [
    (pure.EventKind.START.value, _("Started")),
    (pure.EventKind.PAUSE.value, _("Paused")),
    (pure.EventKind.RESUME.value, _("Resumed")),
    (pure.EventKind.RETARGET.value, _("Target changed")),
    (pure.EventKind.FULFIL.value, _("Answered")),
    (pure.EventKind.BREACH.value, _("Breached")),
    (pure.EventKind.CANCEL.value, _("Cancelled")),
    (pure.EventKind.EXEMPT.value, _("Exception approved")),
]


class BreachCause(models.TextChoices):
    """Why a target was missed (SPEC 2.6)."""

    UNASSIGNED = "unassigned", _("Unassigned too long")
    CAPACITY = "capacity", _("Capacity")
    MISROUTED = "misrouted", _("Misrouted")
    OWNER_ABSENT = "owner_absent", _("Owner absent")
    DECLINED_LATE = "declined_late", _("Declined late")
    LATE_RECLASSIFICATION = "late_reclassification", _("Late reclassification")
    SYSTEM_FAULT = "system_fault", _("System fault")


def written_intervals(intervals: Iterable[Interval]) -> list[list[str]]:
    return [[begin.isoformat(), end.isoformat()] for begin, end in intervals]


def written_basis(basis: tuple[Target, datetime] | None) -> dict[str, Any] | None:
    if basis is None:
        return None
    target, since = basis
    return {"seconds": target.seconds, "business_days": target.business_days, "since": since.isoformat()}


def _read_intervals(rows: list[list[str]]) -> tuple[Interval, ...]:
    return tuple((datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in rows)


def _read_basis(row: dict[str, Any] | None) -> tuple[Target, datetime] | None:
    if row is None:
        return None
    target = Target(seconds=row["seconds"], business_days=row["business_days"])
    return target, datetime.fromisoformat(row["since"])


# What counts at another instant gross than net, or not at all net.
APART = (
    models.Q(counted_at=None)
    | models.Q(counted_at__gt=models.F("gross_counted_at"))
    | models.Q(counted_at__lt=models.F("gross_counted_at"))
)


class ClockQuerySet(models.QuerySet["Clock"]):
    def open(self) -> "ClockQuerySet":
        return self.filter(state__in=pure.OPEN)

    def unanswered(self) -> "ClockQuerySet":
        """Open, or void while the customer still waits."""
        return self.filter(models.Q(state__in=pure.OPEN) | models.Q(state=pure.State.EXEMPT, ended_at=None))


class Clock(models.Model):
    """One metric of one ticket running towards one target.

    The columns from `target_seconds` to `answered_by` are the fold of the clock's events and are
    written by `sla.services` only; `rebuild_clocks` makes them again, `verify_clocks` compares.
    """

    ticket = models.ForeignKey("helpdesk.Ticket", models.PROTECT, related_name="clocks", verbose_name=_("ticket"))
    metric = models.CharField(_("metric"), max_length=20, choices=METRICS)
    cycle = models.PositiveIntegerField(_("cycle"), default=1)
    promise = models.CharField(_("promise"), max_length=12, choices=PROMISES)
    policy_version = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+", verbose_name=_("policy"))
    calendar_version = models.ForeignKey(
        CalendarVersion,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("calendar"),
        help_text=_("Empty: always open."),
    )

    target_seconds = models.PositiveIntegerField(_("target in seconds"), null=True)
    target_business_days = models.PositiveSmallIntegerField(_("target in business days"), null=True)
    started_at = models.DateTimeField(_("started"))
    counted_from = models.DateTimeField(_("counted from"))
    due_at = models.DateTimeField(_("due"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=STATES, default=pure.State.RUNNING.value)
    version = models.PositiveIntegerField(_("deadline version"), default=1)
    pauses = models.JSONField(_("pauses"), default=list)
    paused_at = models.DateTimeField(_("paused since"), null=True)
    questioned_pauses = models.PositiveSmallIntegerField(_("pauses in question"), default=0)
    breached_at = models.DateTimeField(_("breached"), null=True)
    # As if no exception had ever been approved (SPEC 2.4): stretches that one left out of the net deadline,
    # what the gross deadline is reckoned by once the two part, that deadline, and whether it was missed.
    exempted = models.JSONField(_("exempted"), default=list)
    gross_basis = models.JSONField(_("gross target"), null=True)
    gross_due_at = models.DateTimeField(_("gross due"), null=True)
    gross_breached_at = models.DateTimeField(_("gross breached"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    owner_at_due = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("owner when due")
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )

    event_count = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(_("next check"), null=True)
    # The deadline version whose last step somebody acknowledged: no reminders for it.
    acknowledged_version = models.PositiveIntegerField(default=0)
    # The instant that decides in which period of a report the target falls due.
    counted_at = models.GeneratedField(
        expression=Coalesce("breached_at", "due_at"), output_field=models.DateTimeField(null=True), db_persist=True
    )
    gross_counted_at = models.GeneratedField(
        expression=Coalesce("gross_breached_at", "gross_due_at"),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    cause = models.CharField(_("cause"), max_length=24, choices=BreachCause, blank=True, default="")
    cause_note = models.CharField(_("note on the cause"), max_length=300, blank=True, default="")

    objects = ClockQuerySet.as_manager()

    class Meta:
        verbose_name = _("clock")
        verbose_name_plural = _("clocks")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "metric", "cycle"], name="clock_once"),
            models.CheckConstraint(
                condition=models.Q(target_seconds=None) ^ models.Q(target_business_days=None), name="clock_one_target"
            ),
        ]
        indexes = [
            # The sweep reads this and nothing else: its cost follows what is due, not what is open.
            models.Index(
                fields=["next_check_at"], name="clock_next_check", condition=models.Q(next_check_at__isnull=False)
            ),
            models.Index(fields=["promise", "metric", "counted_at"], name="clock_counted"),
            models.Index(fields=["promise", "metric", "gross_counted_at"], name="clock_gross_counted"),
            # Reports read both counts: what counts at the same instant by both, and the few that don't.
            models.Index(fields=["promise", "metric", "gross_counted_at"], name="clock_gross_apart", condition=APART),
            models.Index(
                fields=["promise", "metric", "ended_at"],
                name="clock_answered",
                condition=models.Q(answered_by__isnull=False),
            ),
            models.Index(fields=["-started_at"], name="clock_questioned", condition=models.Q(questioned_pauses__gt=0)),
            # What a new version of a calendar or policy has to look at.
            models.Index(fields=["ticket"], name="clock_open", condition=models.Q(state__in=["running", "paused"])),
            models.Index(fields=["breached_at"], name="clock_breached", condition=models.Q(breached_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.ticket_id}"

    @property
    def hours(self) -> BusinessCalendar:
        return ALWAYS_OPEN if self.calendar_version is None else self.calendar_version.hours

    @property
    def is_guaranteed(self) -> bool:
        return self.promise == pure.Promise.GUARANTEED

    @property
    def is_open(self) -> bool:
        return self.state in pure.OPEN

    @property
    def is_unanswered(self) -> bool:
        """Open, or void while the customer still waits."""
        return self.is_open or (self.state == pure.State.EXEMPT and self.ended_at is None)

    @property
    def is_met(self) -> bool:
        return self.state == pure.State.FULFILLED and self.breached_at is None

    def folded(self) -> pure.Clock:
        """The columns as the state that the pure functions work on."""
        return pure.Clock(
            started_at=self.started_at,
            target=Target(seconds=self.target_seconds, business_days=self.target_business_days),
            due_at=self.due_at,
            state=pure.State(self.state),
            version=self.version,
            counted_from=self.counted_from,
            pauses=_read_intervals(self.pauses),
            exempted=_read_intervals(self.exempted),
            paused_at=self.paused_at,
            questioned_pauses=self.questioned_pauses,
            breached_at=self.breached_at,
            gross_basis=_read_basis(self.gross_basis),
            gross_due_at=self.gross_due_at,
            gross_breached_at=self.gross_breached_at,
            ended_at=self.ended_at,
            owner_at_due=self.owner_at_due_id,
            answered_by=self.answered_by_id,
        )

    def take_state(self, state: pure.Clock) -> None:
        """Set the columns from a folded state (the inverse of `folded`)."""
        self.target_seconds = state.target.seconds
        self.target_business_days = state.target.business_days
        self.started_at = state.started_at
        self.due_at = state.due_at
        self.state = state.state.value
        self.version = state.version
        self.counted_from = state.counted_from
        self.pauses = written_intervals(state.pauses)
        self.exempted = written_intervals(state.exempted)
        self.paused_at = state.paused_at
        self.questioned_pauses = state.questioned_pauses
        self.breached_at = state.breached_at
        self.gross_basis = written_basis(state.gross_basis)
        self.gross_due_at = state.gross_due_at
        self.gross_breached_at = state.gross_breached_at
        self.ended_at = state.ended_at
        self.owner_at_due_id = state.owner_at_due
        self.answered_by_id = state.answered_by

    FOLDED = (
        "target_seconds",
        "target_business_days",
        "started_at",
        "counted_from",
        "due_at",
        "state",
        "version",
        "pauses",
        "exempted",
        "paused_at",
        "questioned_pauses",
        "breached_at",
        "gross_basis",
        "gross_due_at",
        "gross_breached_at",
        "ended_at",
        "owner_at_due",
        "answered_by",
    )


class ClockEvent(models.Model):
    """One fact about a clock. Append-only: the database refuses to change or delete a row."""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="events", verbose_name=_("clock"))
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=10, choices=EVENT_KINDS)
    at = models.DateTimeField(_("took effect"))
    recorded_at = models.DateTimeField(_("written"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    data = models.JSONField(_("values"), default=dict)

    class Meta:
        verbose_name = _("clock event")
        verbose_name_plural = _("clock events")
        ordering = ["clock", "number"]
        constraints = [models.UniqueConstraint(fields=["clock", "number"], name="clock_event_once")]
        # Rows are only appended, so that they lie in the order in which they were written.
        indexes = [BrinIndex(fields=["recorded_at"], name="clock_event_recorded")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M:%S}"

    def folded(self) -> pure.Event:
        return pure.Event(pure.EventKind(self.kind), self.at, self.data)
