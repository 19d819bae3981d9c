"""Business calendars: seen, drafted, and put in force as a new version, by managers (SPEC 2.2, 2.8).

One page, one form. Whatever button is pressed, all that was typed comes back; only *Save* and *Save the
draft* write. A calendar in use is never edited in place.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.sla.models import Calendar, CalendarVersion
from helpdesk.workspace import calendar_acts as acts
from helpdesk.workspace import dry_runs
from helpdesk.workspace.calendar_desk import MOST_VERSIONS, Desk, plan_of
from helpdesk.workspace.calendar_page import history, open_deadlines, page_context
from helpdesk.workspace.calendar_words import week_words
from helpdesk.workspace.lists import RoleAdmin, as_list, numbers

# By the name of the button. Those that write give what to tell when it is done; None: the page again.
WRITING: dict[str, Callable[[Desk], acts.Done | None]] = {
    "_save": acts.save,
    "_draft": acts.save_draft,
    "_discard": acts.discard_draft,
}
LOOKING: dict[str, Callable[[Desk, HttpRequest], None]] = {
    "_national": lambda desk, request: acts.add_national(desk),
    "_file": lambda desk, request: acts.add_file(desk, request.FILES.get("file")),
    "_add": lambda desk, request: acts.add_spare(desk, request.POST["_add"]),
    "_preview": lambda desk, request: acts.count(desk),
}


@admin.register(Calendar)
class CalendarAdmin(RoleAdmin):
    """Business hours."""

    list_display = ("name", "in_force", "zone", "week", "standing", "drafted")
    list_select_related = ("draft_by",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Calendar]:
        current = CalendarVersion.objects.filter(is_current=True)
        return super().get_queryset(request).prefetch_related(Prefetch("versions", current, to_attr="in_force_now"))

    @admin.display(description=gettext_lazy("In force"))
    def in_force(self, calendar: Calendar) -> str:
        return ", ".join(_("Version %(number)d") % {"number": row.number} for row in calendar.in_force_now) or "–"

    @admin.display(description=gettext_lazy("Time zone"))
    def zone(self, calendar: Calendar) -> str:
        return ", ".join(plan_of(row).timezone for row in calendar.in_force_now) or "–"

    @admin.display(description=gettext_lazy("Weekly hours"))
    def week(self, calendar: Calendar) -> SafeString:
        return as_list([line for row in calendar.in_force_now for line in week_words(plan_of(row).week)])

    @admin.display(description=gettext_lazy("Standing"))
    def standing(self, calendar: Calendar) -> str:
        return _("standard") if calendar.is_default else ""

    @admin.display(description=gettext_lazy("Draft"))
    def drafted(self, calendar: Calendar) -> str:
        return str(calendar.draft_by or "–") if calendar.draft_at else "–"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._work(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        calendar = self._find(object_id)
        if request.method == "POST" and not self.has_change_permission(request, calendar):
            raise PermissionDenied
        return self._work(request, calendar)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All versions: what each changed and said, who made it and when."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        desk = Desk.begin(request, self._find(object_id))
        rows = history(desk, open_deadlines(desk.calendar), len(desk.versions))
        kind = ContentType.objects.get_for_model(Calendar)
        named = LogEntry.objects.filter(content_type=kind, object_id=str(desk.calendar.pk)).select_related("user")
        context = {"history": rows, "renamed": named[:MOST_VERSIONS], "title": _("Versions")}
        return self._answer(request, desk, "history", context)

    def _find(self, object_id: str) -> Calendar:
        calendars = Calendar.objects.select_related("draft_by")
        return get_object_or_404(calendars, pk__in=numbers([object_id]))

    def _work(self, request: HttpRequest, calendar: Calendar | None) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        desk = Desk.begin(request, calendar)
        if "_try" in request.POST and (run := acts.try_out(desk, request)):
            return redirect("admin:helpdesk_dryrun_change", run.pk)
        for name, write in WRITING.items():
            if name in request.POST and (done := write(desk)):
                self.message_user(request, done.text, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:helpdesk_calendar_change", args=[done.calendar.pk]))
        for name, look in LOOKING.items():
            if name in request.POST:
                look(desk, request)
        return self._page(request, desk)

    def _page(self, request: HttpRequest, desk: Desk) -> HttpResponse:
        """The page. Refused is only what somebody wanted to save; a look at half-typed hours is not."""
        wanted = any(name in request.POST for name in (*WRITING, "_try", "_national", "_file"))
        context = {
            "title": str(desk.calendar) if desk.calendar else _("New calendar"),
            "may_change": self.has_change_permission(request, desk.calendar),
            **page_context(desk),
            **dry_runs.choices(request),
        }
        return self._answer(request, desk, "page", context, status=422 if wanted and desk.errors else 200)

    def _answer(
        self, request: HttpRequest, desk: Desk, name: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "desk": desk, **context}
        return TemplateResponse(request, f"admin/helpdesk/calendar/{name}.html", context, status=status)
