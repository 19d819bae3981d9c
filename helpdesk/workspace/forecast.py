"""The forecast of the coming hours, with its method and its error beside it. For managers (SPEC 2.8)."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from helpdesk.reports.forecast import BY_PACE, BY_PEOPLE, HORIZON, HOUR, MOST_PEOPLE, Forecast, Way, forecast
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.report_tabs import report_tabs
from helpdesk.workspace.reports import managers_only


def urls(site: AdminSite) -> list[URLPattern]:
    """The address for the site's `get_urls`."""
    return [path("reports/forecast/", managers_only(site, require_safe(forecast_page)), name="forecast")]


class PeopleForm(forms.Form):
    """Another number of people at work than there are. Empty: as many as there are."""

    people = forms.IntegerField(
        label=gettext_lazy("People at work"),
        required=False,
        widget=forms.TextInput({"inputmode": "numeric"}),  # a number's field would not show again what is no number
        min_value=1,
        max_value=MOST_PEOPLE,
        error_messages={
            name: gettext_lazy("Give a whole number from 1 to 500.") for name in ("invalid", "min_value", "max_value")
        },
    )


def forecast_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Those that will be missed, in the order of their deadlines: as it is, or with another number of people."""
    now = timezone.now()
    form = PeopleForm(request.GET if "people" in request.GET else None)
    people = form.cleaned_data["people"] if form.is_valid() else None
    found = forecast(reader=request.user, now=now, people=people)
    way = found.asked or found.used
    tickets = (
        Ticket.objects.visible_to(request.user)
        .select_related("account", "hub", "owner")
        .in_bulk({turn.ticket for turn in way.turns})
    )
    context = {
        "found": found,
        "form": form,
        "asked": people,
        "way": way,
        "missed": [(turn, tickets[turn.ticket]) for turn in way.turns],
        "more": way.missed - len(way.turns),
        "hours": int(HORIZON / HOUR),
        "pace": one_place(way.pace),
        "per_person": None if found.per_person is None else one_place(found.per_person),
        "error": one_place(way.error.off),
        "ways": [_row(found, found.by_pace, BY_PACE), _row(found, found.by_people, BY_PEOPLE)],
    }
    whole = {**site.each_context(request), **report_tabs(request), "title": _("Forecast"), **context}
    return TemplateResponse(request, "reports/forecast.html", whole)


def one_place(value: float) -> str:
    return f"{value:.1f}"


def _row(found: Forecast, way: Way, name: str) -> dict[str, Any]:
    """A way beside the other: what it says now, and how far off it was."""
    error = way.error
    return {
        "name": name,
        "is_used": way is found.used,
        "missed": way.missed,
        "pace": one_place(way.pace),
        **{name: one_place(getattr(error, name)) for name in ("predicted", "actual", "off")},
        "exact": error.exact * 100 // error.count,
    }
