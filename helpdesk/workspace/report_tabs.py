"""The row of links that the reports' pages share."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PAGES = [
    ("breach_report", gettext_lazy("Breach report"), "reports/breaches/"),
    ("forecast", gettext_lazy("Forecast"), "reports/forecast/"),
    ("schedule_list", gettext_lazy("By mail"), "reports/schedules/"),
    ("statement_list", gettext_lazy("SLA statements"), "reports/statements/"),
]


def report_tabs(request: HttpRequest) -> dict[str, Any]:
    """For a page's context; whoever reads one of them may read all."""
    tabs = [
        {"label": label, "url": reverse(f"admin:{name}"), "current": part in request.path}
        for name, label, part in PAGES
    ]
    return {"tabs": tabs, "tabs_label": _("Reports")}
