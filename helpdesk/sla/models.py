"""Calendars, policies and clocks as they are stored."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.target import Interval, Target
from helpdesk.sla.terms import Terms

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


def validate_calendar(definition: object) -> None:
    """Refuse what `BusinessCalendar` refuses, in its words."""
    try:
        BusinessCalendar.from_dict(definition)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_terms(document: object) -> None:
    """Refuse what `Terms` refuses, in its words."""
    try:
        Terms.from_dict(document)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class Drafted(models.Model):
    """Something that is changed by drafting its next version. Empty: there is no draft."""

    draft = models.JSONField(_("draft"), null=True, blank=True)
    draft_at = models.DateTimeField(_("draft saved"), null=True, blank=True)
    draft_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("draft by")
    )

    class Meta:
        abstract = True


class Calendar(Drafted):
    """Business hours, in versions: one in use is never edited (SPEC 2.2)."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    is_default = models.BooleanField(_("standard calendar"), default=False)

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="calendar_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(models.Model):
    """One state of a calendar: time zone, weekly hours, holidays, special days."""

    calendar = models.ForeignKey(Calendar, models.PROTECT, related_name="versions", verbose_name=_("calendar"))
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("hours"), validators=[validate_calendar])
    day_names = models.JSONField(_("names of days"), default=dict, blank=True)  # "2026-12-25": "Christmas Day"
    note = models.CharField(_("what changed"), max_length=200, blank=True, default="")
    is_current = models.BooleanField(_("in force"), default=True)
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("calendar version")
        verbose_name_plural = _("calendar versions")
        constraints = [
            models.UniqueConstraint(fields=["calendar", "number"], name="calendar_version_once"),
            models.UniqueConstraint(
                fields=["calendar"], condition=models.Q(is_current=True), name="calendar_one_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calendar} {self.number}"

    @property
    def hours(self) -> BusinessCalendar:
        return BusinessCalendar.from_dict(self.definition)


class Policy(Drafted):
    """A promise to some tickets; policies are looked through by position, the first that fits counts."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """One state of a policy: a document of terms that never changes."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="versions", verbose_name=_("policy"))
    number = models.PositiveIntegerField(_("version"))
    document = models.JSONField(_("terms"), validators=[validate_terms])
    note = models.CharField(_("what changed"), max_length=200, blank=True, default="")
    is_current = models.BooleanField(_("in force"), default=True)
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_once"),
            models.UniqueConstraint(fields=["policy"], condition=models.Q(is_current=True), name="policy_one_current"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} {self.number}"

    @property
    def terms(self) -> Terms:
        return Terms.from_dict(self.document)


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

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M:%S}"

    def folded(self) -> pure.Event:
        return pure.Event(pure.EventKind(self.kind), self.at, self.data)


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
        return f"{self.code_id} {self.clock_id}"


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
