"""The service is closed for work on it: everybody gets a page that says so, and programs a 503 (SPEC 2.9).

Closed by the setting MAINTENANCE, or without a restart by a file: `touch var/maintenance` closes it on this
machine, removing the file opens it again. What watches the service (healthz, readyz, metrics) stays open. Staff
are no exception: who they are stands in the database, which may be what is being worked on.
"""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

RETRY_AFTER = 300  # seconds
OPEN = ("/healthz", "/readyz", "/metrics", "/static/")


def is_closed() -> bool:
    return settings.MAINTENANCE or Path(settings.MAINTENANCE_FILE).exists()


class MaintenanceMiddleware:
    """Comes before all that needs the database or the broker."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_closed() or request.path.startswith(OPEN):
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            answer = render(request, "503.html", status=503)
        answer._has_been_logged = True  # it is meant: no error in the log for each visitor
        answer["Retry-After"] = str(RETRY_AFTER)
        answer["Cache-Control"] = "no-store"
        return answer
