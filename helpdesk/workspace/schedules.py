"""Breach reports by mail: who gets which, when, and what was sent. For managers (SPEC 2.6)."""

import logging
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db import transaction
from django.db.models import OuterRef, Prefetch, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.accounts.models import User, validate_time_zone
from helpdesk.core.zones import zone_of
from helpdesk.reports import schedules
from helpdesk.reports.models import ReportMail, ReportSchedule
from helpdesk.reports.schedules import FILTERS, Order
from helpdesk.tickets.services import Refused
from helpdesk.workspace.report_filters import FilterForm
from helpdesk.workspace.report_tabs import report_tabs
from helpdesk.workspace.reports import managers_only

log = logging.getLogger(__name__)

MOST_LISTED = 200
MOST_MAILS = 50
WEEKDAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]


class ScheduleForm(forms.Form):
    """When, to whom and with what; the filters are the report's own form, beside it."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        error_messages={"required": gettext_lazy("Give it a name: it is the subject of the mail.")},
    )
    every = forms.ChoiceField(label=gettext_lazy("How often"), choices=ReportSchedule.Every)
    weekday = forms.TypedChoiceField(
        label=gettext_lazy("On (weekly)"), choices=WEEKDAYS, coerce=int, required=False, empty_value=0
    )
    at = forms.TimeField(
        label=gettext_lazy("At"),
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        error_messages={
            "required": gettext_lazy("Give a time of day: 07:00."),
            "invalid": gettext_lazy("Write the time as hours and minutes: 07:00."),
        },
    )
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, validators=[validate_time_zone])
    file = forms.ChoiceField(label=gettext_lazy("File"), choices=ReportSchedule.File, required=False)
    recipients = forms.ModelMultipleChoiceField(
        User.objects.none(),
        label=gettext_lazy("Recipients"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one recipient.")},
    )

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        staff = User.objects.filter(is_active=True).exclude(staff_role="").order_by("full_name", "email")
        self.fields["recipients"].queryset = staff


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses of the reports by mail, for the site's `get_urls`."""

    def act(name: str, view: Any) -> URLPattern:
        route = f"reports/schedules/<int:schedule_id>/{name}/"
        return path(route, managers_only(site, require_POST(view)), name=f"schedule_{name}")

    edit = require_http_methods(["GET", "HEAD", "POST"])
    return [
        path("reports/schedules/", managers_only(site, require_safe(schedule_list)), name="schedule_list"),
        path("reports/schedules/new/", managers_only(site, edit(schedule_new)), name="schedule_new"),
        path("reports/schedules/<int:schedule_id>/", managers_only(site, edit(schedule_edit)), name="schedule_edit"),
        act("pause", pause),
        act("resume", resume),
        act("delete", delete),
        act("test", test),
    ]


def schedule_list(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Each report by mail, when it is due next, and when it last went out. Three queries."""
    last = ReportMail.objects.filter(schedule=OuterRef("pk"), state=ReportMail.State.SENT).order_by("-id")
    people = Prefetch("recipients", User.objects.order_by("full_name").only("full_name", "email"))
    rows = (
        ReportSchedule.objects.filter(ended_at=None)
        .annotate(last_at=Subquery(last.values("created_at")[:1]))
        .select_related("created_by")
        .prefetch_related(people)[:MOST_LISTED]
    )
    return _page(request, site, "reports/schedules.html", _("Reports by mail"), rows=rows)


def schedule_new(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Set one up; the address may carry the filters of the report that it comes from."""
    return _edit(request, site, None)


def schedule_edit(request: HttpRequest, site: AdminSite, schedule_id: int) -> HttpResponse:
    """Change one; what it says now, and what it sent."""
    return _edit(request, site, _found(schedule_id))


def _edit(request: HttpRequest, site: AdminSite, schedule: ReportSchedule | None) -> HttpResponse:
    now, posted = timezone.now(), request.method == "POST"
    given = request.POST if posted else (schedule.query if schedule else request.GET)
    query = {name: str(given.get(name, "")) for name in FILTERS if given.get(name)}
    filters = FilterForm(query, zone=zone_of("UTC"), now=now)
    for name in ("period", "start", "end"):
        del filters.fields[name]
    form = ScheduleForm(request.POST) if posted else ScheduleForm(initial=_initial(request, schedule))
    if posted and filters.is_valid() and form.is_valid():
        data = form.cleaned_data
        order = Order(**{**data, "weekday": data["weekday"] or 0}, query=query)
        try:
            saved = schedules.save_schedule(order=order, actor=request.user, now=now, schedule=schedule)
        except Refused as refused:
            form.add_error("recipients", str(refused))
        else:
            messages.success(request, _("Saved. It goes out next at %(at)s.") % {"at": _when(saved)})
            return redirect("admin:schedule_edit", saved.pk)
    context = {"form": form, "filters": filters, "schedule": schedule}
    if schedule is not None:
        context |= _sent(schedule, request.user, now=now)
    title = schedule.name if schedule else _("New report by mail")
    status = 400 if posted else 200
    return _page(request, site, "reports/schedule.html", title, status=status, **context)


def _initial(request: HttpRequest, schedule: ReportSchedule | None) -> dict[str, Any]:
    if schedule is None:
        return {"every": "week", "at": "07:00", "time_zone": request.user.time_zone, "file": "csv"}
    names = ("name", "every", "weekday", "at", "time_zone", "file")
    return {name: getattr(schedule, name) for name in names} | {"recipients": schedule.recipients.all()}


def _sent(schedule: ReportSchedule, reader: User, *, now: datetime) -> dict[str, Any]:
    """What it would say now, to this reader, and the last mails with what became of them."""
    due = schedules.last_due(schedule, now)
    may_read = schedule.created_by.is_managing
    edition = schedules.Edition(schedule=schedule, due_at=due, now=now)
    mails = schedule.mails.select_related("recipient", "mail").order_by("-id")[:MOST_MAILS]
    return {**(_preview(edition, reader) if may_read else {}), "mails": mails}


def _preview(edition: schedules.Edition, reader: User) -> dict[str, Any]:
    """What counting says; where that fails, that it does: the page is needed to pause or mend the report."""
    try:
        with transaction.atomic():
            return {"preview": schedules.contents(edition=edition, recipient=reader)}
    except Exception:
        log.exception("The preview of report by mail %s could not be counted", edition.schedule.pk)
        return {"preview_failed": True}


def pause(request: HttpRequest, site: AdminSite, schedule_id: int) -> HttpResponse:
    return _act(request, schedule_id, lambda row, now: schedules.set_active(schedule=row, active=False, now=now))


def resume(request: HttpRequest, site: AdminSite, schedule_id: int) -> HttpResponse:
    return _act(request, schedule_id, lambda row, now: schedules.set_active(schedule=row, active=True, now=now))


def delete(request: HttpRequest, site: AdminSite, schedule_id: int) -> HttpResponse:
    found = _found(schedule_id)
    schedules.end_schedule(schedule=found, now=timezone.now())
    messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
    return redirect("admin:schedule_list")


def test(request: HttpRequest, site: AdminSite, schedule_id: int) -> HttpResponse:
    """To oneself, and to nobody else."""
    schedules.send_test(schedule=_found(schedule_id), actor=request.user, now=timezone.now())
    messages.success(request, _("A test is on its way to %(address)s.") % {"address": request.user.email})
    return redirect("admin:schedule_edit", schedule_id)


def _act(request: HttpRequest, schedule_id: int, verb: Any) -> HttpResponse:
    try:
        verb(_found(schedule_id), timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("admin:schedule_edit", schedule_id)


def _found(schedule_id: int) -> ReportSchedule:
    return get_object_or_404(ReportSchedule.objects.select_related("created_by").filter(ended_at=None), pk=schedule_id)


def _when(schedule: ReportSchedule) -> str:
    if schedule.next_at is None:
        return "–"
    local = schedule.next_at.astimezone(zone_of(schedule.time_zone))
    return f"{local:%Y-%m-%d %H:%M} {schedule.time_zone}"


def _page(
    request: HttpRequest, site: AdminSite, template: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    whole = {**site.each_context(request), **report_tabs(request), "title": title, **context}
    return TemplateResponse(request, template, whole, status=status)
