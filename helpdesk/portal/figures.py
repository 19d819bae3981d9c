"""What was promised to the account and what was kept, for its super admins (SPEC 2.6, 2.7)."""

from datetime import date
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.core.paging import page_links, page_of
from helpdesk.portal.access import Visitor, portal_page
from helpdesk.reports.account import account_figures, part, running
from helpdesk.sla.clock import Promise
from helpdesk.tickets.models import Severity

PAGE = 25
OUTCOMES = ("met", "late", "answered")


class PartForm(forms.Form):
    """Which number was clicked. What it cannot use it leaves out."""

    month = forms.DateField(required=False, input_formats=["%Y-%m"])
    outcome = forms.ChoiceField(required=False, choices=[(name, name) for name in OUTCOMES])
    severity = forms.ChoiceField(required=False, choices=Severity.choices)
    promise = forms.ChoiceField(required=False, choices=[(promise.value, promise.value) for promise in Promise])
    open = forms.BooleanField(required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1000)


@require_safe
@portal_page
def figures(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Attainment by month and severity, how long first replies took, what runs now, what was missed and why."""
    _check(visitor)
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "read": account_figures(visitor.account, now=visitor.now),
    }
    return render(request, "portal/figures.html", context)


@require_safe
@portal_page
def figure_tickets(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The targets behind one number, the latest first."""
    _check(visitor)
    form = PartForm(request.GET)
    form.is_valid()
    wanted = {name: value for name, value in form.cleaned_data.items() if value}
    page = wanted.pop("page", 1)
    if wanted.get("open"):
        rows = running(visitor.account, now=visitor.now)
    else:
        chosen = {name: wanted[name] for name in ("outcome", "severity", "promise") if name in wanted}
        rows = part(visitor.account, month=wanted.get("month"), now=visitor.now, **chosen)
    clocks, older = page_of(rows, number=page, size=PAGE)
    base = {name: f"{value:%Y-%m}" if isinstance(value, date) else value for name, value in wanted.items()}
    context: dict[str, Any] = {
        "visitor": visitor,
        "now": visitor.now,
        "clocks": clocks,
        "links": page_links(page, older=older, **base),
        "title": _title(wanted),
        "month": wanted.get("month"),
        "severity": Severity(wanted["severity"]).label if "severity" in wanted else "",
    }
    return render(request, "portal/figure_tickets.html", context)


def _title(wanted: dict[str, Any]) -> str:
    if wanted.get("open"):
        return _("Promises that run now")
    if wanted.get("promise") == Promise.OBJECTIVE:
        titles = {"met": _("Aims kept"), "late": _("Aims missed"), "answered": _("Answered")}
        return titles.get(wanted.get("outcome", ""), _("Aims that fell due"))
    titles = {"met": _("Promises kept"), "late": _("Promises missed"), "answered": _("Answered")}
    return titles.get(wanted.get("outcome", ""), _("Promises that fell due"))


def _check(visitor: Visitor) -> None:
    """Who may not see all tickets of the account finds nothing here (SPEC 2.1)."""
    if not visitor.membership.is_super_admin:
        raise Http404
