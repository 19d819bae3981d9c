"""allauth's pages about second factors: each offers what its reader has, and none ends where nothing is."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as passkeys
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.factors import Factors

View = Callable[..., HttpResponse]


class AuthenticateView(base.AuthenticateView):
    def get_context_data(self, **values: Any) -> dict[str, Any]:
        return super().get_context_data(**values) | {"factors": Factors(self.stage.login.user)}


class IndexView(base.IndexView):
    def get_context_data(self, **values: Any) -> dict[str, Any]:
        return super().get_context_data(**values) | {"factors": Factors(self.request.user)}


class RemovePasskeyView(passkeys.RemoveWebAuthnView):
    """Members of staff keep one second factor: without it the workspace would be closed to them."""

    def get_context_data(self, **values: Any) -> dict[str, Any]:
        factors = Factors(self.request.user)
        return super().get_context_data(**values) | {
            "is_last": factors.is_last(self.object),
            "may_go": factors.may_go(self.object),
        }

    def form_valid(self, form: BaseForm) -> HttpResponse:
        if not Factors(self.request.user).may_go(self.object):
            return self.render_to_response(self.get_context_data(form=form), status=409)
        return super().form_valid(form)

    def get_success_url(self) -> str:
        return reverse("mfa_list_webauthn" if Factors(self.request.user).passkeys else "mfa_index")


class PasskeyAgainView(passkeys.ReauthenticateWebAuthnView):
    def form_invalid(self, form: BaseForm) -> HttpResponse:
        """Say why, and ask again, rather than leave for the first page."""
        super().form_invalid(form)
        return redirect(self.passthrough_next_url(self.request.path))


class SwitchOffAppView(app.DeactivateTOTPView):
    def get_context_data(self, **values: Any) -> dict[str, Any]:
        is_last = Factors(self.request.user).is_last(self.authenticator)
        return super().get_context_data(**values) | {"is_last": is_last}


def with_a_factor(view: View) -> View:
    """Recovery codes stand in for a second factor: who has none is led to where one is added."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        if not Factors(request.user).is_on:
            words = _("Recovery codes come with a second factor. Add a passkey or set up an authenticator app first.")
            messages.info(request, words)
            return redirect("mfa_index")
        return view(request, *args, **values)

    return page


@with_a_factor
def view_codes(request: HttpRequest) -> HttpResponse:
    has_codes = Factors(request.user).has_codes
    return codes.view_recovery_codes(request) if has_codes else redirect("mfa_generate_recovery_codes")


@with_a_factor
def download_codes(request: HttpRequest) -> HttpResponse:
    """A set that is used up has nothing to download; its page says so."""
    has_some = Factors(request.user).codes_left
    return codes.download_recovery_codes(request) if has_some else redirect("mfa_view_recovery_codes")


@login_required
def switch_off_app(request: HttpRequest) -> HttpResponse:
    """In a window that was open when another one had switched it off, there is nothing left to do."""
    return SwitchOffAppView.as_view()(request) if Factors(request.user).has_app else redirect("mfa_index")


authenticate = AuthenticateView.as_view()
index = IndexView.as_view()
passkey_again = PasskeyAgainView.as_view()
remove_passkey = RemovePasskeyView.as_view()
make_codes = with_a_factor(codes.generate_recovery_codes)
