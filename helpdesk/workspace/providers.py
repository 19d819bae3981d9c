"""Companies' own sign-ins, set up by administrators (decision 30)."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.providers import IdentityProvider, ProviderDomain
from helpdesk.accounts.saml_metadata import LARGEST, Unusable, expiries, fetch, parse
from helpdesk.core.sealing import LostKey, unseal
from helpdesk.workspace.lists import RoleAdmin

DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
MOST_DOMAINS = 100
LONGEST_SECRET = 300  # characters, before it is sealed
# Anybody can have an address there.
PUBLIC = {
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "yahoo.co.jp"),
    *("icloud.com", "me.com", "gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "aol.com"),
}


def _is_lost(secret: str) -> bool:
    try:
        unseal(secret)
    except LostKey:
        return True
    return False


class ProviderForm(forms.ModelForm):
    """One of two protocols, chosen once; the other one's fields are left out afterwards, and unread before."""

    domain_list = forms.CharField(
        label=_("Domains"),
        help_text=_("One a line, such as kestrel.example. Subdomains count as domains of their own."),
        widget=forms.Textarea({"rows": 3}),
        max_length=10_000,
    )
    issuer = forms.URLField(
        label=_("Issuer"),
        help_text=IdentityProvider._meta.get_field("issuer").help_text,
        max_length=300,
        assume_scheme="https",
        widget=forms.URLInput({"class": "vURLField"}),
        required=False,
    )
    metadata_url = forms.URLField(
        label=_("Metadata address"),
        help_text=_("Where the provider publishes its metadata. It is read when you save a new address."),
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput({"class": "vURLField"}),
        required=False,
    )
    metadata_xml = forms.CharField(
        label=_("Metadata"),
        help_text=_("Or paste it here as XML. It goes before the address."),
        widget=forms.Textarea({"rows": 5}),
        max_length=LARGEST,
        required=False,
    )
    reads_again = forms.BooleanField(
        label=_("Read the metadata address again"),
        help_text=_("When the provider has renewed its certificates."),
        required=False,
    )

    class Meta:
        model = IdentityProvider
        fields = ("account", "name", "protocol", "issuer", "client_id", "secret", "metadata_url")
        fields += ("is_on", "is_required", "trusts_addresses", "allows_unasked")
        widgets = {"secret": forms.PasswordInput({"autocomplete": "off"})}
        help_texts = {"secret": _("It is never shown again. Empty: the one that was saved stays.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.saved_secret, self.initial["secret"] = self.instance.secret, ""
        if "secret" in self.fields:
            self.fields["secret"].max_length = LONGEST_SECRET
            self.fields["secret"].validators.append(MaxLengthValidator(LONGEST_SECRET))
            if _is_lost(self.saved_secret):
                self.fields["secret"].help_text = _(
                    "The saved secret can't be read: its key is not among FIELD_KEYS any more. "
                    "Put that key back, or enter the secret again."
                )
        self.saved_address = self.instance.metadata_url
        if self.instance.pk:
            self.initial["domain_list"] = "\n".join(self.instance.domains.values_list("domain", flat=True))

    def clean_secret(self) -> str:
        return self.cleaned_data["secret"] or self.saved_secret

    def clean_issuer(self) -> str:
        issuer = self.cleaned_data["issuer"].removesuffix("/.well-known/openid-configuration")
        if issuer and settings.SECURE and not issuer.startswith("https://"):
            raise ValidationError(_("The issuer's address must begin with https://."))
        return issuer

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("protocol", self.instance.protocol) == IdentityProvider.Protocol.SAML:
            self._read_metadata(data)
            return data
        for name in ("issuer", "client_id"):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, _("OpenID Connect needs this."))
        data["metadata_url"], data["allows_unasked"] = "", False
        return data

    def _read_metadata(self, data: dict[str, Any]) -> None:
        """What the provider says of itself, into the row; a field's error where it can't be used."""
        pasted, address = data.get("metadata_xml") or "", data.get("metadata_url") or ""
        data["issuer"], data["client_id"], data["secret"] = self.instance.issuer if self.instance.pk else "", "", ""
        is_new = address and (address != self.saved_address or data.get("reads_again"))
        if self.errors or not (pasted or is_new or not self.instance.certificates):
            return
        field = "metadata_xml" if pasted else "metadata_url"
        if not pasted and not address:
            self.add_error(field, _("Enter the metadata address, or paste the metadata."))
            return
        try:
            found = parse(pasted.encode() if pasted else fetch(address))
        except Unusable as problem:
            self.add_error(field, str(problem))
            return
        data["issuer"] = self.instance.issuer = found.entity_id  # the field isn't on the page of one that exists
        self.instance.sso_url, self.instance.certificates = found.sso_url, found.certificates

    def clean_domain_list(self) -> list[str]:
        """Domains in small letters, each once; none that anybody can have, and none of another provider."""
        words = self.cleaned_data["domain_list"].lower().replace(",", " ").split()
        found = list(dict.fromkeys(word.removeprefix("@") for word in words))
        for domain in found:
            if not DOMAIN.fullmatch(domain):
                raise ValidationError(_("%(domain)s is no domain.") % {"domain": domain[:60]})
            if domain in PUBLIC:
                raise ValidationError(_("Anybody can have an address at %(domain)s.") % {"domain": domain})
        if len(found) > MOST_DOMAINS:
            raise ValidationError(_("At most %(count)d domains.") % {"count": MOST_DOMAINS})
        taken = ProviderDomain.objects.filter(domain__in=found).exclude(provider_id=self.instance.pk)
        if other := taken.select_related("provider").first():
            words = _("%(domain)s belongs to the sign-in of %(other)s.")
            raise ValidationError(words % {"domain": other.domain, "other": other.provider})
        return found


@admin.register(IdentityProvider)
class ProviderAdmin(RoleAdmin):
    """An account's identity provider: what both sides must know of each other, and what people may do with it."""

    form = ProviderForm
    list_display = ("name", "account", "protocol", "domain_names", "is_on", "is_required")
    list_select_related = ("account",)
    ordering = ("name",)
    autocomplete_fields = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityProvider]:
        return super().get_queryset(request).prefetch_related("domains")

    def get_fieldsets(self, request: HttpRequest, obj: IdentityProvider | None = None) -> Any:
        oidc, saml = ("issuer", "client_id", "secret"), ("metadata_url", "metadata_xml")
        if obj is None:  # its address is made with it
            asked = {"fields": ("account", "name", "domain_list", "protocol")}
            ways = {"fields": ("is_required", "trusts_addresses")}
            there = (("OpenID Connect", {"fields": oidc}), ("SAML 2.0", {"fields": saml}))
            return ((None, asked), *there, (_("Signing in"), ways))
        asked = {"fields": ("account", "name", "domain_list", "protocol")}
        there = ("callback", *oidc)
        ways = ("trial", "is_on", "is_required", "trusts_addresses")
        if obj.is_saml:
            there = ("callback", "own_metadata", "entity", "sso_url", "signing", *saml, "reads_again")
            ways = (*ways, "allows_unasked")
        return ((None, asked), (_("At the provider"), {"fields": there}), (_("Signing in"), {"fields": ways}))

    def get_readonly_fields(self, request: HttpRequest, obj: IdentityProvider | None = None) -> tuple[str, ...]:
        shown = ("callback", "trial", "own_metadata", "entity", "sso_url", "signing")
        return (*shown, "account", "protocol") if obj else shown

    def save_model(self, request: HttpRequest, obj: IdentityProvider, form: Any, change: bool) -> None:
        if change and not form.changed_data:
            return
        domains = form.cleaned_data["domain_list"]
        keep_provider(provider=obj, domains=domains, actor=request.user, now=timezone.now())

    @admin.display(description=_("Domains"))
    def domain_names(self, provider: IdentityProvider) -> str:
        return ", ".join(row.domain for row in provider.domains.all())

    @admin.display(description=_("redirect URI"))
    def callback(self, provider: IdentityProvider) -> str:
        words = _("Register this address at the provider; scopes: openid, profile, email; code flow with PKCE.")
        if provider.is_saml:
            words = _("The address for answers (ACS, HTTP-POST). Assertions must be signed.")
        return format_html('<code>{}</code><br><span class="help">{}</span>', provider.callback_url, words)

    @admin.display(description=_("our metadata"))
    def own_metadata(self, provider: IdentityProvider) -> str:
        words = _("Give this address to the provider: it is our entity ID (audience) and says the rest of us.")
        url = provider.metadata_page
        return format_html('<a href="{}"><code>{}</code></a><br><span class="help">{}</span>', url, url, words)

    @admin.display(description=_("entity ID"))
    def entity(self, provider: IdentityProvider) -> str:
        return format_html("<code>{}</code>", provider.issuer)

    @admin.display(description=_("certificates"))
    def signing(self, provider: IdentityProvider) -> str:
        days = [date_format(day) for day in expiries(provider.certificates)]
        return ", ".join(_("until %(day)s") % {"day": day} for day in days)

    @admin.display(description=_("try it"))
    def trial(self, provider: IdentityProvider) -> str:
        url = reverse("openid_connect_login", args=[provider.key])
        words = _("Shows what the provider says of you. Nobody is signed in by it. Save changes first.")
        link = _("Try the sign-in")
        return format_html('<a href="{}?process=try">{}</a><br><span class="help">{}</span>', url, link, words)
