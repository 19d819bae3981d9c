"""The admin site: staff only, and only with a second factor."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.translation import gettext_lazy as _

from helpdesk.workspace import reports
from helpdesk.workspace import reports
from helpdesk.workspace.rights import Act, may

# Label, address, what one must be allowed to view; the pages that it stands for.
NAVIGATION = [
    (_("Queue"), "admin:helpdesk_ticket_changelist", "ticket", ("ticket", "clock")),
    (_("Reports"), "admin:breach_report", "report", ("reports",)),
    (_("Escalations"), "admin:helpdesk_escalation_changelist", "escalation", ("escalation",)),
    (_("Accounts"), "admin:helpdesk_account_changelist", "account", ("account", "subscription")),
    (_("Policies"), "admin:helpdesk_policy_changelist", "policy", ("policy", "calendar")),
    (_("Outbox"), "admin:helpdesk_outboxmail_changelist", "outboxmail", ("outboxmail",)),
    (_("Administration"), "admin:index", "team", ("", "user", "team", "hub", "heartbeat")),
]
MOST_NOTICES = 100


class WorkspaceSite(admin.AdminSite):
    """One site for specialists, managers and administrators."""

    site_title = site_header = settings.SITE_NAME
    index_title = _("Administration")
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*reports.urls(self), *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not (user.is_active and user.is_authenticated and user.is_staff):
            return False
        return not settings.STAFF_MFA_REQUIRED or is_mfa_enabled(user)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*reports.urls(self), *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one way to sign in: the portal's. Staff without a second factor are sent to set one up."""
        if request.user.is_authenticated and request.user.is_staff:
            return redirect("mfa_index")
        return redirect(f"{settings.LOGIN_URL}?next={request.get_full_path()}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """The index shows no list of one's own recent clicks."""
        return LogEntry.objects.none()

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        unread = request.user.notices.filter(read_at=None)[:MOST_NOTICES].count()
        return context | {
            "nav": list(self._navigation(request)),
            "notices_unread": f"{MOST_NOTICES - 1}+" if unread == MOST_NOTICES else unread,
        }

    def _navigation(self, request: HttpRequest) -> Iterator[dict[str, Any]]:
        here = request.path.removeprefix(reverse("admin:index")).removeprefix("helpdesk/").partition("/")[0]
        for label, name, what, pages in NAVIGATION:
            if may(request.user, Act.VIEW, what):
                yield {"label": label, "url": reverse(name), "current": here in pages}
