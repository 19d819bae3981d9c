"""How this project uses allauth."""

import secrets
from datetime import timedelta
from itertools import chain, count
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.contrib.sites.requests import RequestSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.company_sign_in import required_for
from helpdesk.accounts.devices import remember, remembers
from helpdesk.accounts.factors import Factors
from helpdesk.accounts.models import User
from helpdesk.accounts.security import device_name, tell_of
from helpdesk.core.sealing import seal, unseal
from helpdesk.notifications.services import Reader, mail_row, post

# What a person hears of, by the template that allauth would send.
NEWS = {
    "account/email/password_changed": "password_changed",
    "account/email/password_reset": "password_changed",
    "account/email/password_set": "password_set",
    "mfa/email/totp_activated": "app_added",
    "mfa/email/totp_deactivated": "app_removed",
    "mfa/email/webauthn_added": "key_added",
    "mfa/email/webauthn_removed": "key_removed",
    "mfa/email/recovery_codes_generated": "codes_made",
}

# In the session: whether who signs in had done so before. A second factor comes in a request of its own.
HAD_SIGNED_IN = "had_signed_in"


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up by themselves: people come in through an account's invitation."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This sign-in is closed. Ask a super admin of your company."),
        "email_password_mismatch": _("The address or the password isn't right."),
        "enter_current_password": _("That isn't your current password."),
        "incorrect_password": _("The password isn't right."),
        "rate_limited": _("Too many attempts. Try again in a few minutes."),
        "too_many_login_attempts": _("Too many attempts. Try again in a few minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the outbox, as every mail: a mail server that is down delays it, and breaks no page."""
        user = User.objects.filter(email__iexact=email).first()
        if user is not None:
            language, zone, user_id = user.language, user.time_zone, user.pk
        else:
            language, zone, user_id = translation.get_language() or "en", "UTC", None
        reader = Reader(email=email, user_id=user_id, language=language, time_zone=zone)
        now = timezone.now()
        if template_prefix == "account/email/password_reset_key":
            until = now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
            template = "password_reset"
            words = {"secret_url": seal(context["password_reset_url"]), "expires_at": until.isoformat()}
        else:
            site = RequestSite(self.request)
            site.name = settings.SITE_NAME
            values = {"request": self.request, "email": email, **context, "current_site": site}
            with translation.override(language):
                written = self.render_mail(template_prefix, email, values)
            template, words = "plain", {"subject": written.subject, "body": written.body}
        key = f"sign-in/{secrets.token_urlsafe(18)}"
        post([mail_row(key=key, reader=reader, template=template, context=words, now=now)])

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """What changed about a person's way in, to them."""
        news = NEWS.get(template_prefix)
        if news:
            tell_of(news, user=user, request=self.request, now=timezone.now())

    def set_password(self, user: User, password: str) -> None:
        """Whoever was signed in with the old password is signed in no more, this window aside."""
        user.set_password(password)
        user.save(update_fields=["password"])
        known = UserSession.objects.filter(user=user)  # this window's gets another key, and a row of its own
        keys = set(known.values_list("session_key", flat=True)) - {self.request.session.session_key}
        Session.objects.filter(session_key__in=keys).delete()
        known.delete()

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Where a company requires its own sign-in, no other way opens anything, passkeys included; staff aside."""
        if not user.is_staff and "sociallogin" not in (kwargs.get("signal_kwargs") or {}):
            provider = required_for(user.email)
            if provider is not None:
                return redirect("company_sign_in", provider.key)
        request.session[HAD_SIGNED_IN] = user.last_login is not None
        return super().pre_login(request, user, **kwargs)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Say it when somebody signs in from a device that never did; the very first one is no news."""
        answer = super().post_login(request, user, **kwargs)
        if request.session.pop(HAD_SIGNED_IN, False) and not remembers(request, user):
            tell_of("new_device", user=user, request=request, now=timezone.now())
        remember(answer, request, user)
        return answer

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """In the order in which they are offered; a passkey before a code, which somebody would have to look for."""
        methods = super().get_reauthentication_methods(user)
        words = {
            "mfa_reauthenticate": _("Use a code") if Factors(user).has_app else _("Use a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey or security key"),
        }
        methods.sort(key=lambda method: method["id"] == "mfa_reauthenticate")
        return [method | {"description": words.get(method["id"], _("Use your password"))} for method in methods]

    def is_reauthentication_required(self, *, app: str) -> bool:
        return app == "helpdesk" or super().is_reauthentication_required(app=app)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")


class FactorAdapter(DefaultMFAAdapter):
    """Names of this service in an authenticator app and beside a passkey; which factor may go."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _(
            "Members of staff need a second factor, and this is your last. Add another one first."
        ),
        "incorrect_code": _("The code isn't right."),
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return Factors(authenticator.user).may_go(authenticator)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """What the browser and the system are called, with a number where that name is taken."""
        name = device_name(self.request.headers.get("User-Agent", "")) or gettext("Passkey")
        taken = {row.wrap().name for row in Factors(user).passkeys}
        numbered = (f"{name} {number}" for number in count(2))
        return next(one for one in chain([name], numbered) if one not in taken)

    def _get_site_name(self) -> str:
        return settings.SITE_NAME

    def encrypt(self, text: str) -> str:
        """Seeds of apps and of recovery codes lie sealed in the database."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises LostKey: a form says so, any other page answers 503. Nothing stands in for a lost seed."""
        return unseal(encrypted_text)
