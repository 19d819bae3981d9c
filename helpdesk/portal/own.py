"""Pages about oneself: for customers and for staff, with the portal's frame."""

from functools import wraps

from allauth.account.internal.flows.reauthentication import (
    get_reauthentication_flows,
    raise_if_reauthentication_required,
)
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control

from helpdesk.portal.access import View, visitor_of


def own_page(view: View) -> View:
    """A page for everybody who is signed in; `request.visitor` is None for staff and for people without an account."""

    @cache_control(private=True, no_cache=True)
    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        request.visitor = None if request.user.is_staff else visitor_of(request)
        return view(request, *args, **kwargs)

    return page


def confirmed(view: View) -> View:
    """Only for who has just shown that they are who they are: an unlocked screen is not enough.

    A person who has neither a password nor a second factor (their company signs them in) has nothing to
    show it by, and is let through as allauth does.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if get_reauthentication_flows(request.user):
            raise_if_reauthentication_required(request, app="helpdesk")
        return view(request, *args, **kwargs)

    return page
