"""An incident number for each request, in its log lines and on its error page; acts that are opened (SPEC 2.9)."""

import logging
import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from helpdesk.core.sealing import LostKey

log = logging.getLogger(__name__)

incident_number: ContextVar[str] = ContextVar("incident_number", default="-")


class IncidentMiddleware:
    """Gives the request its number, and returns it in the header `X-Incident`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = secrets.token_hex(4).upper()
        incident_number.set(number)
        request.incident = number
        response = self.get_response(request)
        response["X-Incident"] = number
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A secret whose key is lost is the operators' to mend: the page says so, and is no failure of the program."""
        if not isinstance(exception, LostKey):
            return None
        log.error("%s: %s", request.path, exception)
        return render(request, "lost_key.html", {"incident": request.incident}, status=503)


class OpenedActMiddleware:
    """The address of an act, opened as a page (a link, a reload after signing in): says so instead of a blank one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET" or not request.accepts("text/html"):
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response.headers.get("Allow", "POST")
        return page


class IncidentFilter(logging.Filter):
    """Adds the number of the request under way to each log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.incident = incident_number.get()
        return True
