"""Escalations: steps of the ladder whose time came."""

from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Team
from helpdesk.core.moments import clock, full_date
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Status, Ticket


class Escalation(models.Model):
    """One step (or reminder) of one clock under one deadline; the unique constraint is what makes it once."""

    class State(models.TextChoices):
        FIRED = "fired", _("Fired")
        SUPERSEDED = "superseded", _("Superseded")

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="escalations", verbose_name=_("clock"))
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="escalations", verbose_name=_("ticket"))
    deadline_version = models.PositiveIntegerField(_("deadline version"))
    percent = models.PositiveSmallIntegerField(_("step"), help_text=_("Percentage of the target's time."))
    reminder = models.PositiveIntegerField(_("reminder"), default=0, help_text=_("0 is the step itself."))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.FIRED)
    due_at = models.DateTimeField(_("due"))
    detected_at = models.DateTimeField(_("noticed"))
    # When the last of those it goes to had it: a notice on their screen, or a mail that a server took.
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    told = models.JSONField(_("told"), default=list)  # ids of people
    skipped = models.JSONField(_("passed over"), default=list)  # {"user": id, "until": instant} of those away
    acts = models.JSONField(_("acts"), default=dict)  # what the step does to the ticket
    acts_pending = models.BooleanField(default=False)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        constraints = [
            models.UniqueConstraint(fields=["clock", "deadline_version", "percent", "reminder"], name="escalation_once")
        ]
        indexes = [
            models.Index(fields=["-due_at"], name="escalation_latest"),
            models.Index(
                fields=["-due_at"],
                name="escalation_open",
                condition=models.Q(state="fired", acknowledged_at=None),
            ),
            models.Index(fields=["id"], name="escalation_acts", condition=models.Q(acts_pending=True)),
            models.Index(
                fields=["detected_at"],
                name="escalation_undelivered",
                condition=models.Q(state="fired", delivered_at=None),
            ),
            models.Index(fields=["-detected_at"], name="escalation_detected"),
        ]

    def __str__(self) -> str:
        return f"PS-{self.ticket_id} · {self.percent} %"

    @property
    def lateness(self) -> float:
        """Seconds between the due instant and its being noticed."""
        return (self.detected_at - self.due_at).total_seconds()


# Where a request stands: on its ticket, or on the one that this was merged into, and so on.
STANDS = ("ticket", "ticket__merged_into", "ticket__merged_into__merged_into")
# What `standing` and a list of requests need, for `select_related`.
STANDING = tuple(f"{path}__{name}" for path in STANDS for name in ("account", "owner", "merged_into"))


class ManagerRequestQuerySet(models.QuerySet["ManagerRequest"]):
    def of(self, ticket: Ticket | models.OuterRef) -> "ManagerRequestQuerySet":
        """Those of a ticket, and of what was merged into it."""
        return self.filter(reduce(or_, (models.Q(**{path: ticket}) for path in STANDS)))

    def waiting(self) -> "ManagerRequestQuerySet":
        """Nobody has answered yet, and somebody should: not on what is marked as spam."""
        spam = reduce(or_, (models.Q(**{f"{path}__status": Status.SPAM}) for path in STANDS))
        return self.filter(answered_at=None).exclude(spam)

    def of_team(self, team: Team) -> "ManagerRequestQuerySet":
        """Those whose ticket, as it is now, is of the team."""
        own = (models.Q(**{f"{path}__team": team, f"{path}__merged_into": None}) for path in STANDS)
        return self.filter(reduce(or_, own))


class ManagerRequest(models.Model):
    """Somebody wants a manager to look at a ticket: the customer, who reads the answer, or a specialist.

    At most one of each is open on a ticket: the unique constraint decides, however often it is sent.
    """

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="manager_requests", verbose_name=_("ticket"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    by_customer = models.BooleanField(_("by the customer"))
    reason = models.TextField(_("reason"))
    asked_at = models.DateTimeField(_("asked"))
    told = models.JSONField(_("told"), default=list)  # as of an Escalation
    skipped = models.JSONField(_("passed over"), default=list)
    answer = models.TextField(_("answer"), blank=True, default="")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )
    answered_at = models.DateTimeField(_("answered"), null=True)

    objects = ManagerRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request to the manager")
        verbose_name_plural = _("requests to the manager")
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "by_customer"],
                condition=models.Q(answered_at=None),
                name="manager_request_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(answered_at=None, answered_by=None, answer="")
                | (models.Q(answered_at__isnull=False, answered_by__isnull=False) & ~models.Q(answer="")),
                name="manager_request_answered_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["ticket", "asked_at"], name="manager_request_ticket"),
            models.Index(fields=["asked_at"], name="manager_request_open", condition=models.Q(answered_at=None)),
        ]

    def __str__(self) -> str:
        return f"PS-{self.ticket_id} · {full_date(self.asked_at)} {clock(self.asked_at)}"

    @property
    def is_open(self) -> bool:
        return self.answered_at is None

    @property
    def standing(self) -> Ticket:
        """The ticket that it is about now: after a merge the one that stays."""
        ticket = self.ticket
        while ticket.merged_into:
            ticket = ticket.merged_into
        return ticket
