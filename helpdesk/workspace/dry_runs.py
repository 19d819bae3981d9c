"""Dry runs: a draft replayed over past tickets, how far it is, and what would have been (SPEC 2.8)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.core.zones import zone_of
from helpdesk.reports.dryrun.counting import Tally
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.dryrun.services import MOST_ROWS, advance_dry_runs, start_dry_run, stop_dry_run
from helpdesk.reports.periods import Period, today
from helpdesk.workspace.dry_run_answer import answer
from helpdesk.workspace.dry_run_file import as_csv
from helpdesk.workspace.dry_run_page import (
    KIND_WORDS,
    chosen_cell,
    lines,
    not_replayed,
    rows,
    summary,
)
from helpdesk.workspace.lists import ReadOnlyAdmin, numbers

# What a manager chooses: how many days back, today among them.
PERIODS = [
    ("30", gettext_lazy("Last 30 days")),
    ("91", gettext_lazy("Last quarter (13 weeks)")),
    ("365", gettext_lazy("Last year")),
]
USUAL_PERIOD = "91"
AT_ONCE = 1.0  # seconds: what is done by then needs no worker
DEEPEST = 10_000


def begin(request: HttpRequest, *, now: datetime, **draft: Any) -> DryRun:
    """Start a dry run over the chosen days of the reader's zone; a short one is done at once. Refused as the verb."""
    zone = zone_of(request.user.time_zone)
    last = today(now=now, zone=zone)
    period = Period(first=last - timedelta(days=int(chosen_period(request.POST)) - 1), last=last, zone=zone)
    run = start_dry_run(period=period, actor=request.user, now=now, **draft)
    advance_dry_runs(now=now, seconds=AT_ONCE, only=run)
    return run


def chosen_period(sent: Mapping[str, Any]) -> str:
    wanted = sent.get("try_period", "")
    return wanted if wanted in dict(PERIODS) else USUAL_PERIOD


def tried(request: HttpRequest, **of: Any) -> DryRun | None:
    """The dry run whose draft the editor is asked to show again (`?tried=`); of this policy or calendar only."""
    wanted = numbers([request.GET.get("tried", "")])
    return DryRun.objects.filter(pk__in=wanted, **of).first() if wanted else None


def choices(request: HttpRequest) -> dict[str, Any]:
    """For the part of an editor's page that starts one."""
    return {"try_periods": PERIODS, "try_period": chosen_period(request.POST)}


@admin.register(DryRun)
class DryRunAdmin(ReadOnlyAdmin):
    """The newest on top."""

    list_display = ("state", "name")  # the template writes the columns itself
    ordering = ("-id",)
    list_select_related = ("policy", "calendar", "created_by")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/progress/", wrap(self.progress_view), name="helpdesk_dryrun_progress"),
            path("<int:pk>/stop/", wrap(self.stop_view), name="helpdesk_dryrun_stop"),
            path("<int:pk>/tickets.csv", wrap(self.csv_view), name="helpdesk_dryrun_csv"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DryRun]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self._fetch(request, object_id)
        if run.is_unfinished or run.state == DryRun.State.FAILED:  # no figures yet, or what can't be read
            return self._answer(request, run, "page", title=_title(run), editor_url=_editor_url(run))
        tally = Tally.of(run.figures)
        cell = chosen_cell(tally, request.GET.get("of", ""))
        kind = request.GET.get("kind", "")
        kind = kind if kind in dict(KIND_WORDS) else ""
        page = max(1, min(DEEPEST, *numbers([request.GET.get("page", "1")]), DEEPEST))
        changed, more = rows(run, cell, kind=kind, page=page)
        context = {
            "title": _title(run),
            "lines": (every := lines(tally, cell)),
            "others": [line for line in every if line.changed and not line.is_current],
            "answer": (said := answer(tally, cell)),
            "chips": [(value, label, said.kinds[value]) for value, label in KIND_WORDS if said.kinds[value]],
            "about": summary(run, cell, tally),
            "of": ".".join(cell),
            "changed": changed,
            "kind": kind,
            "page": page,
            "previous_page": page - 1,
            "next_page": page + 1,
            "more": more,
            "most_rows": MOST_ROWS,
            "is_cut": run.changed > MOST_ROWS,
            "not_replayed": not_replayed(run, tally),
            "editor_url": _editor_url(run),
        }
        return self._answer(request, run, "page", **context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that moves, alone; when it is over, the page is asked for anew."""
        run = self._fetch(request, str(pk))
        answer = self._answer(request, run, "_progress", is_part=True)
        if not run.is_unfinished:
            answer.headers["HX-Refresh"] = "true"
        return answer

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop after the chunk that is under way: POST only."""
        run = self._fetch(request, str(pk))
        if not self.has_change_permission(request, run):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if stop_dry_run(run=run, now=timezone.now()):
            self.message_user(request, _("It is stopped. The figures are of what was replayed so far."))
        else:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return redirect("admin:helpdesk_dryrun_change", run.pk)

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self._fetch(request, str(pk))
        if run.state == DryRun.State.FAILED:
            raise Http404
        name = f'attachment; filename="dry-run-{run.pk}-{run.first}-to-{run.last}.csv"'
        return HttpResponse(as_csv(run), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})

    def _fetch(self, request: HttpRequest, pk: str) -> DryRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_queryset(request).filter(pk__in=numbers([pk])).first()
        if run is None:
            raise Http404
        return run

    def _answer(self, request: HttpRequest, run: DryRun, template: str, **context: Any) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "run": run,
            "may_stop": self.has_change_permission(request, run),
            **context,
        }
        return TemplateResponse(request, f"admin/helpdesk/dryrun/{template}.html", context)


def _title(run: DryRun) -> str:
    return _("Dry run: %(name)s") % {"name": run.name}


def _editor_url(run: DryRun) -> str:
    """The way back to the draft, as it was typed."""
    if run.calendar_id:
        url = reverse("admin:helpdesk_calendar_change", args=[run.calendar_id])
    elif run.policy_id:
        url = reverse("admin:helpdesk_policy_change", args=[run.policy_id])
    else:
        url = reverse("admin:helpdesk_policy_add")
    return f"{url}?tried={run.pk}"
