"""Companies' own sign-ins, set up by administrators (decision 30)."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.providers import IdentityProvider, ProviderDomain
from helpdesk.workspace.lists import RoleAdmin

DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
MOST_DOMAINS = 100
# Anybody can have an address there.
PUBLIC = {
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "yahoo.co.jp"),
    *("icloud.com", "me.com", "gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "aol.com"),
}


class ProviderForm(forms.ModelForm):
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
    )

    class Meta:
        model = IdentityProvider
        fields = ("account", "name", "issuer", "client_id", "secret", "is_on", "is_required", "trusts_addresses")
        widgets = {"secret": forms.PasswordInput({"autocomplete": "off"})}
        help_texts = {"secret": _("It is never shown again. Empty: the one that was saved stays.")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.saved_secret, self.initial["secret"] = self.instance.secret, ""
        if self.instance.pk:
            self.initial["domain_list"] = "\n".join(self.instance.domains.values_list("domain", flat=True))

    def clean_secret(self) -> str:
        return self.cleaned_data["secret"] or self.saved_secret

    def clean_issuer(self) -> str:
        issuer = self.cleaned_data["issuer"].removesuffix("/.well-known/openid-configuration")
        if settings.SECURE and not issuer.startswith("https://"):
            raise ValidationError(_("The issuer's address must begin with https://."))
        return issuer

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
    list_display = ("name", "account", "domain_names", "is_on", "is_required")
    list_select_related = ("account",)
    ordering = ("name",)
    autocomplete_fields = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityProvider]:
        return super().get_queryset(request).prefetch_related("domains")

    def get_fieldsets(self, request: HttpRequest, obj: IdentityProvider | None = None) -> Any:
        there = (_("At the provider"), {"fields": ("callback", "issuer", "client_id", "secret")})
        if obj is None:  # its address is made with it
            there = (_("At the provider"), {"fields": ("issuer", "client_id", "secret")})
        ways = ("trial", "is_on", "is_required", "trusts_addresses") if obj else ("is_required", "trusts_addresses")
        return ((None, {"fields": ("account", "name", "domain_list")}), there, (_("Signing in"), {"fields": ways}))

    def get_readonly_fields(self, request: HttpRequest, obj: IdentityProvider | None = None) -> tuple[str, ...]:
        return ("callback", "trial", "account") if obj else ("callback", "trial")

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
        return format_html('<code>{}</code><br><span class="help">{}</span>', provider.callback_url, words)

    @admin.display(description=_("try it"))
    def trial(self, provider: IdentityProvider) -> str:
        url = reverse("openid_connect_login", args=[provider.key])
        words = _("Shows what the provider says of you. Nobody is signed in by it. Save changes first.")
        link = _("Try the sign-in")
        return format_html('<a href="{}?process=try">{}</a><br><span class="help">{}</span>', url, link, words)
