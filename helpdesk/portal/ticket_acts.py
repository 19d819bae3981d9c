"""What a customer does with a ticket after sending it: each act a POST of its own (SPEC 2.7, 2.3)."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.core import moments
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.portal.access import Visitor, portal_page
from helpdesk.portal.doing import rating_form
from helpdesk.portal.drafts import Desk
from helpdesk.portal.ticket_forms import CopiesForm, CriticalForm, EscalateForm, RatingForm, ReopenForm
from helpdesk.portal.views import find_ticket, show_ticket
from helpdesk.tickets.intake import receive_reply
from helpdesk.tickets.models import Rating, Source, Ticket
from helpdesk.tickets.services import (
    Refused,
    ask_critical,
    change_copies,
    is_fixed,
    may_ask_critical,
    may_rate,
    preview_critical,
    rate,
)
from helpdesk.tickets.services.form_drafts import external_id

Act = Callable[[], str | None]


@require_POST
@portal_page
def escalate(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """A manager is to look at it; they answer on the ticket."""
    found, form = find_ticket(visitor, pk), EscalateForm(request.POST, prefix="escalate")

    def act() -> str:
        ask_manager(ticket=found, actor=visitor.user, reason=form.cleaned_data["reason"], now=visitor.now)
        return _("A manager has your request and answers you here and by e-mail.")

    return _done(request, visitor, found, form, act, name="escalate")


@require_POST
@portal_page
def copies(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """Put colleagues in copy, or with `remove` take one out."""
    found = find_ticket(visitor, pk)
    if "remove" in request.POST:
        gone = request.POST["remove"]
        try:
            changed = change_copies(ticket=found, actor=visitor.user, remove=[gone], now=visitor.now)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            if len(changed.cc) < len(found.cc):
                messages.success(request, _("%(address)s gets no more mail about this ticket.") % {"address": gone})
        return redirect("portal:ticket", pk)
    form = CopiesForm(request.POST, prefix="copies")

    def act() -> str | None:
        changed = change_copies(ticket=found, actor=visitor.user, add=form.cleaned_data["add"], now=visitor.now)
        count = len(changed.cc) - len(found.cc)
        text = ngettext("%(count)d person is in copy now.", "%(count)d people are in copy now.", len(changed.cc))
        return text % {"count": len(changed.cc)} if count > 0 else None

    return _done(request, visitor, found, form, act, name="copies")


@require_POST
@portal_page
def reopen(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """Open again what was over, with the reason as the next message; that starts the next reply's time."""
    found, form = find_ticket(visitor, pk), ReopenForm(request.POST)

    def act() -> str | None:
        body, name = form.cleaned_data["reason"], external_id(visitor.user, form.cleaned_data["key"])
        received = receive_reply(
            source=Source.FORM, external_id=name, ticket=found, actor=visitor.user, body=body, now=visitor.now
        )
        if received is None and not found.messages.filter(author=visitor.user, body=body).exists():
            form.renew()
            return None
        return _("The ticket is open again.")

    return _done(request, visitor, found, form, act, name="reopen")


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def rating(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """How well did we help? Where the link in the mail leads; who asked may answer, and change it for 14 days."""
    found = find_ticket(visitor, pk)
    rated = Rating.objects.filter(ticket=found).first()
    may = may_rate(found, visitor.user) and not (rated and is_fixed(rated, visitor.now))
    form = RatingForm(request.POST) if request.method == "POST" else rating_form(rated)
    if request.method == "POST" and form.is_valid():
        try:
            rate(ticket=found, actor=visitor.user, now=visitor.now, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Thank you. Your specialist and our managers read it."))
            return redirect("portal:ticket", pk)
    context = {"visitor": visitor, "now": visitor.now, "ticket": found, "form": form, "rated": rated, "may_rate": may}
    return render(request, "portal/rate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def critical(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """Ask for *business critical*: what it means, the guided questions, and the promise that it gives, before it."""
    found = find_ticket(visitor, pk)
    form = CriticalForm(request.POST if request.method == "POST" else None, now=visitor.now)
    if form.is_bound and form.is_valid():
        try:
            ask_critical(ticket=found, actor=visitor.user, facts=form.claim_facts, now=visitor.now)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            words = {"time": moments.clock(visitor.now)}
            messages.success(request, _("Asked at %(time)s. It counts as business critical at once.") % words)
            return redirect("portal:ticket", pk)
    if not may_ask_critical(found, visitor.membership_of(found.account_id)):
        return _not_critical(request, visitor, found)
    context = {"visitor": visitor, "now": visitor.now, "ticket": found, "form": form}
    context["ahead"] = preview_critical(ticket=found, actor=visitor.user, now=visitor.now)
    return render(request, "portal/ask_critical.html", context, status=422 if form.errors else 200)


def _not_critical(request: HttpRequest, visitor: Visitor, found: Ticket) -> HttpResponse:
    """Back to the ticket, with why it can't be asked."""
    try:
        preview_critical(ticket=found, actor=visitor.user, now=visitor.now)
    except Refused as refusal:
        messages.warning(request, str(refusal))
    return redirect("portal:ticket", found.pk)


def _done(request: HttpRequest, visitor: Visitor, found: Ticket, form: Any, act: Act, *, name: str) -> HttpResponse:
    """Do it and go back to the ticket; or show the ticket with the form as it was typed, and what is wrong."""
    if form.is_valid():
        try:
            text = act()
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            if text:
                messages.success(request, text)
            if not form.errors:
                return redirect("portal:ticket", found.pk)
    found = find_ticket(visitor, found.pk)
    desk = Desk(request, visitor, ticket=found, is_bystander=True)
    return show_ticket(request, visitor, found, desk, status=422, **{name: form})
