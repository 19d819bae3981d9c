"""Saved views and columns: kept from the queue, managed on a page of their own."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import Team
from helpdesk.accounts.services import choose_columns
from helpdesk.tickets.models import SavedView
from helpdesk.tickets.services import Refused, saved_views
from helpdesk.workspace import queue_views
from helpdesk.workspace.acting import posted, posted_from_list
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.queue_columns import COLUMNS, known
from helpdesk.workspace.queue_filters import KEPT, offered
from helpdesk.workspace.queue_views import onlooker

LONGEST_VALUE = 200


def kept_params(query: QueryDict) -> dict[str, str]:
    """What of an address makes up a view."""
    return {name: query[name][:LONGEST_VALUE] for name in KEPT if query.get(name)}


def expanded(request: HttpRequest) -> QueryDict:
    """The address with what its saved view stands for: where it says nothing itself, or one's team has a default."""
    query = request.GET
    if any(query.get(name) for name in KEPT):
        return query
    views = {str(view.pk): view for view in onlooker(request).saved} if _may_expand(query) else {}
    view = views.get(query.get("saved", ""))
    if view is None and "saved" not in query:
        teams = onlooker(request).team_ids
        view = next((row for row in views.values() if row.is_team_default and row.team_id in teams), None)
    if view is None:
        return query
    query = query.copy()
    query.update({"saved": str(view.pk), **{"view": "open", **view.params}})
    return query


def working_list(request: HttpRequest) -> tuple[str, dict[str, str]]:
    """The list that a ticket was opened from: the name of its saved view, if it is one, and what makes it up.

    One query where the address names a saved view, none otherwise. A view that is gone is the usual list.
    """
    params = {name: value.replace("\x00", "") for name, value in kept_params(request.GET).items()}
    name = ""
    if "saved" in request.GET and not params:
        chosen = SavedView.objects.visible_to(request.user).filter(pk__in=numbers([request.GET["saved"]])).first()
        if chosen is not None:
            name, params = chosen.name, {"view": queue_views.OPEN, **chosen.params}
    if params.get("view") not in queue_views.VIEWS:
        params["view"] = queue_views.OPEN if params.get("q") else onlooker(request).default_view
    return name, params


def _may_expand(query: QueryDict) -> bool:
    return set(query) <= {"saved", "p", "done"}


class SaveForm(forms.Form):
    """A name, and for whom."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    audience = forms.ChoiceField(label=gettext_lazy("For"))

    def __init__(self, data: Any = None, *, request: HttpRequest) -> None:
        super().__init__(data, initial={"audience": "me"}, auto_id="save-%s")
        viewer, managing = onlooker(request), request.user.is_managing
        teams = [(key, label) for key, label in offered(request)["team"] if managing or int(key) in viewer.led_ids]
        self.fields["audience"].choices = [
            ("me", _("Me")),
            *((f"team-{key}", label) for key, label in teams),
            *([("all", _("Everybody"))] if managing else []),
        ]

    def whom(self) -> dict[str, Any]:
        audience = self.cleaned_data["audience"]
        team = Team.objects.get(pk=audience.removeprefix("team-")) if audience.startswith("team-") else None
        return {"team": team, "everybody": audience == "all"}


class NameForm(forms.Form):
    name = forms.CharField(max_length=60)


class SavedPages:
    """Of the ticket's admin: what is done to saved views and columns."""

    ROUTES = [
        ("views/", "views_view", "views"),
        ("views/add/", "view_add_view", "view_add"),
        ("views/<int:pk>/", "view_change_view", "view_change"),
        ("columns/", "columns_view", "columns"),
    ]

    def views_view(self, request: HttpRequest, refused: tuple[int, str, str] | None = None) -> HttpResponse:
        """The saved views that one sees, with what one may do to each."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk, error, typed = refused or (0, "", "")
        rows = [
            {
                "view": view,
                "may_keep": onlooker(request).keeps(view),
                "url": f"{reverse('admin:helpdesk_ticket_changelist')}?saved={view.pk}",
                "error": error if view.pk == pk else "",
                "typed": typed if view.pk == pk else view.name,
            }
            for view in onlooker(request).saved
        ]
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Saved views"), "rows": rows}
        template = "admin/helpdesk/ticket/views.html"
        return TemplateResponse(request, template, context, status=422 if refused else 200)

    @posted_from_list
    def view_add_view(self, request: HttpRequest) -> HttpResponse:
        """Keep what the address shows under a name."""
        form = SaveForm(request.POST, request=request)
        if form.is_valid():
            try:
                view = saved_views.save_view(
                    name=form.cleaned_data["name"],
                    params=kept_params(request.GET),
                    columns=known(request.user.queue_columns),
                    actor=request.user,
                    now=timezone.now(),
                    **form.whom(),
                )
            except Refused as refused:
                form.add_error("name", str(refused))
            else:
                return HttpResponseRedirect(f"{reverse('admin:helpdesk_ticket_changelist')}?saved={view.pk}")
        answer = self.changelist_view(request, extra_context={"saving": form})
        answer.status_code = 422
        return answer

    @posted
    def view_change_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Rename, keep what is shown now, move, open first for the team, delete."""
        view = SavedView.objects.visible_to(request.user).select_related("team").filter(pk=pk).first()
        if view is None:
            raise Http404
        if not saved_views.may_keep(request.user, view):
            raise PermissionDenied
        common, does = {"view": view, "actor": request.user}, request.POST.get("do", "")
        back = reverse("admin:helpdesk_ticket_views")
        try:
            if does == "rename":
                form = NameForm(request.POST)
                if not form.is_valid():
                    typed = request.POST.get("name", "")
                    return self.views_view(request, refused=(pk, form.errors["name"][0], typed))
                saved_views.change_view(**common, name=form.cleaned_data["name"])
            elif does in ("up", "down"):
                saved_views.move_view(**common, up=does == "up")
            elif does in ("default", "no-default"):
                saved_views.change_view(**common, is_team_default=does == "default")
            elif does == "delete":
                saved_views.delete_view(**common)
            elif does == "update":
                saved_views.change_view(**common, params=kept_params(request.GET))
                back = f"{reverse('admin:helpdesk_ticket_changelist')}?saved={pk}"
        except Refused as refused:
            return self.views_view(request, refused=(pk, str(refused), request.POST.get("name", view.name)))
        return HttpResponseRedirect(back)

    @posted
    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Choose columns: of the saved view that is open, if one keeps it, else one's own."""
        chosen = [] if "usual" in request.POST else known(request.POST.getlist("column"))
        saved = SavedView.objects.visible_to(request.user).select_related("team")
        view = saved.filter(pk__in=numbers([request.GET.get("saved", "")])).first()
        if view is not None and saved_views.may_keep(request.user, view):
            saved_views.change_view(view=view, actor=request.user, columns=chosen)
        else:
            choose_columns(user=request.user, columns=chosen)
        query = urlencode(request.GET.dict())
        return HttpResponseRedirect(f"{reverse('admin:helpdesk_ticket_changelist')}?{query}")


def columns_offered(chosen: list[str]) -> list[dict[str, Any]]:
    """All columns, with those that are shown ticked."""
    return [{"key": key, "label": column.label, "on": key in chosen} for key, column in COLUMNS.items()]
