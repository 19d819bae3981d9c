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
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from helpdesk.accounts.models import Team, User
from helpdesk.core.durations import compact
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.notifications.models import Notice
from helpdesk.notifications.services import mark_read
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import METRICS
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.faces import SHORT_METRICS
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, chosen_ids, numbers
from helpdesk.workspace.wording import instant, notice_words, step_words


def acts_words(row: Escalation) -> str:
    """What a step did to the ticket, or is about to; needs a prepared row (see `EscalationAdmin.prepare`)."""
    done = []
    if row.acts.get("raise_priority"):
        done.append(_("priority raised"))
    if row.acts.get("assign_team"):
        done.append(_("to %(team)s") % {"team": row.new_team})
    if done and row.acts_pending:
        done.append(_("waits"))
    return ", ".join(done)


def skipped_words(row: Escalation) -> str:
    """Who would have been told, and why they weren't; needs a prepared row."""
    words = [_("%(name)s, away until %(at)s") % {"name": name, "at": instant(until)} for name, until in row.away]
    return "; ".join(words)


def _two_lines(first: str, second: str) -> str | SafeString:
    return format_html('{}<span class="second">{}</span>', first, second) if second else first


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
    """Steps of the ladder that fired, the latest first: when, who heard, who was passed over, what was done."""

    list_display = (
        "fired",
        "step_and_acts",
        "ticket_link",
        "account",
        "owner",
        "lateness_text",
        "delivered_text",
        "told_and_skipped",
        "answer",
    )
    list_display_links = ("fired",)
    list_filter = (AcknowledgedFilter, StepFilter)
    ordering = ("-due_at", "-id")
    list_select_related = ("ticket__account", "ticket__owner", "clock", "acknowledged_by")
    actions = ("acknowledge_chosen",)
    change_form_template = "admin/helpdesk/escalation/change_form.html"
    fields = ("ticket_link", "account", "owner", "metric", "step", "due_at", "lateness_text", "delivered_text")
    fields += ("told_text", "skipped_text", "acts_text", "outcome")

    def get_readonly_fields(self, request: HttpRequest, obj: Escalation | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), *(name for name in self.fields if name != "due_at")]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        waits = context["original"].acknowledged_at is None and context["original"].state == Escalation.State.FIRED
        more = {"may_acknowledge": waits and self.has_change_permission(request)}
        return super().render_change_form(request, context | more, *args, **options)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Escalation | None:
        row = super().get_object(request, object_id, from_field)
        self.prepare([row] if row else [])
        return row

    def prepare(self, rows: list[Escalation]) -> None:
        """The names of people and teams: two queries for all rows of a page."""
        people = {pk for row in rows for pk in (*row.told, *(away["user"] for away in row.skipped))}
        teams = {row.acts["assign_team"] for row in rows if row.acts.get("assign_team")}
        names = dict(User.objects.filter(pk__in=people).values_list("pk", "full_name"))
        team_names = dict(Team.objects.filter(pk__in=teams).values_list("pk", "name"))
        for row in rows:
            row.told_names = [names.get(pk, "–") for pk in row.told]
            row.away = [(names.get(away["user"], "–"), away["until"]) for away in row.skipped]
            row.new_team = team_names.get(row.acts.get("assign_team"), "–")

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

    @admin.display(description=gettext_lazy("Step"))
    def step_and_acts(self, row: Escalation) -> str | SafeString:
        metric = SHORT_METRICS[Metric(row.clock.metric)]
        return _two_lines(f"{self.step(row)} · {metric}", acts_words(row))

    @admin.display(description=gettext_lazy("Done to the ticket"))
    def acts_text(self, row: Escalation) -> str:
        return acts_words(row) or "–"

    @admin.display(description=gettext_lazy("Told"))
    def told_text(self, row: Escalation) -> str:
        return ", ".join(row.told_names) or "–"

    @admin.display(description=gettext_lazy("Passed over"))
    def skipped_text(self, row: Escalation) -> str:
        return skipped_words(row) or "–"

    @admin.display(description=gettext_lazy("Told"))
    def told_and_skipped(self, row: Escalation) -> str | SafeString:
        """The first of those who heard, and how many more; the row's own page names them all."""
        skipped = skipped_words(row)
        first, *others = row.told_names or ["–"]
        told = f"{first} +{len(others)}" if others else first
        return _two_lines(told, _("passed over: %(who)s") % {"who": skipped} if skipped else "")

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

    @admin.display(description=gettext_lazy("Owner"))
    def owner(self, row: Escalation) -> str:
        return row.ticket.owner.full_name if row.ticket.owner else _("Nobody")

    @admin.display(description=gettext_lazy("Noticed after"))
    def lateness_text(self, row: Escalation) -> str:
        return compact(row.lateness)

    @admin.display(description=gettext_lazy("Delivered after"))
    def delivered_text(self, row: Escalation) -> str:
        """From the due instant until the last of those it went to had it."""
        return compact((row.delivered_at - row.due_at).total_seconds()) if row.delivered_at else "–"

    def get_fields(self, request: HttpRequest, obj: Escalation | None = None) -> tuple[str, ...]:
        """Who was passed over and what was done, where anybody was and anything is."""
        out = {"skipped_text": not (obj and obj.skipped), "acts_text": not (obj and obj.acts)}
        return tuple(name for name in self.fields if not out.get(name))

    @admin.display(description=gettext_lazy("State"))
    def outcome(self, row: Escalation) -> str:
        if row.acknowledged_at is None:
            waits = row.state == Escalation.State.FIRED
            return pgettext("escalation", "Waiting") if waits else str(row.get_state_display())
        words = {"who": row.acknowledged_by, "at": instant(row.acknowledged_at)}
        return _("Acknowledged by %(who)s, %(at)s") % words

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
    fields = ("text", "written", "read")

    def get_readonly_fields(self, request: HttpRequest, obj: Notice | None = None) -> tuple[str, ...]:
        return self.fields

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
        words = notice_words(notice)
        return format_html('<a href="{}">{}</a>', notice.url, words) if notice.url else format_html("{}", words)

    @admin.display(description=gettext_lazy("Read"))
    def read(self, notice: Notice) -> str:
        return instant(notice.read_at) if notice.read_at else "–"

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
