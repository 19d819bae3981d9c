"""Acts on a ticket that the person may see and change: a POST of its own, or a page that asks first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from helpdesk.tickets.models import Ticket

View = Callable[[Any, HttpRequest, Ticket], HttpResponse]


def act(view: View) -> Callable[[Any, HttpRequest, int], HttpResponse]:
    """For views of the ticket's admin: POST only; 404 for what one may not see, 403 for what one may not change."""

    @wraps(view)
    def wrapper(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        ticket = self.find(request, pk)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        return view(self, request, ticket)

    return wrapper


def act_page(view: View) -> Callable[[Any, HttpRequest, int], HttpResponse]:
    """As `act`, for an act with a page of its own: a GET shows what would be done, a POST does it."""

    @wraps(view)
    def wrapper(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        ticket = self.find(request, pk)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        return view(self, request, ticket)

    return wrapper
