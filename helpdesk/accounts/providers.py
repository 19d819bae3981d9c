"""A customer company's own identity provider, by the domains of its people's addresses (decision 30)."""

import secrets

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account


def domain_of(email: str) -> str:
    """The part after the last @, in small letters; empty where there is none."""
    return email.strip().rpartition("@")[2].lower() if "@" in email else ""


def new_key() -> str:
    return secrets.token_hex(8)


class IdentityProvider(models.Model):
    """Where the people of an account prove who they are, by OpenID Connect.

    `key` stands in the addresses that the provider knows, and never changes. Links between people and what
    the provider calls them are allauth's `SocialAccount`, whose `provider` is the key.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="identity_providers", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=40, help_text=_("People read it on the button: Continue with …"))
    key = models.SlugField(_("key"), max_length=20, unique=True, editable=False, default=new_key)
    issuer = models.URLField(
        _("issuer"),
        max_length=300,
        help_text=_("The provider's address as it calls itself, such as https://login.kestrel.example."),
    )
    client_id = models.CharField(_("client ID"), max_length=191)
    secret = models.CharField(_("client secret"), max_length=300, blank=True, default="")
    is_on = models.BooleanField(
        _("switched on"), default=False, help_text=_("People can sign in with it. Try it first.")
    )
    is_required = models.BooleanField(
        _("required"),
        default=False,
        help_text=_("Addresses of its domains sign in with it only: no passwords, no passkeys."),
    )
    trusts_addresses = models.BooleanField(
        _("its addresses are proven"),
        default=False,
        help_text=_(
            "For a provider that never says whether an address is verified (Microsoft Entra ID): tick it only "
            "if nobody but the company's administrators can set the address of a person there."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("company sign-in")
        verbose_name_plural = _("company sign-ins")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def callback_url(self) -> str:
        """The address to give to the provider."""
        return settings.SITE_URL + reverse("openid_connect_callback", args=[self.key])


class ProviderDomain(models.Model):
    """A domain belongs to one provider; its subdomains are domains of their own."""

    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="domains")
    domain = models.CharField(_("domain"), max_length=253, unique=True)  # in small letters

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain
