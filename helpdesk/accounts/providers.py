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
    """Where the people of an account prove who they are, by OpenID Connect or SAML 2.0.

    With SAML, `issuer` is the provider's entity ID, and there is no client. `key` stands
    in the addresses that the provider knows, and never changes. Links between people and what the provider calls
    them are allauth's `SocialAccount`, whose `provider` is the key.
    """

    class Protocol(models.TextChoices):
        OIDC = "oidc", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    account = models.ForeignKey(Account, models.PROTECT, related_name="identity_providers", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=40, help_text=_("People read it on the button: Continue with …"))
    key = models.SlugField(_("key"), max_length=20, unique=True, editable=False, default=new_key)
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol.choices, default=Protocol.OIDC)
    issuer = models.CharField(
        _("issuer"),
        max_length=300,
        help_text=_("The provider's address as it calls itself, such as https://login.kestrel.example."),
    )
    client_id = models.CharField(_("client ID"), max_length=191, blank=True, default="")
    secret = models.TextField(_("client secret"), blank=True, default="")  # sealed
    metadata_url = models.URLField(_("metadata address"), max_length=500, blank=True, default="")
    sso_url = models.URLField(_("sign-in address"), max_length=500, blank=True, default="")
    certificates = models.JSONField(_("certificates"), blank=True, default=list)  # base64 of DER, what it signs with
    allows_unasked = models.BooleanField(
        _("may be started there"),
        default=False,
        help_text=_(
            "People may come from the provider's own page without having begun here. Somebody could then be led "
            "into a session that isn't theirs: leave it off unless the company needs it."
        ),
    )
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
        """The address to give to the provider: what it sends people back to."""
        name = "saml_acs" if self.is_saml else "openid_connect_callback"
        return settings.SITE_URL + reverse(name, args=[self.key])

    @property
    def is_saml(self) -> bool:
        return self.protocol == self.Protocol.SAML

    @property
    def metadata_page(self) -> str:
        """Our own metadata (SAML), which is our entity ID as well."""
        return settings.SITE_URL + reverse("saml_metadata", args=[self.key])

    @property
    def is_same_as(self) -> tuple[str, str, str]:
        """While this is equal, what the provider calls a person means the same person."""
        return (self.protocol, self.issuer, self.client_id)


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


class SpentAssertion(models.Model):
    """An answer by SAML counts once: kept until it has expired, by a digest of its ID."""

    provider = models.ForeignKey(IdentityProvider, models.CASCADE, related_name="spent_assertions")
    digest = models.CharField(max_length=64)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "digest"], name="assertion_counts_once")]
        indexes = [models.Index(fields=["until"], name="spent_assertion_until")]

    def __str__(self) -> str:
        return self.digest
