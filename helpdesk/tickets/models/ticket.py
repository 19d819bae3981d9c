"""The ticket, and what its columns may say."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Membership, RequesterRole, Team, User
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models.grouping import Tag


class Status(models.TextChoices):
    """Where a ticket stands. The groups live here and nowhere else."""

    NEW = "new", _("New")
    OPEN = "open", _("Open")
    WAITING = "waiting", _("Waiting on customer")
    SOLVED = "solved", _("Solved")
    CLOSED = "closed", _("Closed")
    SPAM = "spam", _("Spam")
    MERGED = "merged", _("Merged")

    @classmethod
    def active(cls) -> tuple["Status", ...]:
        """Somebody still has to do something."""
        return (cls.NEW, cls.OPEN, cls.WAITING)

    @classmethod
    def done(cls) -> tuple["Status", ...]:
        return (cls.SOLVED, cls.CLOSED, cls.SPAM, cls.MERGED)


class Severity(models.TextChoices):
    """The severity in force; a claim counts as critical until it is declined (SPEC 2.3)."""

    STANDARD = "standard", _("Standard")
    CRITICAL = "critical", _("Business critical")


class Priority(models.IntegerChoices):
    """How much it presses within its deadline; escalation steps raise it (SPEC 2.5)."""

    NORMAL = 0, _("Normal")
    HIGH = 1, _("High")
    URGENT = 2, _("Urgent")


class Claim(models.TextChoices):
    """What became of the claim that an issue is business critical."""

    NONE = "", _("Not claimed")
    CLAIMED = "claimed", _("Claimed")
    CONFIRMED = "confirmed", _("Confirmed")
    DECLINED = "declined", _("Declined")


class Source(models.TextChoices):
    """How a ticket came in; decides whether it can carry a guarantee (SPEC 2.3)."""

    FORM = "form", _("Form")
    CHAT = "chat", _("Chat")
    CALLBACK = "callback", _("Callback assistant")
    MAIL = "mail", _("Mail to the support address")
    STAFF = "staff", _("Opened by staff")

    @classmethod
    def guaranteed(cls) -> tuple["Source", ...]:
        return (cls.FORM, cls.CHAT)


class TicketQuerySet(models.QuerySet["Ticket"]):
    def active(self) -> "TicketQuerySet":
        return self.filter(status__in=Status.active())

    def visible_to(self, user: User) -> "TicketQuerySet":
        """Staff see every ticket; a customer their own, a super admin those of the account (SPEC 2.1).

        Only accounts that the person still belongs to count, so leaving one closes its tickets to them.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        memberships = Membership.objects.filter(user=user)
        governed = memberships.filter(role=Membership.Role.SUPER_ADMIN)
        return self.filter(
            Q(account__in=governed.values("account")) | Q(requester=user, account__in=memberships.values("account"))
        )

    def by_deadline(self) -> "TicketQuerySet":
        """The deadline that comes first on top; without a running clock, the oldest first."""
        return self.order_by(F("next_due_at").asc(nulls_last=True), "id")


class Ticket(models.Model):
    """A request for help, with what was promised to it when it was created."""

    subject = models.CharField(_("subject"), max_length=160)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.NEW)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity, default=Severity.STANDARD)
    priority = models.PositiveSmallIntegerField(_("priority"), choices=Priority, default=Priority.NORMAL)
    claim = models.CharField(_("claim"), max_length=10, choices=Claim, blank=True, default=Claim.NONE)
    claim_reason = models.TextField(_("reason of the judgement"), blank=True, default="")
    claim_judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("judged by")
    )
    claim_judged_at = models.DateTimeField(_("judged"), null=True, blank=True)
    claim_facts = models.JSONField(_("facts of the claim"), default=dict, blank=True)

    account = models.ForeignKey(Account, models.PROTECT, related_name="tickets", verbose_name=_("account"))
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="requested_tickets", verbose_name=_("requester")
    )
    hub = models.ForeignKey(Hub, models.PROTECT, related_name="tickets", verbose_name=_("hub"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.EMAIL)
    source = models.CharField(_("came in by"), max_length=10, choices=Source, default=Source.FORM)
    cc = ArrayField(models.EmailField(), default=list, blank=True, verbose_name=_("in copy"))

    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name=_("team")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_tickets",
        verbose_name=_("owner"),
    )

    # Snapshot of what was promised (SPEC 2.1): written once, when the ticket is created.
    requester_role = models.CharField(_("asked as"), max_length=12, choices=RequesterRole)
    entitlement = models.JSONField(_("entitlement"), default=dict)
    language = models.CharField(_("language"), max_length=8, default="en")
    policy_version = models.ForeignKey(
        "helpdesk.PolicyVersion", models.PROTECT, null=True, related_name="+", verbose_name=_("policy")
    )
    calendar_version = models.ForeignKey(
        "helpdesk.CalendarVersion", models.PROTECT, null=True, related_name="+", verbose_name=_("calendar")
    )

    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="absorbed",
        verbose_name=_("merged into"),
    )
    # One incident with many tickets: they hang on the one that it is worked on (SPEC 2.8).
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="children",
        verbose_name=_("part of the incident"),
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="tickets", verbose_name=_("tags"))
    custom_values = models.JSONField(_("values of its fields"), default=dict, blank=True)
    # The earliest deadline of its running clocks: the queue's order. Kept by `tickets.services`.
    next_due_at = models.DateTimeField(_("next deadline"), null=True)
    reply_token = models.CharField(_("token of the reply address"), max_length=32, unique=True)
    created_at = models.DateTimeField(_("opened"))
    updated_at = models.DateTimeField(_("changed"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        indexes = [
            # The queue: open tickets by deadline, in all, by team, by owner.
            models.Index(
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_queue",
                condition=Q(status__in=["new", "open", "waiting"]),
            ),
            models.Index(
                "team",
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_team_queue",
                condition=Q(status__in=["new", "open", "waiting"]),
            ),
            models.Index(
                "owner",
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_owner_queue",
                condition=Q(status__in=["new", "open", "waiting"]),
            ),
            # The few that a view of the queue asks for, so that counting them costs what there are.
            models.Index(
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_unassigned_queue",
                condition=Q(status__in=["new", "open", "waiting"], owner=None),
            ),
            models.Index(
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_critical_queue",
                condition=Q(status__in=["new", "open", "waiting"], severity="critical"),
            ),
            models.Index(
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_waiting_queue",
                condition=Q(status="waiting"),
            ),
            models.Index(fields=["-closed_at"], name="ticket_closed", condition=Q(closed_at__isnull=False)),
            # Search by the beginning of the subject, among open tickets.
            models.Index(
                OpClass(Upper("subject"), name="varchar_pattern_ops"),
                name="ticket_subject_start",
                condition=Q(status__in=["new", "open", "waiting"]),
            ),
            # The portal: an account's tickets, a person's tickets, newest first.
            models.Index(
                "account",
                F("next_due_at").asc(nulls_last=True),
                "id",
                name="ticket_account_queue",
                condition=Q(status__in=["new", "open", "waiting"]),
            ),
            models.Index(
                fields=["account", "-closed_at"], name="ticket_account_closed", condition=Q(closed_at__isnull=False)
            ),
            models.Index(fields=["account", "-created_at"], name="ticket_account"),
            models.Index(fields=["requester", "-created_at"], name="ticket_requester"),
            models.Index(fields=["parent"], name="ticket_parent", condition=Q(parent__isnull=False)),
            models.Index(fields=["merged_into"], name="ticket_merged_into", condition=Q(merged_into__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.subject}"

    @property
    def reference(self) -> str:
        return f"PS-{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in Status.active()
