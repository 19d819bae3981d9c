"""Pages for what went wrong. They need neither the database nor a session, which may be what failed."""

import logging

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from helpdesk.core.middleware import incident_number

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


def no_such_page(request: HttpRequest) -> HttpResponse:
    """For an address of a package that this service doesn't offer."""
    raise Http404
