"""Who is asked to join an account, and what has become of its people (SPEC 2.1)."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Membership, User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def waiting(self) -> "InvitationQuerySet":
        """Neither accepted nor taken back; some may have run out."""
        return self.filter(accepted_at=None, revoked_at=None)


class Invitation(models.Model):
    """An address is asked to speak for an account. The link's token is known to its reader only: here is its hash."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="invitations", verbose_name=_("account"))
    email = models.EmailField(_("e-mail address"))  # in small letters
    role = models.CharField(_("role"), max_length=20, choices=Membership.Role, default=Membership.Role.USER)
    is_designated = models.BooleanField(_("designated"), default=False)
    language = models.CharField(_("language"), max_length=8, default="en")
    digest = models.CharField(_("SHA-256 of the token"), max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("invited by"))
    created_at = models.DateTimeField(_("written"))
    sent_at = models.DateTimeField(_("sent"))
    expires_at = models.DateTimeField(_("runs out"))
    accepted_at = models.DateTimeField(_("accepted"), null=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("accepted by"))
    revoked_at = models.DateTimeField(_("taken back"), null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_waits_once",
            ),
            models.CheckConstraint(
                condition=Q(is_designated=False) | Q(role="super_admin"),
                name="invitation_designated_is_super_admin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.account_id}"

    def is_open(self, now: datetime) -> bool:
        """Can it still be accepted?"""
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at

    def has_run_out(self, now: datetime) -> bool:
        return self.expires_at <= now


class AccountEvent(models.Model):
    """One change of an account's people: who did what to whom. The account's super admins read it."""

    class Kind(models.TextChoices):
        INVITED = "invited", _("Invited")
        SENT_AGAIN = "sent_again", _("Invitation sent again")
        REVOKED = "revoked", _("Invitation taken back")
        JOINED = "joined", _("Joined")
        CHANGED = "changed", _("Role changed")
        REMOVED = "removed", _("Removed")
        LEFT = "left", _("Left")
        ERASED = "erased", _("Data erased at the person's own wish")
        CAME_IN = "came_in", _("Joined through the company's sign-in")
        LINKED = "linked", _("Linked with the company's sign-in")
        SSO_ON = "sso_on", _("Company sign-in switched on")
        SSO_OFF = "sso_off", _("Company sign-in switched off")
        SSO_CHANGED = "sso_changed", _("Company sign-in changed")

    account = models.ForeignKey(Account, models.PROTECT, related_name="events", verbose_name=_("account"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("who"))
    person = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("whom"))
    email = models.EmailField(_("address"), blank=True, default="")  # of an invitation; else the person says who it is
    before = models.CharField(_("before"), max_length=20, blank=True, default="")  # values of `RequesterRole`
    after = models.CharField(_("after"), max_length=20, blank=True, default="")
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("change of people")
        verbose_name_plural = _("changes of people")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["account", "-at", "-id"], name="account_event_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.account_id}"
