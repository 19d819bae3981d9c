"""The page on which an exception of a ticket's clock is asked for, with a preview of what it would do."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.core.durations import target_words
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets import services
from helpdesk.tickets.models import Message, Ticket
from helpdesk.workspace.exception_forms import ExceptionForm
from helpdesk.workspace.exception_words import compared, gross_reading
from helpdesk.workspace.faces import Faces
from helpdesk.workspace.lists import numbers

# What is sent back while the form is filled in: a part of the page, by name.
PARTS = {
    "effects": "admin/helpdesk/ticket/exception/effects_changed.html",
    "preview": "admin/helpdesk/ticket/exception/preview.html",
}


# What a preview needs of the form.
VALUES = {"effect", "out_from", "out_until", "since", "amount", "unit"}


class ExceptionRequestPage:
    """For the ticket's admin: `<ticket>/exception/?clock=<id>`."""

    def exception_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for an exception. A POST that is no *send* only shows what would come of it."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        ticket = self.find(request, pk)
        if not self.has_change_permission(request, ticket):
            raise PermissionDenied
        clock = _clock(ticket, request.GET.get("clock", ""))
        if objection := _objection(clock):
            self.message_user(request, objection, messages.ERROR)
            return HttpResponseRedirect(_page_of(ticket))
        if request.method != "POST":
            initial = {"since": _last_message(ticket, clock), "unit": "minutes"}
            return self._exception_page(request, ticket, clock, ExceptionForm(clock=clock, initial=initial))
        sending = request.POST.get("act") == "send"
        form = ExceptionForm(request.POST, clock=clock, sending=sending)
        if sending and self._asked(request, form, clock):
            text = _("The exception is asked for. It has no effect before it is approved.")
            self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(_page_of(ticket))
        return self._exception_page(request, ticket, clock, form)

    def _asked(self, request: HttpRequest, form: ExceptionForm, clock: Clock) -> bool:
        """Ask for what the form says; False when it was refused, with the reason in the form."""
        if not form.is_valid():
            return False
        data = form.cleaned_data
        try:
            services.request_exception(
                clock=clock,
                code=data["code"],
                wish=form.wish,
                evidence=data["evidence"],
                actor=request.user,
                now=timezone.now(),
            )
        except services.Refused as refused:
            form.refuse(getattr(refused, "field", None), str(refused))
            return False
        return True

    def _exception_page(self, request: HttpRequest, ticket: Ticket, clock: Clock, form: ExceptionForm) -> HttpResponse:
        """The page, or a part of it. What cannot be is said beside its field, but not while one still types."""
        part = PARTS.get(request.POST.get("part", ""))
        preview = _preview(form, clock)
        if refused := preview.get("refused"):
            form.refuse(getattr(refused, "field", None), str(refused))
        context = {
            "ticket": ticket,
            "clock": clock,
            "form": form,
            "title": _("Request an exception"),
            "preview": preview,
            "typing": part is not None,
            **_standing(clock),
        }
        if part:
            return render(request, part, context)
        context |= {**self.admin_site.each_context(request), "opts": self.opts}
        refused = form.is_bound and bool(form.errors)
        return render(request, "admin/helpdesk/ticket/exception/page.html", context, status=422 if refused else 200)


def _clock(ticket: Ticket, text: str) -> Clock:
    clocks = ticket.clocks.select_related("ticket", "policy_version", "calendar_version")
    return get_object_or_404(clocks, pk__in=numbers([text]))


def _objection(clock: Clock) -> str:
    """Why nothing can be asked for here; empty when something can."""
    if not services.can_be_excepted(clock):
        return _("This clock does not count any more: there is nothing to except.")
    if clock.exceptions.filter(state=ClockException.State.ASKED).exists():
        return _("An exception on this clock waits for approval already.")
    return ""


def _last_message(ticket: Ticket, clock: Clock) -> Any:
    """When the customer last wrote while the clock ran: most often that was the missing information."""
    written = ticket.messages.filter(kind=Message.Kind.CUSTOMER, created_at__gt=clock.started_at)
    return written.order_by("-created_at").values_list("created_at", flat=True).first()


def _preview(form: ExceptionForm, clock: Clock) -> dict[str, Any]:
    """What the deadline and the verdict would become; or why that cannot be said, or cannot be."""
    if not form.is_bound:
        return {}
    now = timezone.now()
    if not form.is_valid() and VALUES & set(form.errors):
        return {"missing": True}
    try:
        outlook = services.preview_exception(clock=clock, wish=form.wish, now=now)
        return {"rows": compared(outlook, hours=clock.hours, now=now)}
    except services.Refused as refused:
        return {"refused": refused}


def _standing(clock: Clock) -> dict[str, Any]:
    now = timezone.now()
    return {
        "now": now,
        "face": Faces(now=now).of(clock),
        "target": target_words(seconds=clock.target_seconds, business_days=clock.target_business_days),
        "gross": gross_reading(clock, now=now),
    }


def _page_of(ticket: Ticket) -> str:
    return reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
