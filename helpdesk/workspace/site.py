"""The admin site: staff only, and only with a second factor."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext_lazy as _

from helpdesk.workspace import reports


class WorkspaceSite(admin.AdminSite):
    """One site for specialists, managers and administrators."""

    site_title = site_header = settings.SITE_NAME
    index_title = _("Administration")
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not (user.is_active and user.is_authenticated and user.is_staff):
            return False
        return not settings.STAFF_MFA_REQUIRED or is_mfa_enabled(user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one way to sign in: the portal's. Staff without a second factor are sent to set one up."""
        if request.user.is_authenticated and request.user.is_staff:
            return redirect("mfa_index")
        return redirect(f"{settings.LOGIN_URL}?next={request.get_full_path()}")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*reports.urls(self), *super().get_urls()]
