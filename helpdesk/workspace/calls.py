"""The call list: who is to be called next, and the work on one call (SPEC 2.7). For all staff.

Acts are POSTs; `back=ticket` leads back to the ticket's page, where the same acts stand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from helpdesk.accounts.models import User
from helpdesk.channels.callback import calling
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.telephony import provider
from helpdesk.core import moments
from helpdesk.core.zones import zone_of
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import Refused
from helpdesk.workspace.faces import Face, Faces
from helpdesk.workspace.rights import Act, may

FRESH = 5  # seconds between two looks at the list
MOST = 200
MOST_PAST = 20
Outcome = CallAttempt.Outcome


class OutcomeForm(forms.Form):
    """What came of an attempt; a connected call wants a note of what was said."""

    outcome = forms.ChoiceField(
        choices=[(value, label) for value, label in Outcome.choices if value != Outcome.FAILED],
        error_messages={
            "required": gettext_lazy("Choose what came of it."),
            "invalid_choice": gettext_lazy("Choose what came of it."),
        },
    )
    note = forms.CharField(
        required=False,
        max_length=calling.LONGEST_NOTE,
        error_messages={"max_length": gettext_lazy("At most %(limit_value)d characters fit; shorten it.")},
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("outcome") == Outcome.CONNECTED and not data.get("note") and "note" not in self.errors:
            self.add_error("note", _("Write down what was said, in a sentence: colleagues read it in the ticket."))
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A call as the list, and its own page, show it."""

    call: CallRequest
    face: Face | None
    local: str  # the time where the customer is
    zone: str
    attempt: CallAttempt | None  # the one that goes on
    past: list[CallAttempt]
    is_due: bool
    is_mine: bool
    next_number: int


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses for the site's `get_urls`."""

    def page(request: HttpRequest) -> HttpResponse:
        return list_page(request, site)

    def one(request: HttpRequest, pk: int) -> HttpResponse:
        return call_page(request, site, _call(request, pk))

    def act(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapper(request: HttpRequest, pk: int) -> HttpResponse:
            if not may(request.user, Act.CHANGE, "callrequest"):
                raise PermissionDenied
            return view(request, site, _call(request, pk))

        return site.admin_view(require_POST(wrapper))

    return [
        path("calls/", site.admin_view(never_cache(require_safe(page))), name="calls"),
        path("calls/<int:pk>/", site.admin_view(never_cache(require_safe(one))), name="call"),
        path("calls/<int:pk>/take/", act(take_view), name="call_take"),
        path("calls/<int:pk>/give-back/", act(give_back_view), name="call_give_back"),
        path("calls/<int:pk>/dial/", act(dial_view), name="call_dial"),
        path("calls/<int:pk>/finish/", act(finish_view), name="call_finish"),
    ]


def context_of_ticket(ticket: Ticket, *, user: User, now: datetime) -> dict[str, Any]:
    """The ticket's last call with what can be done with it, for its page. Two queries, one where there is none."""
    rows = _rows(_related(ticket.calls.order_by("-id"))[:1], user=user, now=now)
    return work_context(rows[0]) if rows else {}


def list_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Everybody who waits for a call, by deadline; `?part=1` only what changes."""
    if not may(request.user, Act.VIEW, "callrequest"):
        raise PermissionDenied
    now = timezone.now()
    rows = _rows(_related(CallRequest.objects.to_make().by_deadline())[:MOST], user=request.user, now=now)
    past = CallRequest.objects.filter(ended_at__isnull=False).order_by("-ended_at")
    context: dict[str, Any] = {
        "now": now,
        "mine": [row for row in rows if row.is_mine],
        "due": [row for row in rows if row.is_due and not row.is_mine],
        "later": [row for row in rows if not row.is_due and not row.is_mine],
        "past": _rows(_related(past)[:MOST_PAST], user=request.user, now=now),
        "dials": provider() is not None,
        "most": calling.most_attempts(),
    }
    if "part" in request.GET:
        return TemplateResponse(request, "admin/calls/_lists.html", context)
    context |= {**site.each_context(request), "title": _("Calls"), "fresh": FRESH}
    return TemplateResponse(request, "admin/calls/list.html", context)


def call_page(
    request: HttpRequest, site: AdminSite, call: CallRequest, form: OutcomeForm | None = None
) -> HttpResponse:
    """One call: whom, about what, what was tried, and what to do next; with a form that was refused, 422.

    `?part=1`: only the line that says how it goes.
    """
    if not may(request.user, Act.VIEW, "callrequest"):
        raise PermissionDenied
    now = timezone.now()
    row = next(iter(_rows([call], user=request.user, now=now)))
    if "part" in request.GET:
        return TemplateResponse(request, "admin/calls/_now.html", {"row": row, "call": call})
    message = call.ticket.messages.filter(kind="customer").order_by("id").first()
    context = {
        **site.each_context(request),
        "title": _("Call %(name)s") % {"name": call.requester},
        **work_context(row),
        "question": message.body if message else "",
        "form": form or OutcomeForm(),
        "back": _came_from(request),
        "now": now,
    }
    return TemplateResponse(request, "admin/calls/page.html", context, status=422 if form else 200)


def work_context(row: Row) -> dict[str, Any]:
    """What `_work.html` needs of a call."""
    return {
        "row": row,
        "call": row.call,
        "dials": provider() is not None,
        "most": calling.most_attempts(),
        "fresh": FRESH,
        "outcomes": [value for value in OutcomeForm.base_fields["outcome"].choices if value[0] != Outcome.STOPPED],
    }


def take_view(request: HttpRequest, _site: AdminSite, call: CallRequest) -> HttpResponse:
    return _done(request, call, lambda now: calling.take(call=call, actor=request.user, now=now))


def give_back_view(request: HttpRequest, _site: AdminSite, call: CallRequest) -> HttpResponse:
    def act(now: datetime) -> None:
        calling.give_back(call=call, actor=request.user, now=now)

    return _done(request, call, act, to_list=True)


def dial_view(request: HttpRequest, _site: AdminSite, call: CallRequest) -> HttpResponse:
    """Begin an attempt; `early` before its time, `by_hand` without the provider."""
    early, by_hand = "early" in request.POST, "by_hand" in request.POST

    def act(now: datetime) -> None:
        calling.dial(call=call, actor=request.user, now=now, early=early, by_hand=by_hand)

    return _done(request, call, act)


def finish_view(request: HttpRequest, site: AdminSite, call: CallRequest) -> HttpResponse:
    """Write down what came of the attempt that goes on; what was typed stays where it is refused."""
    form = OutcomeForm(request.POST)
    attempt = call.made.filter(outcome="").select_related("request__ticket__merged_into").first()
    if attempt is None:
        form.add_error(None, _("What came of this attempt has been written down already."))
    if not form.is_valid():
        return call_page(request, site, call, form)
    outcome, note, now = Outcome(form.cleaned_data["outcome"]), form.cleaned_data["note"], timezone.now()
    try:
        ended = calling.finish(attempt=attempt, actor=request.user, outcome=outcome, note=note, now=now)
    except Refused as refused:  # somebody, or the provider, was faster
        form.add_error(None, str(refused))
        return call_page(request, site, _call(request, call.pk), form)
    messages.success(request, _said(ended, now=now))
    return _back(request, call, to_list=outcome != Outcome.CONNECTED)


def _said(call: CallRequest, *, now: datetime) -> str:
    if call.state == CallRequest.State.CONNECTED:
        return _("Connected. The call is in the ticket, and the aim is answered.")
    if call.state == CallRequest.State.GIVEN_UP:
        return _("Given up. The customer was told by e-mail how to ask again.")
    if call.callable_at > now:
        return _("Noted. The next attempt is at %(time)s.") % {"time": moments.moment(call.callable_at, now)}
    return _("Noted. The call waits for somebody again.")


def _done(
    request: HttpRequest, call: CallRequest, act: Callable[[datetime], object], *, to_list: bool = False
) -> HttpResponse:
    try:
        act(timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    return _back(request, call, to_list=to_list)


def _back(request: HttpRequest, call: CallRequest, *, to_list: bool = False) -> HttpResponse:
    if _came_from(request):
        return redirect("admin:helpdesk_ticket_change", call.ticket_id)
    return redirect("admin:calls") if to_list else redirect("admin:call", call.pk)


def _came_from(request: HttpRequest) -> str:
    return "ticket" if request.POST.get("back") == "ticket" else ""


def _call(request: HttpRequest, pk: int) -> CallRequest:
    """The call, if it exists and this person may see it; otherwise 404."""
    if pk.bit_length() > 63:
        pk = 0
    return get_object_or_404(_related(CallRequest.objects.visible_to(request.user)), pk=pk)


def _related(calls: Any) -> Any:
    made = CallAttempt.objects.select_related("actor").order_by("order")
    related = ("ticket__hub", "ticket__merged_into", "account", "requester", "taken_by", "clock__calendar_version")
    return calls.select_related(*related).prefetch_related(Prefetch("made", queryset=made, to_attr="attempts_made"))


def _rows(calls: Iterable[CallRequest], *, user: User, now: datetime) -> list[Row]:
    faces = Faces(now=now)
    return [_row(call, faces, user=user, now=now) for call in calls]


def _row(call: CallRequest, faces: Faces, *, user: User, now: datetime) -> Row:
    past = [attempt for attempt in call.attempts_made if attempt.outcome]
    return Row(
        call=call,
        face=faces.of(call.clock) if call.clock else None,
        # As text: a template would turn it into the reader's time again.
        local=f"{now.astimezone(zone_of(call.time_zone)):%H:%M}",
        zone=moments.city(call.time_zone),
        attempt=next((attempt for attempt in call.attempts_made if not attempt.outcome), None),
        past=past,
        is_due=call.callable_at <= now,
        is_mine=call.is_open and call.taken_by_id == user.pk,
        next_number=call.attempts + 1,
    )
