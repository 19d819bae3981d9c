"""The portal's navigation on the pages about signing in, which are allauth's views."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from helpdesk.portal.access import Visitor, visitor_of


def own(request: HttpRequest) -> dict[str, Any]:
    """`visitor` for a customer on a page under /accounts/; looked up only where a template asks."""
    return {"visitor": SimpleLazyObject(lambda: _visitor(request))} if request.path.startswith("/accounts/") else {}


def _visitor(request: HttpRequest) -> Visitor | None:
    user = getattr(request, "user", None)
    return visitor_of(request) if user is not None and user.is_authenticated and not user.is_staff else None
