"""The page behind the link of an invitation: join as somebody new, or as the person that one is already."""

from zoneinfo import available_timezones

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from helpdesk.accounts import people
from helpdesk.accounts.company_sign_in import required_for
from helpdesk.accounts.invitations import Invitation
from helpdesk.accounts.models import User
from helpdesk.portal.access import SESSION_KEY, is_mobile_app
from helpdesk.portal.people_forms import JoinForm


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What can be done with this link by who looks at it now."""
    if is_mobile_app(request):
        return render(request, "portal/gate_mobile.html", {"site_url": settings.SITE_URL})
    found = people.find(token)
    if found is not None and not request.user.is_authenticated and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(found.language)  # as the mail that the link stood in
        request.LANGUAGE_CODE = found.language
    now = timezone.now()
    if found is None or not found.is_open(now):
        return _closed(request, found)
    if request.user.is_authenticated:
        return _join_as_oneself(request, found, token)
    if company := required_for(found.email):  # its provider proves the address, and the invitation is accepted with it
        return redirect("company_sign_in", company.key)
    if User.objects.filter(email__iexact=found.email).exists():
        return render(request, "portal/joining/sign_in.html", {"invitation": found, "next": request.path})
    return _join_as_new(request, found, token)


def _closed(request: HttpRequest, found: Invitation | None) -> HttpResponse:
    """The link opens nothing (any more): say why, as far as its reader may know, and the way on."""
    if found is None:
        reason, status = "unknown", 404
    elif found.accepted_at is not None:
        reason, status = "accepted", 410
    elif found.revoked_at is not None:
        reason, status = "revoked", 410
    else:
        reason, status = "expired", 410
    return render(request, "portal/joining/closed.html", {"reason": reason, "invitation": found}, status=status)


def _join_as_oneself(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    context = {"invitation": found, "role": _role(found)}
    if request.user.email.lower() != found.email or request.user.is_staff:
        return render(request, "portal/joining/other_person.html", context, status=403)
    if request.method == "POST":
        try:
            people.join(token=token, user=request.user, now=timezone.now())
        except people.Refused as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        request.session[SESSION_KEY] = found.account_id
        return _welcome(request, found)
    return render(request, "portal/joining/confirm.html", context)


def _join_as_new(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    form = JoinForm(
        request.POST if request.method == "POST" else None,
        email=found.email,
        initial={"language": translation.get_language() or found.language, "time_zone": found.account.time_zone},
    )
    if request.method == "POST" and form.is_valid():
        try:
            user = people.join_as_new(token=token, now=timezone.now(), **form.cleaned_data)
        except people.Refused as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        answer = perform_login(request, user, email_verification="none", redirect_url="/")
        request.session[SESSION_KEY] = found.account_id
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)  # the language that was just chosen goes first
        with translation.override(user.language):
            _welcome(request, found)
        return answer
    context = {
        "invitation": found,
        "role": _role(found),
        "form": form,
        "zones": sorted(available_timezones()),
    }
    return render(request, "portal/joining/new.html", context, status=422 if form.errors else 200)


def _welcome(request: HttpRequest, found: Invitation) -> HttpResponse:
    messages.success(request, _("Welcome to %(account)s.") % {"account": found.account.name})
    return redirect("portal:home")


def _role(found: Invitation) -> str:
    return people.role_of(role=found.role, is_designated=found.is_designated).label
