"""Pages for what went wrong. They need neither the database nor a session, which may be what failed."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from helpdesk.core.middleware import incident_number


def server_error(request: HttpRequest) -> HttpResponse:
    """The incident number on the page is the one in the log (SPEC 2.9)."""
    context = {"incident": incident_number.get(), "at": timezone.now()}
    return render(request, "500.html", context, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", {"incident": incident_number.get()}, status=400)


def no_such_page(request: HttpRequest) -> HttpResponse:
    """For an address of a package that this service doesn't offer."""
    raise Http404
