"""A manager is asked for: a specialist's page to do it, the answer on the ticket, and the list of both."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from helpdesk.core.durations import compact
from helpdesk.escalation.manager_requests import answer_request, ask_manager, may_answer
from helpdesk.escalation.models import STANDING, ManagerRequest
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.acting import act, act_page
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, numbers
from helpdesk.workspace.organise_forms import TOO_LONG
from helpdesk.workspace.rights import Act, may
from helpdesk.workspace.ticket_forms import LONGEST_REASON, PlainText
from helpdesk.workspace.wording import instant


class AskForm(forms.Form):
    reason = PlainText(
        max_length=LONGEST_REASON,
        error_messages={"required": gettext_lazy("Say why: the manager reads it."), **TOO_LONG},
    )


class AnswerForm(forms.Form):
    request = forms.IntegerField(min_value=1, max_value=2**62)
    answer = PlainText(
        max_length=LONGEST_REASON,
        error_messages={"required": gettext_lazy("Write an answer first."), **TOO_LONG},
    )


def asked_of(ticket: Ticket, user: Any) -> dict[str, Any]:
    """For the ticket's page: who waits for a manager's word. One query, none where `find` saw nobody."""
    waiting = ManagerRequest.objects.of(ticket).waiting()
    waiting = waiting.select_related("asked_by").order_by("-by_customer", "pk")
    return {
        "manager_requests": list(waiting) if ticket.waits_for_manager else [],
        "may_answer_request": may_answer(user) and may(user, Act.CHANGE, "ticket"),
    }


class ManagerPages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/escalate/", "escalate_view", "escalate"),
        ("<int:pk>/escalate/answer/", "answer_view", "escalate_answer"),
    ]

    @act_page
    def escalate_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Ask a manager to look at it; the customer sees nothing of it."""
        form = AskForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                ask_manager(ticket=ticket, actor=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
            except services.Refused as refused:
                form.add_error("reason", str(refused))
            else:
                text = _("The team’s leads and the managers have been told.")
                self.message_user(request, text, messages.SUCCESS)
                return self.back(request, ticket)
        return self.organise_page(
            request,
            ticket,
            "escalate",
            _("Escalate to the manager"),
            {"form": form},
            status=422 if form.errors else 200,
        )

    @act
    def answer_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Answer who asked; what was typed is kept where it is refused."""
        if not may_answer(request.user):
            raise PermissionDenied
        form = AnswerForm(request.POST)
        if not form.is_valid() and "request" in form.errors:
            return self.back(request, ticket, error=_("Nobody waits for an answer here any more."))
        requests = ManagerRequest.objects.of(ticket).select_related("asked_by")
        asked = get_object_or_404(requests, pk=form.cleaned_data["request"])
        if form.is_valid():
            answer = form.cleaned_data["answer"]
            try:
                answer_request(request=asked, actor=request.user, answer=answer, now=timezone.now())
            except services.Refused as refused:
                form.add_error("answer", str(refused))
            else:
                return self.back(request, ticket)
        context = {"form": form, "asked": asked}
        title = _("Answer the customer") if asked.by_customer else _("Answer the escalation")
        return self.organise_page(request, ticket, "manager_answer", title, context, status=422)


class WaitingFilter(Choice):
    title = gettext_lazy("state")
    parameter_name = "state"
    options = (("answered", gettext_lazy("Answered")), ("all", gettext_lazy("All")))
    all_label = pgettext_lazy("escalation", "Waiting")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(answered_at__isnull=False) if self.value() else queryset.waiting()


class WhoFilter(Choice):
    title = gettext_lazy("asked by")
    parameter_name = "who"
    options = (("customer", gettext_lazy("Customers")), ("staff", gettext_lazy("Specialists")))

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(by_customer=value == "customer")


@admin.register(ManagerRequest)
class ManagerRequestAdmin(ReadOnlyAdmin):
    """Who asked for a manager, why, and what they were answered; the latest first."""

    list_display = ("asked", "ticket_link", "account", "who", "why", "owner", "state")
    list_display_links = ("asked",)
    list_filter = (WaitingFilter, WhoFilter)
    ordering = ("-asked_at", "-id")
    list_select_related = (*STANDING, "asked_by", "answered_by")
    fields = ("ticket_link", "account", "owner", "who", "asked_at", "reason", "answer", "state")

    def get_readonly_fields(self, request: HttpRequest, obj: ManagerRequest | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "ticket_link", "account", "owner", "who", "state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ManagerRequest]:
        """With whether the reader is one who answers: nobody else is offered to."""
        return super().get_queryset(request).annotate(reader_answers=Value(may_answer(request.user)))

    def get_fields(self, request: HttpRequest, obj: ManagerRequest | None = None) -> tuple[str, ...]:
        """Without the answer while there is none."""
        return tuple(name for name in self.fields if name != "answer" or (obj and obj.answered_at))

    @admin.display(description=gettext_lazy("Asked"))
    def asked(self, row: ManagerRequest) -> str:
        return instant(row.asked_at)

    @admin.display(description=gettext_lazy("Ticket"))
    def ticket_link(self, row: ManagerRequest) -> SafeString:
        ticket = row.standing
        url = reverse("admin:helpdesk_ticket_change", args=numbers([str(ticket.pk)]))
        return format_html('<a href="{}">{} {}</a>', url, ticket.reference, ticket.subject)

    @admin.display(description=gettext_lazy("Account"))
    def account(self, row: ManagerRequest) -> str:
        return row.standing.account.name

    @admin.display(description=gettext_lazy("By"))
    def who(self, row: ManagerRequest) -> SafeString:
        kind = _("customer") if row.by_customer else _("specialist")
        return format_html('{}<span class="second">{}</span>', row.asked_by.full_name, kind)

    @admin.display(description=gettext_lazy("Why"))
    def why(self, row: ManagerRequest) -> str:
        return row.reason if len(row.reason) < 160 else row.reason[:160] + "…"

    @admin.display(description=gettext_lazy("Owner"))
    def owner(self, row: ManagerRequest) -> str:
        owner = row.standing.owner
        return owner.full_name if owner else _("Nobody")

    @admin.display(description=gettext_lazy("Answered"))
    def state(self, row: ManagerRequest) -> str | SafeString:
        if row.answered_at:
            after = compact((row.answered_at - row.asked_at).total_seconds())
            text = _("%(name)s, after %(time)s") % {"name": row.answered_by.full_name, "time": after}
            return format_html("{}", text)
        if not row.reader_answers:
            return pgettext("a request to the manager", "Waits for an answer")
        url = reverse("admin:helpdesk_ticket_change", args=[row.standing.pk])
        return format_html('<a class="btn btn--s" href="{}#manager">{}</a>', url, _("Answer"))
