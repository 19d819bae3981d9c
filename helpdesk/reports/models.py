"""Statements as they were issued, and reports that go out by mail."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Membership, User


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, user: User) -> "StatementQuerySet":
        """Managers see every account's, a super admin those of the account, others none (SPEC 2.1, 2.7)."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self if user.is_managing else self.none()
        governed = Membership.objects.filter(user=user, role=Membership.Role.SUPER_ADMIN)
        return self.filter(account__in=governed.values("account"))

    def in_force(self) -> "StatementQuerySet":
        """The last revision of each month."""
        later = Statement.objects.filter(
            account=models.OuterRef("account"), month=models.OuterRef("month"), revision__gt=models.OuterRef("revision")
        )
        return self.filter(~models.Exists(later))

    def newest_first(self) -> "StatementQuerySet":
        return self.order_by("-month", "-revision", "account__name")


class Statement(models.Model):
    """An account's SLA statement of one month, as it was signed; a trigger refuses to change or delete one.

    `document` is canonical JSON: what the digest and the signature are of. Later events make another
    revision beside it. `due` and `met` repeat the document's guaranteed net figures, for lists.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="statements", verbose_name=_("account"))
    month = models.DateField(_("month"))  # its first day
    revision = models.PositiveIntegerField(_("revision"), default=1)
    as_of = models.DateTimeField(_("events up to"))
    document = models.TextField(_("document"))
    digest = models.CharField(_("digest"), max_length=64)
    signature = models.CharField(_("signature"), max_length=128)
    public_key = models.CharField(_("public key"), max_length=64)
    due = models.PositiveIntegerField(_("guarantees due"))
    met = models.PositiveIntegerField(_("guarantees met"))
    created_at = models.DateTimeField(_("issued"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("SLA statement")
        verbose_name_plural = _("SLA statements")
        constraints = [
            models.UniqueConstraint(fields=["account", "month", "revision"], name="statement_once"),
            models.CheckConstraint(condition=models.Q(month__day=1), name="statement_of_a_month"),
            models.CheckConstraint(condition=models.Q(met__lte=models.F("due")), name="statement_met_of_due"),
        ]
        indexes = [models.Index(fields=["-month", "account"], name="statement_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.month:%Y-%m} {self.revision}"


class ReportSchedule(models.Model):
    """A breach report that goes out by mail: once a period, to each recipient (SPEC 2.6).

    It covers the local day, the seven days or the month before it is due. `query` holds the other filters as
    an address has them. One that ended is kept for what it sent.
    """

    class Every(models.TextChoices):
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")
        MONTH = "month", _("Every month, on its first day")

    class File(models.TextChoices):
        NONE = "", _("A link only")
        CSV = "csv", _("CSV, attached")
        XLSX = "xlsx", _("Workbook (XLSX), attached")

    name = models.CharField(_("name"), max_length=80)
    query = models.JSONField(_("filters"), default=dict)
    every = models.CharField(_("how often"), max_length=5, choices=Every, default=Every.WEEK)
    weekday = models.PositiveSmallIntegerField(_("weekday"), default=0)  # Monday is 0; for weekly ones
    at = models.TimeField(_("time of day"))
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    file = models.CharField(_("file"), max_length=4, choices=File, blank=True, default=File.CSV)
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", verbose_name=_("recipients"))
    is_active = models.BooleanField(_("active"), default=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    next_at = models.DateTimeField(_("next"), null=True)  # None while paused or ended
    # Where the next one begins, after a change of how often it goes out; None: as it usually does.
    covers_from = models.DateField(_("covers from"), null=True)
    failures = models.PositiveSmallIntegerField(_("failed attempts"), default=0)  # at the one that is due
    retry_at = models.DateTimeField(_("next attempt"), null=True)
    failure = models.CharField(_("what went wrong"), max_length=200, blank=True, default="")
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("created by")
    )

    class Meta:
        verbose_name = _("scheduled report")
        verbose_name_plural = _("scheduled reports")
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="report_schedule_weekday"),
            models.CheckConstraint(
                condition=Q(next_at=None) | Q(is_active=True, ended_at=None), name="report_schedule_next_if_active"
            ),
        ]
        indexes = [models.Index(fields=["next_at"], name="report_schedule_next", condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return self.name


class ReportMail(models.Model):
    """What became of one period of a scheduled report for one recipient; sent at most once (a constraint)."""

    class State(models.TextChoices):
        SENT = "sent", _("Sent")
        SKIPPED = "skipped", _("Skipped: a newer one was due")
        TEST = "test", _("Test")

    schedule = models.ForeignKey(ReportSchedule, models.PROTECT, related_name="mails", verbose_name=_("report"))
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("to"))
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(_("state"), max_length=8, choices=State)
    mail = models.ForeignKey(
        "helpdesk.OutboxMail", models.SET_NULL, null=True, related_name="+", verbose_name=_("mail")
    )
    file = models.CharField(_("file"), max_length=200, blank=True, default="")  # in the storage, until it is cleared
    created_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("report sent")
        verbose_name_plural = _("reports sent")
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "recipient", "due_at"], condition=~Q(state="test"), name="report_mail_once"
            )
        ]
        indexes = [
            models.Index(fields=["schedule", "-id"], name="report_mail_newest"),
            models.Index(fields=["created_at"], name="report_mail_file", condition=~Q(file="")),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%d}"
