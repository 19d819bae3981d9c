"""Statements as they were issued."""

from django.conf import settings
from django.db import models
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
