"""Pages for what went wrong.

That of a fault of ours needs neither the database nor a session, which may be what failed. Who meets an address that
isn't theirs, or isn't at all, keeps the menu that they go on with, where it can be had.
"""

import logging
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control

from helpdesk.core.middleware import incident_number
from helpdesk.portal.access import is_mobile_app, visitor_of

log = logging.getLogger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """The incident number on the page is the one in the log (SPEC 2.9); plain where no page can be made."""
    incident = incident_number.get()
    try:
        return render(request, "500.html", {"incident": incident, "at": timezone.now()}, status=500)
    except Exception:  # the fault may lie in what every page needs
        log.exception("the error page itself failed")
        return HttpResponse(f"Something went wrong on our side. Incident number {incident}", "text/plain", 500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", {"incident": incident_number.get()}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _with_menu(request, "404.html", 404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _with_menu(request, "403.html", 403)


def no_such_page(request: HttpRequest) -> HttpResponse:
    """For an address of a package that this service doesn't offer."""
    raise Http404


def _with_menu(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """In the frame of who looks at it; a picture or a script that is missing needs none, and takes no message away."""
    if "text/html" in request.headers.get("Accept", ""):
        try:
            if frame := _frame(request):
                in_workspace = "site_header" in frame
                answer = render(request, f"admin/{template}" if in_workspace else template, frame, status=status)
                patch_cache_control(answer, private=True, no_cache=True)  # it names a person
                return answer
        except Exception:  # what every other page needs may not be there
            log.exception("no menu for the page of an error")
    return render(request, template, status=status)


def _frame(request: HttpRequest) -> dict[str, Any]:
    """What the page is drawn with; empty for a stranger."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or is_mobile_app(request):
        return {}
    if admin.site.has_permission(request):
        return admin.site.each_context(request)
    return {"frame": "portal/base.html", "visitor": None if user.is_staff else visitor_of(request)}
