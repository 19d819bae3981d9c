"""What a person was called before, and which addresses they had: kept so that it can be erased (SPEC 2.9)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import User


class PastIdentity(models.Model):
    """An earlier name or address of a person. It goes with the rest when their data are erased.

    A trigger writes it, so that no way to a new name or address (the profile, the admin, a company's sign-in, a
    console) leaves a trace that nobody finds any more (decision 39).
    """

    class Kind(models.TextChoices):
        NAME = "name", _("name")
        EMAIL = "email", _("e-mail address")

    user = models.ForeignKey(User, models.CASCADE, related_name="past_identities", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    value = models.CharField(_("was"), max_length=254)
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("earlier name or address")
        verbose_name_plural = _("earlier names and addresses")
        constraints = [models.UniqueConstraint(fields=["user", "kind", "value"], name="past_identity_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.kind}"
