"""Calendars and policies with their versions, as they are stored."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.terms import Terms


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

    @cached_property
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

    @cached_property
    def terms(self) -> Terms:
        return Terms.from_dict(self.document)
