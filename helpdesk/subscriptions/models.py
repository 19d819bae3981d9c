"""Hubs, and what an account bought for them."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Team, User
from helpdesk.core.channels import Channel, all_channels


class Hub(models.Model):
    """One of the products that premium support is given for."""

    code = models.SlugField(_("code"), primary_key=True, max_length=20)
    name = models.CharField(_("name"), max_length=40, unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    teams = models.ManyToManyField(Team, blank=True, related_name="hubs", verbose_name=_("teams that serve it"))

    class Meta:
        verbose_name = _("hub")
        verbose_name_plural = _("hubs")
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class Tier(models.TextChoices):
    STARTER = "starter", _("Starter")
    PROFESSIONAL = "professional", _("Professional")
    ENTERPRISE = "enterprise", _("Enterprise")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def on(self, day: date) -> "SubscriptionQuerySet":
        """Those whose period holds a local date of the account."""
        return self.filter(models.Q(ends_on=None) | models.Q(ends_on__gte=day), starts_on__lte=day)


class Subscription(models.Model):
    """An account's subscription to one hub for a period of local dates, both ends included."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="subscriptions", verbose_name=_("account"))
    hub = models.ForeignKey(Hub, models.PROTECT, related_name="subscriptions", verbose_name=_("hub"))
    tier = models.CharField(_("tier"), max_length=20, choices=Tier, default=Tier.ENTERPRISE)
    premium_support = models.BooleanField(_("premium support"), default=False)
    channels = ArrayField(
        models.CharField(max_length=10, choices=Channel),
        default=all_channels,
        blank=True,
        verbose_name=_("channels"),
        help_text=_("The ways to a specialist that the package includes."),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("until"), null=True, blank=True, help_text=_("Empty: without end."))

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(premium_support=False) | models.Q(tier="enterprise"),
                name="subscription_premium_is_enterprise",
                violation_error_message=_("Premium support comes with the Enterprise tier only."),
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gte=models.F("starts_on")),
                name="subscription_period",
                violation_error_message=_("The end lies before the beginning."),
            ),
        ]
        indexes = [models.Index(fields=["account", "hub"], name="subscription_account_hub")]

    def __str__(self) -> str:
        return f"{self.account} · {self.hub}"

    def covers(self, day: date) -> bool:
        """`SubscriptionQuerySet.on` for a row that is at hand."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


class Skill(models.Model):
    """A specialist who knows a hub. Tickets are handed out to these first (SPEC 2.8)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="skills", verbose_name=_("person"))
    hub = models.ForeignKey(Hub, models.CASCADE, related_name="skills", verbose_name=_("hub"))

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        constraints = [models.UniqueConstraint(fields=["user", "hub"], name="skill_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.hub}"
