"""Escalations and notices: what fired when, who has it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from helpdesk.core.durations import compact
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.notifications.models import Notice
from helpdesk.notifications.services import mark_read
from helpdesk.sla.models import METRICS
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, chosen_ids, numbers
from helpdesk.workspace.wording import instant


def step_words(*, percent: int, reminder: int) -> str:
    """A step of the ladder: `75 %`, or `100 %, reminder 2`."""
    step = _("%(percent)d %%") % {"percent": percent}
    return step + (", " + _("reminder %(number)d") % {"number": reminder} if reminder else "")


class AcknowledgedFilter(Choice):
    """Open ones by default: they have a partial index, and they are what somebody must act on."""

    title = gettext_lazy("state")
    parameter_name = "state"
    options = (
        ("acknowledged", gettext_lazy("Acknowledged")),
        ("superseded", Escalation.State.SUPERSEDED.label),
        ("all", gettext_lazy("All")),
    )
    all_label = pgettext_lazy("escalation", "Waiting")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        waiting = Q(state=Escalation.State.FIRED, acknowledged_at=None)
        parts = {
            None: waiting,
            "acknowledged": Q(acknowledged_at__isnull=False),
            "superseded": Q(state=Escalation.State.SUPERSEDED),
            "all": Q(),
        }
        return queryset.filter(parts[self.value()])


class StepFilter(Choice):
    title = gettext_lazy("step")
    parameter_name = "step"
    options = (
        ("before", gettext_lazy("Before the deadline")),
        ("due", gettext_lazy("At the deadline")),
        ("after", gettext_lazy("Reminders")),
    )

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        parts = {"before": Q(percent__lt=100), "due": Q(percent=100, reminder=0), "after": Q(reminder__gt=0)}
        return queryset.filter(parts[value])


@admin.register(Escalation)
class EscalationAdmin(ReadOnlyAdmin):
    """Steps of the ladder that fired, the latest first."""

    list_display = ("fired", "step", "ticket_link", "metric", "account", "owner", "lateness_text", "answer")
    list_display_links = None
    list_filter = (AcknowledgedFilter, StepFilter)
    ordering = ("-due_at", "-id")
    list_select_related = ("ticket__account", "ticket__owner", "clock", "acknowledged_by")
    actions = ("acknowledge_chosen",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Escalation]:
        if request.user.is_staff:  # staff see every ticket, so there is no list of tickets to narrow to
            return super().get_queryset(request)
        return Escalation.objects.filter(ticket__in=Ticket.objects.visible_to(request.user))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.acknowledge_view)
        return [path("<int:pk>/acknowledge/", view, name="helpdesk_escalation_acknowledge"), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An escalation is acknowledged, not edited: its form shows, and its button acts."""
        return super().has_change_permission(request, obj) and obj is None

    @admin.display(description=gettext_lazy("Due"))
    def fired(self, row: Escalation) -> str:
        return instant(row.due_at)

    @admin.display(description=gettext_lazy("Step"))
    def step(self, row: Escalation) -> str:
        return step_words(percent=row.percent, reminder=row.reminder)

    @admin.display(description=gettext_lazy("Ticket"))
    def ticket_link(self, row: Escalation) -> SafeString:
        url = reverse("admin:helpdesk_ticket_change", args=[row.ticket_id])
        return format_html('<a href="{}">{} {}</a>', url, row.ticket.reference, row.ticket.subject)

    @admin.display(description=gettext_lazy("Clock"))
    def metric(self, row: Escalation) -> str:
        return str(dict(METRICS)[row.clock.metric])

    @admin.display(description=gettext_lazy("Account"))
    def account(self, row: Escalation) -> str:
        return row.ticket.account.name

    @admin.display(description=gettext_lazy("Owner"), empty_value=gettext_lazy("Nobody"))
    def owner(self, row: Escalation) -> str | None:
        return row.ticket.owner.full_name if row.ticket.owner else None

    @admin.display(description=gettext_lazy("Noticed after"))
    def lateness_text(self, row: Escalation) -> str:
        return compact(row.lateness)

    @admin.display(description=gettext_lazy("Acknowledged"))
    def answer(self, row: Escalation) -> str | SafeString:
        if row.acknowledged_at:
            return f"{row.acknowledged_by}, {instant(row.acknowledged_at)}"
        if row.state == Escalation.State.SUPERSEDED:
            return str(row.get_state_display())
        url = reverse("admin:helpdesk_escalation_acknowledge", args=[row.pk])
        label = _("Acknowledge")
        # Belongs to the list's own form, which carries the token.
        return format_html('<button class="btn btn--s" formaction="{}" formnovalidate>{}</button>', url, label)

    @admin.action(description=gettext_lazy("Acknowledge"), permissions=["change"])
    def acknowledge_chosen(self, request: HttpRequest, queryset: QuerySet[Escalation]) -> None:
        rows = self.get_queryset(request).filter(pk__in=chosen_ids(request))
        done = sum(acknowledge(escalation=row, actor=request.user, now=timezone.now()) for row in rows)
        text = ngettext("%(count)d escalation is acknowledged.", "%(count)d escalations are acknowledged.", done)
        self.message_user(request, text % {"count": done})

    def acknowledge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """ "I have it": POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk__in=numbers([str(pk)]))
        if not acknowledge(escalation=row, actor=request.user, now=timezone.now()):
            self.message_user(request, _("Somebody acknowledged it already."), messages.WARNING)
        return redirect("admin:helpdesk_escalation_changelist")


def _what(notice: Notice) -> str:
    """What a notice tells, in a few words."""
    said = notice.context
    if notice.kind == "exception_asked":
        return _("Exception to approve")
    if notice.kind == "exception_decided":
        return _("Exception approved") if said["state"] == "approved" else _("Exception refused")
    return step_words(percent=said.get("percent", 0), reminder=said.get("reminder", 0))


class ReadFilter(Choice):
    title = gettext_lazy("state")
    parameter_name = "state"
    options = (("read", gettext_lazy("Read")),)
    all_label = gettext_lazy("Unread")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(read_at__isnull=self.value() is None)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """One's own notices; another person's don't exist here."""

    list_display = ("written", "text", "mark")
    list_display_links = None
    list_filter = (ReadFilter,)
    ordering = (F("created_at").desc(), "-id")
    actions = ("mark_chosen",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return Notice.objects.filter(recipient=request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and obj is None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("read-all/", wrap(self.read_all_view), name="helpdesk_notice_read_all"),
            path("<int:pk>/read/", wrap(self.read_view), name="helpdesk_notice_read"),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("Written"))
    def written(self, notice: Notice) -> str:
        return instant(notice.created_at)

    @admin.display(description=gettext_lazy("Notice"))
    def text(self, notice: Notice) -> SafeString:
        said = notice.context
        metric = dict(METRICS).get(said.get("metric"), "")
        ticket = f"{said.get('reference', '')} {said.get('subject', '')}"
        words = f"{_what(notice)} · {metric} · {ticket} · {said.get('account', '')}"
        return format_html('<a href="{}">{}</a>', notice.url, words) if notice.url else format_html("{}", words)

    @admin.display(description=gettext_lazy("Read"))
    def mark(self, notice: Notice) -> str | SafeString:
        if notice.read_at:
            return instant(notice.read_at)
        url = reverse("admin:helpdesk_notice_read", args=[notice.pk])
        label = _("Mark as read")
        return format_html('<button class="btn btn--s" formaction="{}" formnovalidate>{}</button>', url, label)

    @admin.action(description=gettext_lazy("Mark as read"), permissions=["change"])
    def mark_chosen(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        for pk in chosen_ids(request):
            mark_read(recipient_id=request.user.pk, now=timezone.now(), notice_id=pk)

    def read_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._read(request, pk)

    def read_all_view(self, request: HttpRequest) -> HttpResponse:
        return self._read(request, None)

    def _read(self, request: HttpRequest, pk: int | None) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if pk is not None:
            get_object_or_404(self.get_queryset(request), pk__in=numbers([str(pk)]))
        mark_read(recipient_id=request.user.pk, now=timezone.now(), notice_id=pk)
        return redirect("admin:helpdesk_notice_changelist")
