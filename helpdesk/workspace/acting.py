"""An act on a ticket: a POST of its own, on a ticket that the person may see and change."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

View = Callable[..., HttpResponse]


def act(view: View) -> View:
    """For views of the ticket's admin: POST only; 404 for a ticket that one may not see, 403 if not change."""

    @wraps(view)
    def wrapper(self: Any, request: HttpRequest, pk: int, **values: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        ticket = self.find(request, pk)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        return view(self, request, ticket, **values)

    return wrapper
