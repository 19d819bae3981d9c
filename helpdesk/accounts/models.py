"""People, the companies they speak for, and the teams that help them."""

from datetime import date, datetime
from zoneinfo import available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from helpdesk.core.channels import Channel, all_channels
from helpdesk.core.moments import clock, full_date
from helpdesk.core.zones import zone_of


def validate_time_zone(value: str) -> None:
    """Accept names of the IANA time zone database only."""
    if value not in available_timezones():
        raise ValidationError(
            _("“%(value)s” is not a time zone. Use a name such as Europe/Berlin."), params={"value": value}
        )


class StaffRole(models.TextChoices):
    """What a member of staff may do (SPEC 2.1)."""

    SPECIALIST = "specialist", _("Specialist")
    TEAM_LEAD = "team_lead", _("Team lead")
    MANAGER = "manager", _("Manager")
    ADMINISTRATOR = "administrator", _("Administrator")

    @classmethod
    def managing(cls) -> tuple["StaffRole", ...]:
        """May read reports and change policies and calendars."""
        return (cls.MANAGER, cls.ADMINISTRATOR)


class News(models.TextChoices):
    """What a member of staff hears of on screen, and by mail if they like."""

    ASSIGNED = "assigned", _("A ticket is given to me")
    MENTIONED = "mentioned", _("Somebody mentions me in a note")
    ANSWERED = "answered", _("A customer writes on my ticket")
    WATCHED = "watched", _("Something happens on a ticket that I watch")


class RequesterRole(models.TextChoices):
    """In which capacity a person asks for help; decides the promise (SPEC 1, 2.1)."""

    DESIGNATED = "designated", _("Designated super admin")
    SUPER_ADMIN = "super_admin", _("Super admin")
    USER = "user", _("User")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        if not email:
            raise ValueError("email: a person needs an address")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        fields["staff_role"] = StaffRole.ADMINISTRATOR
        return self.create_user(email, password, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser):
    """A person: a customer (through memberships), or a member of staff (through a role)."""

    email = models.EmailField(_("e-mail address"), unique=True)
    full_name = models.CharField(_("name"), max_length=120)
    language = models.CharField(
        _("language"), max_length=8, default="en", choices=[("en", _("English")), ("ja", _("Japanese"))]
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    staff_role = models.CharField(_("staff role"), max_length=20, choices=StaffRole, blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)
    # Local time of the person; mails about objectives wait until it is over (SPEC 2.5).
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(
        _("quiet until"),
        null=True,
        blank=True,
        help_text=_("Mail about objectives waits until then. A guarantee never waits."),
    )
    # What a member of staff wants by mail besides on screen; escalations follow their policy, not this.
    mail_about = ArrayField(
        models.CharField(max_length=12, choices=News),
        default=list,
        blank=True,
        verbose_name=_("also by mail"),
    )
    # What the queue shows of each ticket, where a saved view doesn't say; empty: the usual columns.
    queue_columns = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, verbose_name=_("columns of the queue")
    )
    # What a customer gets by mail beside the replies to their own tickets, which always come.
    mail_copies = models.BooleanField(_("mail of tickets that one is in copy of"), default=True)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]
    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_any_case",
                violation_error_message=_("A person with this e-mail address exists already."),
            ),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="user_quiet_hours_both",
                violation_error_message=_("Quiet hours need a beginning and an end."),
            ),
        ]
        indexes = [models.Index(fields=["staff_role"], name="user_staff", condition=~models.Q(staff_role=""))]

    def __str__(self) -> str:
        return self.full_name or self.email

    @property
    def is_staff(self) -> bool:
        return self.staff_role != ""

    @property
    def is_superuser(self) -> bool:
        return self.staff_role == StaffRole.ADMINISTRATOR

    @property
    def is_managing(self) -> bool:
        return self.staff_role in StaffRole.managing()

    @property
    def initials(self) -> str:
        words = self.full_name.split() or [self.email]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])).upper()

    def get_full_name(self) -> str:
        return str(self)

    # The admin asks these; what a role may do is decided per page (`workspace`), not by permission rows.
    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, user: User) -> "AccountQuerySet":
        """Staff see every account, a customer those they belong to, others none."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_staff else self.filter(memberships__user=user)


class Account(models.Model):
    """A customer company."""

    name = models.CharField(_("name"), max_length=160, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    calendar = models.ForeignKey(
        "helpdesk.Calendar",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="accounts",
        verbose_name=_("business calendar"),
        help_text=_("Opening hours that its aims are counted in. Empty: the standard calendar."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def local_day(self, now: datetime) -> date:
        """The account's own calendar day at an instant; its subscriptions run by it."""
        return now.astimezone(zone_of(self.time_zone)).date()


class Membership(models.Model):
    """A person speaks for an account, in a role."""

    class Role(models.TextChoices):
        SUPER_ADMIN = "super_admin", _("Super admin")
        USER = "user", _("User")

    account = models.ForeignKey(Account, models.PROTECT, related_name="memberships", verbose_name=_("account"))
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.USER)
    is_designated = models.BooleanField(
        _("designated"), default=False, help_text=_("Gets guaranteed response times. Super admins only.")
    )

    # A super admin reads every reply to the account's tickets by mail, too.
    mail_all = models.BooleanField(_("mail of all tickets of the account"), default=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(is_designated=False) | models.Q(role="super_admin"),
                name="membership_designated_is_super_admin",
                violation_error_message=_("Only a super admin can be designated."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.account}"

    @property
    def is_super_admin(self) -> bool:
        return self.role == self.Role.SUPER_ADMIN

    @property
    def requester_role(self) -> RequesterRole:
        if self.is_designated:
            return RequesterRole.DESIGNATED
        return RequesterRole.SUPER_ADMIN if self.is_super_admin else RequesterRole.USER


class Team(models.Model):
    """Specialists who serve hubs and channels together."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    channels = ArrayField(
        models.CharField(max_length=10, choices=Channel), default=all_channels, verbose_name=_("channels")
    )
    members = models.ManyToManyField(User, through="TeamMembership", related_name="teams", verbose_name=_("members"))

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    """A specialist belongs to a team, perhaps as its lead."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, models.CASCADE, related_name="team_memberships", verbose_name=_("person"))
    is_lead = models.BooleanField(_("lead"), default=False)

    class Meta:
        verbose_name = _("team member")
        verbose_name_plural = _("team members")
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"


class StretchQuerySet(models.QuerySet):
    def covering(self, now: datetime) -> "StretchQuerySet":
        """Those that hold an instant: from their beginning on, and before their end."""
        return self.filter(starts_at__lte=now, ends_at__gt=now)


def _stretch_of(row: "Absence | OnCallShift") -> str:
    """`Anna Meier: 1 December 2026 09:00 – 3 December 2026 18:00`, in the reader's own time."""
    begin, end = (f"{full_date(at)} {clock(at)}" for at in (row.starts_at, row.ends_at))
    return f"{row.user}: {begin} – {end}"


class Absence(models.Model):
    """A member of staff is away: escalations skip them for the next in line (SPEC 2.5)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="absences", verbose_name=_("person"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    note = models.CharField(_("note"), max_length=200, blank=True, default="")

    objects = StretchQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="absence_period",
                violation_error_message=_("The end lies before the beginning."),
            )
        ]
        indexes = [models.Index(fields=["ends_at"], name="absence_end")]

    def __str__(self) -> str:
        return _stretch_of(self)


class OnCallShift(models.Model):
    """Who is on call, for one team or (without a team) for all of them (SPEC 2.5)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="shifts", verbose_name=_("person"))
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="shifts",
        verbose_name=_("team"),
        help_text=_("Empty: for all teams."),
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))

    objects = StretchQuerySet.as_manager()

    class Meta:
        verbose_name = _("on-call shift")
        verbose_name_plural = _("on-call shifts")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="shift_period",
                violation_error_message=_("The end lies before the beginning."),
            )
        ]
        indexes = [models.Index(fields=["ends_at"], name="shift_end")]

    def __str__(self) -> str:
        return _stretch_of(self)
