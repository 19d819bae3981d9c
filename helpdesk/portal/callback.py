"""The callback assistant: ask for a call, follow it, change or cancel it (SPEC 2.7)."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.channels.callback import services
from helpdesk.channels.callback.calling import most_attempts
from helpdesk.channels.callback.hours import PhoneHours, hours_for, hours_in_words
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.numbers import shown
from helpdesk.core.channels import Channel
from helpdesk.core.zones import zone_of
from helpdesk.knowledge.services import note_contacted
from helpdesk.portal.access import CONSULTATION, Visitor, portal_page
from helpdesk.portal.callback_forms import NOW, SUBJECT_LENGTH, WINDOW, CallForm, ChangeForm, TimesForm
from helpdesk.portal.forms import LineField, TextField
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import Refused

FRESH = 5  # seconds between two looks at a call that goes on


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def callback(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The form; sending it makes one call, however often it is sent. Who waits for one sees that."""
    entitled = visitor.entitled(Channel.PHONE)
    if not entitled:
        return _no_calls(request, visitor)
    data = request.POST if request.method == "POST" else None
    again = _again(request, visitor)
    if data is None and (waiting := services.open_call(user=visitor.user, account=visitor.account)):
        messages.info(request, _("You have asked for a call already: here it is."))
        return redirect("portal:call", waiting.pk)
    form = _form(request, visitor, entitled, data, again)
    if data is not None and form.is_valid():
        return _send(request, visitor, form, entitled, again)
    return _page(request, visitor, form, {"again": again})


@require_safe
@portal_page
def promise(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What is promised for what is chosen; with `part=windows` the windows in the zone that is chosen."""
    entitled = visitor.entitled(Channel.PHONE)
    if not entitled:
        return _no_calls(request, visitor)
    form = _form(request, visitor, entitled, None, None, chosen=request.GET)
    part = "windows" if request.GET.get("part") == "windows" else "parts"
    return _render(request, f"portal/callback/{part}.html", form, {"visitor": visitor, "oob": True})


@require_safe
@portal_page
def call(request: HttpRequest, visitor: Visitor, call_id: int) -> HttpResponse:
    """How a call stands; `?part=1&seen=` only its panel, which follows by itself."""
    found = _call(visitor, call_id)
    context = _standing(found, visitor)
    if "part" in request.GET:
        context["has_moved"] = request.GET.get("seen", "") != context["stamp"]
    template = "portal/callback/panel.html" if "part" in request.GET else "portal/callback/call.html"
    with timezone.override(zone_of(found.time_zone)):
        return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def call_change(request: HttpRequest, visitor: Visitor, call_id: int) -> HttpResponse:
    """Another number, another time."""
    found = _call(visitor, call_id)
    if not found.is_open:
        messages.info(request, _("This call is over. Ask for a new one."))
        return redirect("portal:call", found.pk)
    hours = _hours_of(found, visitor)
    data = request.POST if request.method == "POST" else None
    zone = _zone(data.get("zone", "") if data else found.time_zone, visitor)
    initial = {"number": found.shown_number, "zone": zone, "when": WINDOW if found.begins_at else NOW}
    initial |= {"window": found.begins_at.isoformat()} if found.begins_at else {}
    zones = (found.time_zone, visitor.user.time_zone, visitor.account.time_zone)
    form = ChangeForm(data, initial=initial, hours=hours, zones=zones, zone_name=zone, now=visitor.now)
    if data is not None and form.is_valid():
        given = form.cleaned_data
        try:
            services.change(
                call=found,
                actor=visitor.user,
                number=given["number"],
                time_zone=given["zone"],
                window=form.chosen,
                now=visitor.now,
            )
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("portal:call", found.pk)
    return _render(request, "portal/callback/change.html", form, {"visitor": visitor, "call": found})


@require_POST
@portal_page
def call_now(request: HttpRequest, visitor: Visitor, call_id: int) -> HttpResponse:
    """Not at the next attempt, not in the window: now."""
    found = _call(visitor, call_id)
    try:
        if not _hours_of(found, visitor).can_call_now(visitor.now):
            raise Refused(_("Nobody can call at this hour. Choose a window."))
        services.change(
            call=found,
            actor=visitor.user,
            number=found.number,
            time_zone=found.time_zone,
            window=None,
            now=visitor.now,
        )
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("portal:call", found.pk)


@require_POST
@portal_page
def call_cancel(request: HttpRequest, visitor: Visitor, call_id: int) -> HttpResponse:
    found = _call(visitor, call_id)
    try:
        services.cancel(call=found, actor=visitor.user, now=visitor.now)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("portal:call", found.pk)


def last_call(ticket: Ticket, visitor: Visitor) -> CallRequest | None:
    """The call that this person asked for on a ticket, for the ticket's page. One query."""
    calls = CallRequest.objects.visible_to(visitor.user).filter(ticket=ticket)
    return calls.select_related("ticket").order_by("-id").first()


def _call(visitor: Visitor, call_id: int) -> CallRequest:
    related = ("ticket__merged_into", "ticket__hub", "clock", "taken_by", "account")
    calls = CallRequest.objects.visible_to(visitor.user).select_related(*related)
    return get_object_or_404(calls, pk=call_id if call_id.bit_length() < 64 else 0)


def _again(request: HttpRequest, visitor: Visitor) -> CallRequest | None:
    """The call of theirs that a new one is asked for instead of, while its ticket goes on."""
    text = request.POST.get("again") or request.GET.get("again") or ""
    if not (text.isdecimal() and len(text) < 19):
        return None
    calls = (
        CallRequest.objects.visible_to(visitor.user)
        .filter(account=visitor.account)
        .exclude(state__in=CallRequest.State.open())
    )
    return calls.select_related("ticket__hub").filter(pk=int(text)).first()


def _form(
    request: HttpRequest,
    visitor: Visitor,
    entitled: list[Entitlement],
    data: Any,
    again: CallRequest | None,
    *,
    chosen: Any = None,
) -> CallForm:
    """The form with what was sent, or begun with what is known; `chosen`: with what is filled in so far."""
    given = data or chosen or {}
    codes = [row.hub.pk for row in entitled]
    hub = given.get("hub") or request.GET.get("hub", "") or (again.ticket.hub_id if again else "")
    entitlement = next((row for row in entitled if row.hub.pk == hub), entitled[0])
    hours = hours_for(membership=visitor.membership, entitlement=entitlement, now=visitor.now)
    zone = _zone(given.get("zone", "") or (again.time_zone if again else ""), visitor)
    question = TextField(required=False).to_python(request.GET.get("q", "").replace("\x00", ""))
    topic = LineField(required=False).to_python(question) or (again.ticket.subject if again else "")
    now_possible = hours.can_call_now(visitor.now)
    initial = {
        "hub": hub if hub in codes else codes[0],
        "topic": topic[:SUBJECT_LENGTH],
        "details": question if len(topic) > SUBJECT_LENGTH else "",
        "number": shown(again.number if again else services.last_number(user=visitor.user)),
        "zone": zone,
        "when": given.get("when") or (NOW if now_possible else WINDOW),
        "window": given.get("window", ""),
    }
    zones = (zone, visitor.user.time_zone, visitor.account.time_zone)
    return CallForm(data, initial=initial, entitled=entitled, hours=hours, zones=zones, zone_name=zone, now=visitor.now)


def _zone(name: str, visitor: Visitor) -> str:
    """A zone by its name where there is one, else the person's, else the account's."""
    own = visitor.user.time_zone if visitor.user.time_zone != "UTC" else visitor.account.time_zone
    return name if name and zone_of(name).key == name else own


def _hours_of(found: CallRequest, visitor: Visitor) -> PhoneHours:
    """For a call that is there already, also where the package has run out since: what was promised stays."""
    membership = next((row for row in visitor.memberships if row.account_id == found.account_id), visitor.membership)
    ticket = found.ticket
    entitlement = Entitlement(
        subscription_id=0, hub=ticket.hub, tier=str(ticket.entitlement.get("tier", "")), channels=(), ends_on=None
    )
    return hours_for(membership=membership, entitlement=entitlement, now=visitor.now)


def _send(
    request: HttpRequest,
    visitor: Visitor,
    form: CallForm,
    entitled: list[Entitlement],
    again: CallRequest | None,
) -> HttpResponse:
    data = form.cleaned_data
    goes_on = again is not None and services.can_ask_again(again.ticket) and again.ticket.hub_id == data["hub"]
    new = services.NewCall(
        membership=visitor.membership,
        entitlement=next(row for row in entitled if row.hub.pk == data["hub"]),
        key=data["key"],
        subject=data["topic"],
        body=form.body,
        number=data["number"],
        time_zone=data["zone"],
        window=form.chosen,
        language=form.language,
        ticket=again.ticket if goes_on else None,
    )
    try:
        asked = services.ask(new=new, now=visitor.now)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, visitor, form, {"again": again})
    if asked.created:
        note_contacted(key=request.session.pop(CONSULTATION, ""), ticket=asked.call.ticket, user=visitor.user)
    else:
        messages.info(request, _("You have asked for a call already: here it is."))
    return redirect("portal:call", asked.call.pk)


def _page(request: HttpRequest, visitor: Visitor, form: CallForm, context: dict[str, Any]) -> HttpResponse:
    return _render(request, "portal/callback/ask.html", form, {"visitor": visitor, **context})


def _render(request: HttpRequest, template: str, form: TimesForm, context: dict[str, Any]) -> HttpResponse:
    """A page about times that are chosen: all of it in the zone that they are chosen in."""
    window = form.preview
    begin = window[0] if window else form.now
    promised = form.hours.promise_from(begin)
    context |= {
        "form": form,
        "now": form.now,
        "window": window,
        "promised": promised,
        "due_now": form.hours.promised.due_at if form.hours.promised and form.can_now else None,
        "has_times": form.can_now or bool(form.windows),
        "begin": begin,
        "phone_hours": hours_in_words(),
        "attempts": most_attempts(),
    }
    with timezone.override(zone_of(form.zone_name)):
        return render(request, template, context)


def _no_calls(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Which ways there are instead: never a dead form (SPEC 2.1). What was sent here is refused."""
    context = {
        "visitor": visitor,
        "can_write": bool(visitor.entitled(Channel.EMAIL)),
        "sales_contact": settings.SALES_CONTACT,
    }
    return render(request, "portal/callback/gate.html", context, status=403 if request.method == "POST" else 200)


def _standing(found: CallRequest, visitor: Visitor) -> dict[str, Any]:
    """What the page of a call says: its state, who calls, what was tried, and what comes next."""
    attempts = list(found.made.select_related("actor").order_by("order"))
    running = next((one for one in attempts if not one.outcome), None)
    tried = [one for one in attempts if one.outcome in CallAttempt.Outcome.counted()]
    return {
        "visitor": visitor,
        "now": visitor.now,
        "call": found,
        "state": found.shown_state,
        "clock": found.clock,
        "running": running,
        "tried": tried,
        "last": tried[-1] if tried else None,
        "answered": next((one for one in attempts if one.outcome == CallAttempt.Outcome.CONNECTED), None),
        "plan": _plan(found, tried),
        "number_of": len(tried) + 1,
        "most": most_attempts(),
        "ahead": _ahead(found) if found.state == CallRequest.State.WAITING and not tried else 0,
        "can_again": services.can_ask_again(found.ticket),
        "stamp": f"{found.shown_state}-{len(attempts)}-{found.callable_at.timestamp():.0f}",
        "fresh": FRESH,
        "wrong_number": bool(tried) and tried[-1].outcome == CallAttempt.Outcome.WRONG_NUMBER,
    }


def _plan(found: CallRequest, tried: list[CallAttempt]) -> list[tuple[datetime, int]]:
    """The attempts still to come, the next one first: when, and which one it is."""
    at, plan = found.callable_at, []
    for number in range(len(tried) + 1, most_attempts() + 1):
        plan.append((at, number))
        pauses = settings.CALLBACK_PAUSES[number - 1 :]
        at = at + timedelta(minutes=pauses[0]) if pauses else at
    return plan


def _ahead(found: CallRequest) -> int:
    """How many are to be called before this one, at most 20."""
    earlier = CallRequest.objects.to_make().filter(state=CallRequest.State.WAITING, callable_at__lt=found.callable_at)
    return earlier.exclude(pk=found.pk)[:20].count()
