"""Acts on a ticket that the person may see and change: a POST of its own, or a page that asks first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

View = Callable[..., HttpResponse]


def act(view: View) -> View:
    """For views of the ticket's admin: POST only; 404 for what one may not see, 403 for what one may not change."""
    return _for(view, ["POST"])


def act_page(view: View) -> View:
    """As `act`, for an act with a page of its own: a GET shows what would be done, a POST does it."""
    return _for(view, ["GET", "HEAD", "POST"])


def _for(view: View, methods: list[str]) -> View:
    @wraps(view)
    def wrapper(self: Any, request: HttpRequest, pk: int, **values: int) -> HttpResponse:
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        ticket = self.find(request, pk)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        return view(self, request, ticket, **values)

    return wrapper


def posted(view: View) -> View:
    """For acts of the queue, which no single ticket is the object of: POST only, by who may change tickets."""
    return _posted(view, shows_list=False)


def posted_from_list(view: View) -> View:
    """As `posted`, for a form that is shown again at its own address when it is refused: read anew, it is the list."""
    return _posted(view, shows_list=True)


def _posted(view: View, *, shows_list: bool) -> View:
    @wraps(view)
    def wrapper(self: Any, request: HttpRequest, **names: Any) -> HttpResponse:
        if shows_list and request.method in ("GET", "HEAD") and self.has_view_permission(request):
            return HttpResponseRedirect(f"{reverse('admin:helpdesk_ticket_changelist')}?{request.GET.urlencode()}")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        return view(self, request, **names)

    return wrapper
