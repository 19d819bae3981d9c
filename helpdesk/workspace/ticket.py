"""The ticket's page: conversation, reply box, clocks, triage, customer. Every act is a POST of its own.

What belongs to one subject lives in a class of its own, which `TicketAdmin` inherits: its views, and their
addresses as `ROUTES`, a list of (route, name of the method, name of the address).
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Team
from helpdesk.core.zones import zone_of
from helpdesk.escalation.models import ManagerRequest
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Priority, Status, Ticket
from helpdesk.workspace import explaining
from helpdesk.workspace.acting import act
from helpdesk.workspace.assigning import staff_groups
from helpdesk.workspace.composing import ComposingPages, composer
from helpdesk.workspace.exception_request import ExceptionRequestPage
from helpdesk.workspace.files import FilePages
from helpdesk.workspace.history import HistoryPage
from helpdesk.workspace.link_pages import LinkPages
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.manager_pages import ManagerPages, asked_of
from helpdesk.workspace.merge_pages import MergePages
from helpdesk.workspace.organising import OrganisePages
from helpdesk.workspace.queue import QueuePages, find_staff
from helpdesk.workspace.queue_views import onlooker
from helpdesk.workspace.rights import Act, may
from helpdesk.workspace.shortcuts import ShortcutPages, macros_for
from helpdesk.workspace.ticket_forms import (
    ComposeForm,
    JudgeForm,
    PriorityForm,
    RaiseForm,
    StatusForm,
    new_submission,
)
from helpdesk.workspace.ticket_page import page_context


@admin.register(Ticket)
class TicketAdmin(
    ComposingPages,
    FilePages,
    ShortcutPages,
    MergePages,
    LinkPages,
    OrganisePages,
    ManagerPages,
    HistoryPage,
    ExceptionRequestPage,
    QueuePages,
):
    """Queue and ticket."""

    def get_urls(self) -> list[URLPattern]:
        def entry(route: str, view: Callable[..., HttpResponse] | str, name: str) -> URLPattern:
            view = getattr(self, view) if isinstance(view, str) else view
            return path(route, self.admin_site.admin_view(view), name=f"helpdesk_ticket_{name}")

        own = [entry(*route) for pages in type(self).__mro__ for route in pages.__dict__.get("ROUTES", ())]
        return [
            *own,
            entry("take-next/", self.take_next_view, "take_next"),
            entry("<int:pk>/explain/", self.explain_view, "explain"),
            entry("<int:pk>/explain.csv", self.events_view, "events"),
            entry("<int:pk>/judge/", self.judge_view, "judge"),
            entry("<int:pk>/assign/", self.assign_view, "assign"),
            entry("<int:pk>/status/", self.status_view, "status"),
            entry("<int:pk>/exception/", self.exception_view, "exception"),
            entry("<int:pk>/priority/", self.priority_view, "priority"),
            entry("<int:pk>/raise/", self.raise_view, "raise"),
            *super().get_urls(),
        ]

    def find(self, request: HttpRequest, pk: int | str) -> Ticket:
        """The ticket, if it exists and this person may see it; otherwise 404."""
        related = (
            "account",
            "hub",
            "requester",
            "owner",
            "team",
            "claim_judged_by",
            "policy_version__policy",
            "rating__by",
        )
        waiting = ManagerRequest.objects.of(OuterRef("pk")).waiting()
        tickets = Ticket.objects.visible_to(request.user).select_related(*related)
        tickets = tickets.annotate(waits_for_manager=Exists(waiting))
        return get_object_or_404(tickets, pk__in=numbers([str(pk)]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket = self.find(request, object_id)
        if request.method == "GET":
            services.note_reading(ticket=ticket, user=request.user, now=timezone.now())
        return self.page(request, ticket)

    def page(
        self,
        request: HttpRequest,
        ticket: Ticket,
        *,
        compose: ComposeForm | None = None,
        judge: JudgeForm | None = None,
        raising: RaiseForm | None = None,
        organising: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page; with a form that was refused, its errors beside the field, and 422."""
        shown = page_context(request=request, ticket=ticket, everything="all" in request.GET, refused=organising or {})
        box = composer(request, ticket, talk=shown["talk"], form=compose)
        lead = may(request.user, Act.CHANGE, "assign_others")
        teams = onlooker(request).teams if lead else ()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{ticket.reference} {ticket.subject}",
            **box,
            "macros": macros_for(request.user, teams=dict(teams) if lead else None),
            "once": new_submission(),  # of forms that are sent by one press: a second press does nothing more
            "judge": judge or JudgeForm(),
            "raising": raising or RaiseForm(),
            "priorities": Priority.choices,
            **asked_of(ticket, request.user),
            "may_change": self.has_change_permission(request, ticket),
            "may_assign": lead,
            "staff": staff_groups(now=shown["now"]) if lead else [],
            "teams": teams,
            **shown,
        }
        refused = any(form is not None and form.is_bound for form in (compose, judge, raising)) or bool(organising)
        crossed = compose is not None and bool(compose.crossed or compose.stale)
        status = 409 if crossed else 422 if refused else 200
        return TemplateResponse(request, "admin/helpdesk/ticket/page.html", context, status=status)

    def explain_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How the ticket's deadlines came about; `?clock=` opens one, `?as=customer` shows the customer's page."""
        ticket = self._to_read(request, pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Explain this deadline"),
            **explaining.page_context(request=request, ticket=ticket, now=timezone.now()),
        }
        return TemplateResponse(request, "admin/helpdesk/ticket/explain.html", context)

    def events_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The events of the ticket's clocks as a file."""
        ticket = self._to_read(request, pk)
        name = f"{ticket.reference}-events.csv"
        text = explaining.events_csv(ticket, zone=zone_of(request.user.time_zone))
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)

    def _to_read(self, request: HttpRequest, pk: int) -> Ticket:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.find(request, pk)

    @act
    def judge_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Confirm or decline the claim of business-critical."""
        form = JudgeForm(request.POST)
        if not form.is_valid():
            return self.page(request, ticket, judge=form)
        confirmed, reason = form.cleaned_data["verdict"] == "confirm", form.cleaned_data["reason"]
        try:
            services.judge_claim(
                ticket=ticket, actor=request.user, confirmed=confirmed, reason=reason, now=timezone.now()
            )
        except services.Refused as refused:
            ticket = self.find(request, ticket.pk)
            if ticket.claim != Claim.CLAIMED:  # somebody else was first: there is no form to go back to
                return self.back(request, ticket, error=str(refused))
            form.add_error("reason", str(refused))
            return self.page(request, ticket, judge=form)
        return self.back(request, ticket)

    @act
    def assign_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Take the ticket or give it back; leads give it to anybody, in any team."""
        chosen = request.POST.get("owner", "")
        if chosen == "me":
            owner, team = request.user, None
        elif may(request.user, Act.CHANGE, "assign_others"):
            owner = find_staff(chosen)
            team = Team.objects.filter(pk__in=numbers([request.POST.get("team", "")])).first()
            if owner is None and chosen != "nobody":
                return self.back(request, ticket, error=_("Choose whom to assign to. Nothing was changed."))
        elif chosen == "nobody" and ticket.owner_id == request.user.pk:
            owner = team = None
        else:
            raise PermissionDenied
        try:
            services.assign(ticket=ticket, owner=owner, team=team, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            return self.back(request, ticket, error=str(refused))
        return self.back(request, ticket)

    @act
    def status_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        form = StatusForm(request.POST)
        if not form.is_valid():
            return self.back(request, ticket, error=_("A ticket cannot be moved there. Nothing was changed."))
        try:
            services.set_status(
                ticket=ticket, status=Status(form.cleaned_data["status"]), actor=request.user, now=timezone.now()
            )
        except services.Refused as refused:
            return self.back(request, ticket, error=str(refused))
        return self.back(request, ticket)

    @act
    def priority_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        form = PriorityForm(request.POST)
        if not form.is_valid():
            return self.back(request, ticket, error=_("There is no such priority. Nothing was changed."))
        priority = Priority(form.cleaned_data["priority"])
        services.set_priority(ticket=ticket, priority=priority, actor=request.user, now=timezone.now())
        return self.back(request, ticket)

    @act
    def raise_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Business critical after all (SPEC 2.3: raised later)."""
        form = RaiseForm(request.POST)
        if not form.is_valid():
            return self.page(request, ticket, raising=form)
        reason = form.cleaned_data["reason"]
        try:
            services.raise_to_critical(ticket=ticket, actor=request.user, reason=reason, now=timezone.now())
        except services.Refused as refused:  # somebody was faster: there is no form to go back to
            return self.back(request, ticket, error=str(refused))
        return self.back(request, ticket)

    def back(self, request: HttpRequest, ticket: Ticket, *, error: str = "") -> HttpResponse:
        """To the ticket, in the view that one came from."""
        if error:
            self.message_user(request, error, messages.ERROR)
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return HttpResponseRedirect(reverse("admin:helpdesk_ticket_change", args=[ticket.pk]) + query)
