"""What the knowledge base spared, and what it lacks: a page for leads and managers (SPEC 2.7)."""

from datetime import timedelta

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.knowledge.deflection import deflection
from helpdesk.knowledge.rendering import reader_language
from helpdesk.workspace.rights import Act, may

PERIODS = {"7": 7, "30": 30, "90": 90}  # days


def urls(site: AdminSite) -> list[URLPattern]:
    """The report's address, for the site's `get_urls`."""

    def view(request: HttpRequest) -> HttpResponse:
        return _report(request, site)

    return [path("reports/knowledge/", site.admin_view(require_safe(view)), name="knowledge_report")]


def _report(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """What the articles solved, and which questions they did not."""
    if not may(request.user, Act.VIEW, "knowledge_report"):
        raise Http404
    days = PERIODS.get(request.GET.get("days", ""), 30)
    now = timezone.now()
    context = {
        **site.each_context(request),
        "title": _("What articles solved"),
        "figures": deflection(
            since=now - timedelta(days=days),
            until=now,
            language=reader_language(),
        ),
        "days": days,
        "periods": list(PERIODS.values()),
    }
    return TemplateResponse(request, "admin/helpdesk/article/report.html", context)
