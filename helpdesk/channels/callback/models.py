"""Calls that customers asked for, and the attempts to make them (SPEC 2.7)."""

from datetime import datetime

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.accounts.models import Account, User, validate_time_zone
from helpdesk.channels.callback.numbers import shown
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Status, Ticket

E164 = RegexValidator(r"^\+[1-9][0-9]{6,14}$")


class CallQuerySet(models.QuerySet["CallRequest"]):
    def visible_to(self, user: User) -> "CallQuerySet":
        """Staff see every call, a customer those that they asked for, while the ticket is open to them."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(requester=user, account__memberships__user=user)

    def open(self) -> "CallQuerySet":
        return self.filter(state__in=CallRequest.State.open())

    def to_make(self) -> "CallQuerySet":
        """Those that somebody still has to call: a ticket that is over takes its call with it."""
        return self.open().filter(ticket__status__in=Status.active())

    def due(self, now: datetime) -> "CallQuerySet":
        """Those that may be made now."""
        return self.to_make().filter(state=CallRequest.State.WAITING, callable_at__lte=now)

    def by_deadline(self) -> "CallQuerySet":
        """Who is next: by the deadline, and without one by when the call may be made."""
        return self.order_by(Coalesce("clock__due_at", "callable_at").asc(), "id")


class CallRequest(models.Model):
    """One call that a customer asked for. `clock` runs its objective, in whichever cycle that is now."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("call", "Waiting")
        CALLING = "calling", pgettext_lazy("call", "Being called")
        CONNECTED = "connected", pgettext_lazy("call", "Connected")
        CANCELLED = "cancelled", pgettext_lazy("call", "Cancelled")
        GIVEN_UP = "given_up", pgettext_lazy("call", "Not reached")

        @classmethod
        def open(cls) -> tuple["CallRequest.State", ...]:
            return (cls.WAITING, cls.CALLING)

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="calls", verbose_name=_("ticket"))
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False, verbose_name=_("account"))
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked for by")
    )
    clock = models.ForeignKey(
        Clock, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("clock")
    )
    submission = models.CharField(_("submission"), max_length=60, unique=True)
    number = models.CharField(_("number"), max_length=16, validators=[E164])
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    # Without a window: as soon as it was asked for.
    begins_at = models.DateTimeField(_("window from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("window to"), null=True, blank=True)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    callable_at = models.DateTimeField(_("to be called from"))  # the window, or the next attempt
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("taken by")
    )
    taken_at = models.DateTimeField(_("taken"), null=True, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    announced_at = models.DateTimeField(_("announced"), null=True, blank=True)  # to those who may call

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call asked for")
        verbose_name_plural = _("calls asked for")
        constraints = [
            # One open request for a person and an account: a second one leads to the first.
            models.UniqueConstraint(
                fields=["requester", "account"],
                name="call_one_open",
                condition=Q(state__in=["waiting", "calling"]),
            ),
            models.CheckConstraint(
                condition=Q(begins_at=None, ends_at=None) | Q(ends_at__gt=F("begins_at")), name="call_window"
            ),
        ]
        indexes = [
            models.Index(fields=["callable_at"], name="call_open", condition=Q(state__in=["waiting", "calling"])),
            models.Index(fields=["requester", "-asked_at"], name="call_last_number"),
            models.Index(fields=["-ended_at"], name="call_ended", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.shown_number} {self.get_state_display()}"

    @property
    def shown_number(self) -> str:
        return shown(self.number)

    @property
    def is_open(self) -> bool:
        """Somebody still has to be called, as far as is known now."""
        return self.shown_state in self.State.open()

    @property
    def shown_state(self) -> "CallRequest.State":
        """As people see it: while the ticket is marked as spam, the call is off."""
        is_off = self.state in self.State.open() and self.ticket.status == Status.SPAM
        return self.State.CANCELLED if is_off else self.State(self.state)


class CallAttempt(models.Model):
    """One attempt to make a call. While `outcome` is empty it goes on: at most one for each request.

    With a telephony provider, `dial` says how far dialling has come; a worker leases the row until `leased_until`.
    """

    class Outcome(models.TextChoices):
        CONNECTED = "connected", pgettext_lazy("attempt", "Connected")
        NO_ANSWER = "no_answer", pgettext_lazy("attempt", "No answer")
        BUSY = "busy", pgettext_lazy("attempt", "Busy")
        VOICEMAIL = "voicemail", pgettext_lazy("attempt", "Voicemail")
        WRONG_NUMBER = "wrong_number", pgettext_lazy("attempt", "Wrong number")
        FAILED = "failed", pgettext_lazy("attempt", "Could not be dialled")
        STOPPED = "stopped", pgettext_lazy("attempt", "Stopped")

        @classmethod
        def counted(cls) -> tuple["CallAttempt.Outcome", ...]:
            """The customer's phone could have rung; a dial that failed, or was stopped, is no attempt at it."""
            return (cls.NO_ANSWER, cls.BUSY, cls.VOICEMAIL, cls.WRONG_NUMBER)

    class Dial(models.TextChoices):
        BY_HAND = "", _("By hand")
        PENDING = "pending", _("To be dialled")
        DIALLING = "dialling", _("Being dialled")
        PLACED = "placed", _("Dialled")
        FAILED = "failed", _("Given up")
        HANGING_UP = "hanging_up", _("To be hung up")
        HUNG_UP = "hung_up", _("Hung up")

    # The provider's words for a call that somebody, or something, has answered.
    ANSWERED = ("in-progress", "completed")

    request = models.ForeignKey(CallRequest, models.PROTECT, related_name="made", verbose_name=_("call"))
    order = models.PositiveSmallIntegerField(_("attempt"))
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    number = models.CharField(_("number"), max_length=16, validators=[E164])
    begun_at = models.DateTimeField(_("begun"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome, blank=True, default="")
    note = models.TextField(_("note"), blank=True, default="")

    dial = models.CharField(_("dialling"), max_length=10, choices=Dial, blank=True, default=Dial.BY_HAND)
    token = models.CharField(_("token"), max_length=32, unique=True)  # in the address that the provider reports to
    leased_until = models.DateTimeField(_("leased until"), null=True)
    tries = models.PositiveSmallIntegerField(_("tries to dial"), default=0)
    provider_id = models.CharField(_("provider’s number of the call"), max_length=64, blank=True, default="")
    progress = models.CharField(_("provider’s last word"), max_length=20, blank=True, default="")
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("attempt to call")
        verbose_name_plural = _("attempts to call")
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["request", "order"], name="attempt_once"),
            models.UniqueConstraint(fields=["request"], name="attempt_one_open", condition=Q(outcome="")),
        ]
        indexes = [
            models.Index(
                fields=["leased_until", "id"],
                name="attempt_to_dial",
                condition=Q(dial__in=["pending", "dialling", "hanging_up"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.get_outcome_display()}"

    @property
    def can_be_stopped(self) -> bool:
        """A provider makes it, and as far as is known nobody has answered. A specialist's own phone nobody hangs up."""
        by_provider = self.dial in (self.Dial.PENDING, self.Dial.DIALLING, self.Dial.PLACED)
        return by_provider and not self.outcome and self.progress not in self.ANSWERED
