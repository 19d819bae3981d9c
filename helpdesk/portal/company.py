"""The way to a company's own sign-in, and back from it (decision 30)."""

from allauth.account.internal.decorators import login_not_required
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk.accounts.company_sign_in import provider_for
from helpdesk.accounts.oidc import FAILURES, TRY, CompanyProvider, StrictAdapter, failed
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.accounts.saml import CompanySaml

LONGEST = 254  # characters of an address


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
@sensitive_post_parameters("password")  # the login page's button sends its whole form; only the address is read
def find(request: HttpRequest) -> HttpResponse:
    """Which company's sign-in an address goes to, by its domain."""
    following = _next(request)
    if request.method != "POST":
        return render(request, "account/company/find.html", {"next": following})
    if response := ratelimit.consume_or_429(request, action="company_sign_in"):
        return response
    email = request.POST.get("login", "").replace("\x00", "").strip()[:LONGEST]
    found = provider_for(email)
    if found is None:
        context = {"next": following, "email": email, "is_unknown": "@" in email, "is_missing": "@" not in email}
        return render(request, "account/company/find.html", context, status=422)
    # A page of our own in between: a form may not lead to another site (content security policy), a link may.
    return redirect(_with_next(reverse("company_sign_in", args=[found.key]), following))


@require_safe
@never_cache
@login_not_required
def entrance(request: HttpRequest, key: str) -> HttpResponse:
    """Continue with one company."""
    found = get_object_or_404(IdentityProvider, key=key, is_on=True)
    start = _with_next(reverse("openid_connect_login", args=[key]), _next(request))
    return render(request, "account/company/entrance.html", {"provider": found, "start": start})


@require_safe
@never_cache
@login_not_required
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Lead the browser to the provider; what comes back is tied to this session."""
    provider = _provider(request, provider_id)
    process = TRY if request.GET.get("process") == TRY and request.user.is_superuser else AuthProcess.LOGIN
    if getattr(provider, "lost", None):
        return failed(request, provider.row, {"process": process}, error=None, exception=provider.lost, reason="off")
    try:
        return provider.redirect(request, process=process, next_url=_next(request) or None)
    except ImmediateHttpResponse as answer:
        return answer.response
    except FAILURES as error:
        return failed(request, provider.row, {"process": process}, error=None, exception=error)


@require_safe
@never_cache
@login_not_required
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider, with a code or with a refusal."""
    provider = _provider(request, provider_id)
    if provider.row.is_saml:
        raise Http404
    try:
        return OAuth2CallbackView.adapter_view(StrictAdapter(request, provider_id))(request)
    except FAILURES as error:
        return failed(request, provider.row, {}, error=None, exception=error)


def _provider(request: HttpRequest, key: str) -> CompanyProvider | CompanySaml:
    try:
        return get_adapter(request).get_provider(request, provider=key)
    except SocialApp.DoesNotExist:
        raise Http404 from None


def _next(request: HttpRequest) -> str:
    """Where to go afterwards, on this site only."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else ""


def _with_next(url: str, following: str) -> str:
    return f"{url}?{urlencode({'next': following})}" if following else url
