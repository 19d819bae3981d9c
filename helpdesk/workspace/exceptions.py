"""Response-time exceptions to decide, and the list of codes that they are asked for by (SPEC 2.4)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from helpdesk.core.durations import compact, target_words
from helpdesk.sla.models import EFFECTS, METRICS, ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.exception_forms import DecisionForm
from helpdesk.workspace.exception_words import SHORT_EFFECTS, compared, effect_words, standing
from helpdesk.workspace.faces import Faces
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, RoleAdmin, numbers
from helpdesk.workspace.rights import Act, may
from helpdesk.workspace.wording import instant

State = ClockException.State
View = Callable[["ClockExceptionAdmin", HttpRequest, ClockException], HttpResponse]
RELATED = (
    "code",
    "requested_by",
    "decided_by",
    "clock__calendar_version",
    "clock__ticket__account",
    "clock__ticket__team",
)


class StateFilter(Choice):
    """Waiting ones by default: they are what somebody must decide, and they have a partial index."""

    title = gettext_lazy("state")
    parameter_name = "state"
    options = (*((state.value, state.label) for state in State if state != State.ASKED), ("all", gettext_lazy("All")))
    all_label = pgettext_lazy("exception", "Waiting")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or State.ASKED)


class CodeFilter(Choice):
    title = gettext_lazy("code")
    parameter_name = "code"
    field = "code"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(code.pk, str(code)) for code in ExceptionCode.objects.all()]


class EffectFilter(Choice):
    title = gettext_lazy("effect")
    parameter_name = "effect"
    field = "effect"
    options = tuple(SHORT_EFFECTS.items())


def act(view: View) -> Callable[["ClockExceptionAdmin", HttpRequest, int], HttpResponse]:
    """An act on an exception: POST only, by staff that may work on its ticket."""

    @wraps(view)
    def wrapper(self: "ClockExceptionAdmin", request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request.user, Act.CHANGE, "ticket"):
            raise PermissionDenied
        return view(self, request, self.find(request, pk))

    return wrapper


@admin.register(ClockException)
class ClockExceptionAdmin(ReadOnlyAdmin):
    """What was asked for; each has a page on which it is decided. What waits longest comes first."""

    list_display = ("asked", "age", "ticket_link", "clock_words", "code_and_effect", "asker", "outcome")
    list_display_links = ("asked",)
    list_filter = (StateFilter, CodeFilter, EffectFilter)
    list_select_related = RELATED
    ordering = ("-id",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return self.ordering if request.GET.get("state") else ("requested_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClockException]:
        tickets = Ticket.objects.visible_to(request.user)
        rows = super().get_queryset(request)
        return rows if request.user.is_staff else rows.filter(clock__ticket__in=tickets)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/decide/", wrap(self.decide_view), name="helpdesk_clockexception_decide"),
            path("<int:pk>/withdraw/", wrap(self.withdraw_view), name="helpdesk_clockexception_withdraw"),
            *super().get_urls(),
        ]

    def find(self, request: HttpRequest, pk: int | str) -> ClockException:
        return get_object_or_404(self.get_queryset(request).select_related(*RELATED), pk__in=numbers([str(pk)]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, self.find(request, object_id), DecisionForm())

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All that ever happens to an exception is on its page."""
        raise Http404

    def page(self, request: HttpRequest, exception: ClockException, form: DecisionForm) -> HttpResponse:
        """What was asked, why, what it would do or did, and the decision; 422 with a form that was refused."""
        now, clock = timezone.now(), exception.clock
        effect = services.outlook(exception, now=now)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Exception: %(code)s") % {"code": exception.code},
            "exception": exception,
            "ticket": clock.ticket,
            "clock": clock,
            "now": now,
            "form": form,
            "face": Faces(now=now).of(clock),
            "target": target_words(seconds=clock.target_seconds, business_days=clock.target_business_days),
            "does": effect_words(exception),
            "age": compact((now - exception.requested_at).total_seconds()),
            "rows": compared(effect, hours=clock.hours, now=_seen(exception) or now) if effect else [],
            "waits": exception.state == State.ASKED,
            "allowed": standing(exception, request.user, may_decide=services.may_decide(request.user, clock.ticket)),
        }
        refused = form.is_bound and bool(form.errors)
        return render(request, "admin/helpdesk/clockexception/page.html", context, status=422 if refused else 200)

    @act
    def decide_view(self, request: HttpRequest, exception: ClockException) -> HttpResponse:
        """Approve or refuse. Who may not decide here at all is told so where they came from."""
        form = DecisionForm(request.POST)
        if form.is_valid():
            approve, note = form.cleaned_data["verdict"] == "approve", form.cleaned_data["note"]
            try:
                services.decide_exception(
                    exception=exception, approve=approve, note=note, actor=request.user, now=timezone.now()
                )
            except services.Refused as refused:
                exception = self.find(request, exception.pk)
                if exception.state != State.ASKED or not self.has_view_permission(request):
                    return self._back(request, exception, error=str(refused))
                form.add_error("note", str(refused))
            else:
                words = {"reference": exception.clock.ticket.reference}
                done = _("Approved: %(reference)s.") if approve else _("Refused: %(reference)s.")
                return self._back(request, exception, done=done % words)
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, exception, form)

    @act
    def withdraw_view(self, request: HttpRequest, exception: ClockException) -> HttpResponse:
        try:
            services.withdraw_exception(exception=exception, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            return self._back(request, exception, error=str(refused))
        return self._back(request, exception, done=_("Your request is withdrawn."))

    def _back(
        self, request: HttpRequest, exception: ClockException, *, done: str = "", error: str = ""
    ) -> HttpResponse:
        """To the ticket, where one came from there or may see nothing else; to the list otherwise."""
        self.message_user(request, done or error, messages.SUCCESS if done else messages.ERROR)
        if request.POST.get("back") == "ticket" or not self.has_view_permission(request):
            return HttpResponseRedirect(reverse("admin:helpdesk_ticket_change", args=[exception.clock.ticket_id]))
        return HttpResponseRedirect(reverse("admin:helpdesk_clockexception_changelist"))

    @admin.display(description=gettext_lazy("Requested"))
    def asked(self, row: ClockException) -> str:
        return instant(row.requested_at)

    @admin.display(description=gettext_lazy("Waited"))
    def age(self, row: ClockException) -> str:
        """How long it has waited; of one that is decided, how long that took."""
        return compact(((row.decided_at or timezone.now()) - row.requested_at).total_seconds())

    @admin.display(description=gettext_lazy("Ticket"))
    def ticket_link(self, row: ClockException) -> SafeString:
        ticket = row.clock.ticket
        url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
        subject = format_html('{} <span lang="{}">{}</span>', ticket.reference, ticket.language, ticket.subject)
        return format_html('<a href="{}">{}</a><span class="second">{}</span>', url, subject, ticket.account.name)

    @admin.display(description=gettext_lazy("Clock"))
    def clock_words(self, row: ClockException) -> SafeString:
        kind = _("guaranteed") if row.is_guaranteed else _("objective")
        return _two_lines(dict(METRICS)[row.clock.metric], kind)

    @admin.display(description=gettext_lazy("Code and effect"))
    def code_and_effect(self, row: ClockException) -> SafeString:
        return _two_lines(row.code, effect_words(row))

    @admin.display(description=gettext_lazy("Requested by"))
    def asker(self, row: ClockException) -> str:
        return row.requested_by.full_name

    @admin.display(description=gettext_lazy("State"))
    def outcome(self, row: ClockException) -> SafeString | str:
        if row.decided_by is None:
            return str(row.get_state_display())
        return _two_lines(row.get_state_display(), f"{row.decided_by.full_name}, {instant(row.decided_at)}")


def _two_lines(first: Any, second: Any) -> SafeString:
    return format_html('{}<span class="second">{}</span>', first, second)


def _seen(exception: ClockException) -> Any:
    """As of when its effect is told: what is decided, as of its decision."""
    return exception.decided_at if exception.state == State.APPROVED else None


class ExceptionCodeForm(forms.ModelForm):
    """Effects as boxes to tick."""

    effects = forms.MultipleChoiceField(
        label=gettext_lazy("Effects it may have"),
        choices=EFFECTS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Tick at least one: a code without an effect does nothing.")},
    )


@admin.register(ExceptionCode)
class ExceptionCodeAdmin(RoleAdmin):
    """The operator's list. A code is never deleted: what was excepted by it refers to it. Django keeps its history."""

    form = ExceptionCodeForm
    list_display = ("code", "name", "name_ja", "said", "effect_names", "is_active")
    list_display_links = ("code", "name")
    ordering = ("position", "code")
    fields = ("code", "name", "name_ja", "explanation", "explanation_ja", "effects", "position", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: ExceptionCode | None = None) -> tuple[str, ...]:
        """The code itself is written into events and reports: it is chosen once."""
        return ("code", "effect_names") if obj else ("effect_names",)

    def get_fields(self, request: HttpRequest, obj: ExceptionCode | None = None) -> tuple[str, ...]:
        changes = self.has_change_permission(request, obj)
        return tuple("effect_names" if name == "effects" and not changes else name for name in self.fields)

    @admin.display(description=gettext_lazy("When it applies"))
    def said(self, code: ExceptionCode) -> str:
        return code.said

    @admin.display(description=gettext_lazy("Effects"))
    def effect_names(self, code: ExceptionCode) -> str:
        return ", ".join(str(SHORT_EFFECTS[effect]) for effect in code.effects)
