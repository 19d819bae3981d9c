"""The forecast of the coming hours, with its method and its error beside it. For managers (SPEC 2.8)."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.reports.forecast import HORIZON, HOUR, forecast
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.report_tabs import report_tabs
from helpdesk.workspace.reports import managers_only


def urls(site: AdminSite) -> list[URLPattern]:
    """The address for the site's `get_urls`."""
    return [path("reports/forecast/", managers_only(site, require_safe(forecast_page)), name="forecast")]


def forecast_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Those that will be missed at the present pace, in the order of their deadlines."""
    now = timezone.now()
    found = forecast(reader=request.user, now=now)
    tickets = (
        Ticket.objects.visible_to(request.user)
        .select_related("account", "hub", "owner")
        .in_bulk({turn.ticket for turn in found.turns})
    )
    context = {
        "found": found,
        "missed": [(turn, tickets[turn.ticket]) for turn in found.turns],
        "more": found.missed - len(found.turns),
        "hours": int(HORIZON / HOUR),
        "pace": f"{found.pace:.1f}",
        "error": {name: f"{getattr(found.error, name):.1f}" for name in ("predicted", "actual", "off")},
        "exact": found.error.exact * 100 // found.error.count,
    }
    whole = {**site.each_context(request), **report_tabs(request), "title": _("Forecast"), **context}
    return TemplateResponse(request, "reports/forecast.html", whole)
