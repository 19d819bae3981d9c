"""A page that does nothing, behind all that stands before the portal's: what the framework takes of a POST."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path

from config.asgi import application

__all__ = ["application"]


def bare(request: HttpRequest) -> HttpResponse:
    """Knows who asks, checks the form's token, and answers by a redirect."""
    assert request.user.is_authenticated
    if request.method == "POST":
        return redirect("bare")
    return HttpResponse(f'<input name="csrfmiddlewaretoken" value="{get_token(request)}">')


urlpatterns = [path("bare/", bare, name="bare")]
settings.ROOT_URLCONF = __name__
