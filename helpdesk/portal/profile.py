"""What a person looks after themselves: their profile, and where they are signed in."""

from typing import Any
from zoneinfo import available_timezones

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.accounts.models import User
from helpdesk.accounts.security import device_name
from helpdesk.accounts.services import change_profile
from helpdesk.portal.own import own_page
from helpdesk.portal.people_forms import ProfileForm
from helpdesk.tickets.services import index_person

MOST_SESSIONS = 100


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def profile(request: HttpRequest) -> HttpResponse:
    """Name, language, time zone, mails. Members of staff have theirs in the workspace."""
    if request.user.is_staff:
        return redirect("admin:my_settings")
    membership = request.visitor.membership if request.visitor else None
    is_super_admin = membership is not None and membership.is_super_admin
    user = User.objects.get(pk=request.user.pk)
    initial = {name: getattr(user, name) for name in ("full_name", "language", "time_zone", "mail_copies")}
    initial["mail_all"] = membership is not None and membership.mail_all
    form = ProfileForm(
        request.POST if request.method == "POST" else None, is_super_admin=is_super_admin, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            change_profile(user=user, membership=membership if is_super_admin else None, **form.cleaned_data)
            if form.cleaned_data["full_name"] != user.full_name:  # their tickets are found by the new name, too
                user.refresh_from_db()
                index_person(person=user)
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Your profile is saved."))
        answer = redirect("portal:profile")
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)  # a language chosen on this device would go first
        return answer
    context = {
        "visitor": request.visitor,
        "form": form,
        "is_super_admin": is_super_admin,
        "zones": sorted(available_timezones()),
    }
    return render(request, "portal/own/profile.html", context, status=422 if form.errors else 200)


@require_safe
@own_page
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in: three queries, however many devices."""
    rows = [_session_row(row, request) for row in _alive(request)]
    rows.sort(key=lambda row: not row["is_current"])
    return render(request, "portal/own/sessions.html", {"visitor": request.visitor, "sessions": rows})


@require_POST
@own_page
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out one other device (`session`, its number), or all others."""
    others = UserSession.objects.filter(user=request.user).exclude(session_key=request.session.session_key)
    wanted = request.POST.get("session", "")
    if wanted:
        number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else 0
        others = others.filter(pk=get_object_or_404(others, pk=number).pk)
    keys = list(others.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    others.delete()
    messages.success(request, _("That device is signed out.") if wanted else _("All other devices are signed out."))
    return redirect("portal:sessions")


def _alive(request: HttpRequest) -> list[UserSession]:
    """Those whose session is still there; the rows of the others go when the person signs in next."""
    rows = list(UserSession.objects.filter(user=request.user).order_by("-created_at")[:MOST_SESSIONS])
    keys = [row.session_key for row in rows]
    alive = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list(
            "session_key", flat=True
        )
    )
    return [row for row in rows if row.session_key in alive]


def _session_row(row: UserSession, request: HttpRequest) -> dict[str, Any]:
    return {
        "pk": row.pk,
        "device": device_name(row.user_agent) or _("Unknown device"),
        "ip": row.ip,
        "since": row.created_at,
        "is_current": row.session_key == request.session.session_key,
    }
