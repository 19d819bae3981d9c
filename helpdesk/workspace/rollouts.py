"""Rollouts: new rules taking over for open tickets, how far they are, and the button that stops one."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.sla.models import Rollout
from helpdesk.tickets.services.rollouts import stop_rollout
from helpdesk.workspace.lists import ReadOnlyAdmin, numbers


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    """The newest on top."""

    list_display = ("state", "reason")  # the template writes the columns itself
    ordering = ("-id",)
    list_select_related = ("policy", "calendar", "created_by")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/progress/", wrap(self.progress_view), name="helpdesk_rollout_progress"),
            path("<int:pk>/stop/", wrap(self.stop_view), name="helpdesk_rollout_stop"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollout]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request, self._fetch(request, object_id), "page.html")

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that moves, alone."""
        return self._page(request, self._fetch(request, str(pk)), "_progress.html", is_part=True)

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop after the chunk that is under way: POST only."""
        rollout = self._fetch(request, str(pk))
        if not self.has_change_permission(request, rollout):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if stop_rollout(rollout=rollout, actor=request.user, now=timezone.now()):
            self.log_change(request, rollout, _("Stopped"))
            self.message_user(request, _("It is stopped. What has moved stays moved."), messages.SUCCESS)
        else:
            self.message_user(request, _("It was over already."), messages.WARNING)
        return redirect("admin:helpdesk_rollout_change", rollout.pk)

    def _fetch(self, request: HttpRequest, pk: str) -> Rollout:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rollout = self.get_queryset(request).filter(pk__in=numbers([pk])).first()
        if rollout is None:
            raise Http404
        return rollout

    def _page(self, request: HttpRequest, rollout: Rollout, template: str, **also: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **also,
            "opts": self.opts,
            "title": str(rollout),
            "rollout": rollout,
            "may_stop": self.has_change_permission(request, rollout),
        }
        return TemplateResponse(request, f"admin/helpdesk/rollout/{template}", context)
