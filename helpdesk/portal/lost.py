"""What was typed while the session had ended: kept in the browser's next session until the same person is back.

A form carries the name of its writer, signed. A POST that meets the login, or a form whose CSRF token is of a
session before, leaves its text in the session that is there now. Signing in keeps that session's content, and the
form's page gives the text back: to that writer only, so that nobody else at the same browser reads it.
"""

from dataclasses import astuple
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure as django_csrf_failure

from helpdesk.portal.formkeys import FILES, KEY, REPLY_FIELDS, TICKET_FIELDS, new_key
from helpdesk.tickets.services.form_drafts import LONGEST, Tab

TYPED = "typed"  # in the session: what was typed, by the address of the form's page
MOST_PAGES = 3
SIGNER = signing.Signer(salt="helpdesk.portal.writer")
FORMS = {
    "ticket_new": ("portal:ticket_new", TICKET_FIELDS),
    "ticket_new_draft": ("portal:ticket_new", TICKET_FIELDS),
    "ticket_new_files": ("portal:ticket_new", ()),
    "ticket": ("portal:ticket", REPLY_FIELDS),
    "ticket_draft": ("portal:ticket", REPLY_FIELDS),
    "ticket_files": ("portal:ticket", ()),
}


def sign_writer(*, user_id: int, account_id: int) -> str:
    """For a form's hidden field: who writes it, and for which account."""
    return SIGNER.sign_object([user_id, account_id])


def tab_of(request: HttpRequest) -> Tab:
    """The window that a form was posted from; a page that is older than these names has none."""
    names = (request.POST.get(name, "") for name in ("tab", "seen"))
    return Tab(*(name if KEY.fullmatch(name) else "" for name in names))


def keep_typed(request: HttpRequest) -> str:
    """Keep what a form brought for a session that has ended; returns the address of the form's page, or ""."""
    match = request.resolver_match
    if match is None or match.namespace != "portal" or match.url_name not in FORMS:
        return ""
    name, fields = FORMS[match.url_name]
    page = reverse(name, kwargs=match.kwargs)
    if request.method == "POST" and fields:
        try:
            user_id, account_id = SIGNER.unsign_object(request.POST.get("by", ""))
        except (signing.BadSignature, ValueError, TypeError):
            return page
        values = {field: request.POST.get(field, "").replace("\x00", "")[:LONGEST] for field in fields}
        typed = {
            "by": user_id,
            "account": account_id,
            "key": request.POST.get("key", ""),
            "tab": astuple(tab_of(request)),
            "values": {field: value for field, value in values.items() if value},
            "files": [upload.name[:200] for upload in request.FILES.getlist(FILES)],
        }
        others = [row for row in request.session.get(TYPED, {}).items() if row[0] != page]
        request.session[TYPED] = dict([*others, (page, typed)][-MOST_PAGES:])
    return page


def take_typed(request: HttpRequest, *, user_id: int, page: str) -> dict[str, Any] | None:
    """What this person typed for this page before the session had ended; only once."""
    typed = request.session.get(TYPED, {}).get(page)
    if typed is None or typed["by"] != user_id:
        return None
    del request.session[TYPED][page]
    typed.setdefault("tab", ["", ""])  # kept before windows had names
    request.session.modified = True
    if not KEY.fullmatch(typed["key"]):
        typed["key"] = new_key()
    messages.warning(request, _("You had been signed out. Everything you typed is still here: press Send again."))
    if typed["files"]:
        names = ", ".join(typed["files"])
        messages.warning(request, _("Only files could not be kept; choose them again: %(names)s.") % {"names": names})
    return typed


def to_login(request: HttpRequest) -> HttpResponse:
    """Lead to the login and from there back; a form's text waits meanwhile. A script hears where to sign in."""
    if request.headers.get("HX-Request") and request.method == "GET":
        return HttpResponse(status=204)  # a part of a page that keeps itself fresh: no login in its place
    answer = redirect_to_login(keep_typed(request) or _page_of(request))
    if "application/json" in request.headers.get("Accept", ""):
        words = _("You have been signed out. What you typed is kept; sign in, and it is here again.")
        return JsonResponse({"login": answer.url, "sign_in": _("Sign in"), "words": words}, status=401)
    return answer


def _page_of(request: HttpRequest) -> str:
    """Where one can go on after signing in: an address that only takes a POST is none."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    pk = request.resolver_match.kwargs.get("pk") if "ticket" in request.resolver_match.url_name else None
    return reverse("portal:ticket", args=[pk]) if pk else reverse("portal:home")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form of a session before is shown again with its text, for one press of *Send* more.

    Nothing is sent by it: a page elsewhere can't sign a writer's name, and would have only drawn up a form.
    """
    page = keep_typed(request)
    typed = request.session.get(TYPED, {}).get(page)
    is_script = "application/json" in request.headers.get("Accept", "")
    if not typed or request.method != "POST" or is_script:
        if is_script and page:
            return JsonResponse({"words": _("You signed in again meanwhile. Press Send: nothing is lost.")}, status=403)
        return django_csrf_failure(request, reason=reason)
    if not request.user.is_authenticated:
        return redirect_to_login(page)
    return redirect(page) if typed["by"] == request.user.pk else django_csrf_failure(request, reason=reason)
