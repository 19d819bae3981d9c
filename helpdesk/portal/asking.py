"""Write to a specialist: the form, its promise before sending, and the sending (SPEC 2.7)."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from helpdesk.core import moments
from helpdesk.core.channels import Channel
from helpdesk.knowledge.services import note_contacted
from helpdesk.portal.access import CONSULTATION, Visitor, portal_page
from helpdesk.portal.drafts import Desk
from helpdesk.portal.forms import SUBJECT_LENGTH, LineField, TextField, TicketForm
from helpdesk.portal.promises import Offers, may_claim, offers
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.intake import receive
from helpdesk.tickets.models import Claim, InboundMessage, Source, Ticket
from helpdesk.tickets.services import FormCrossed, NewTicket, Refused
from helpdesk.tickets.services.form_drafts import external_id


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def ticket_new(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The form; sending it makes one ticket, however often *Send* is pressed."""
    entitled = visitor.entitled(Channel.EMAIL)
    if not entitled:
        return no_premium(request, visitor)
    desk = Desk(request, visitor)
    if answer := desk.press():
        return answer
    data = request.POST if desk.is_sending else None
    form = TicketForm(
        data,
        initial=None if data else desk.initial() or _initial(request, entitled),
        entitled=entitled,
        may_claim=may_claim(visitor.membership),
        now=visitor.now,
        own=visitor.user.email,
    )
    if data is not None:
        desk.follow(form)
        is_fine = desk.has_all_files and form.is_valid()
        if is_fine and not form.needs_warning:
            return _send(desk, form, entitled)
        if desk.crosses(form):
            return _page(desk, form, entitled)
        if form.key_is_valid and (ticket := _sent_before(visitor, desk.key)):
            return _again(desk, form, entitled, ticket)
        desk.check(form)
        if is_fine:
            form.warn()
        desk.keep()
    return _page(desk, form, entitled)


def _again(desk: Desk, form: TicketForm, entitled: list[Entitlement], ticket: Ticket) -> HttpResponse:
    """The same text leads to its ticket; another one (*back* in the browser, then changed) stays in the form."""
    messages.info(desk.request, _("This was sent already: it is %(reference)s.") % {"reference": ticket.reference})
    if form.is_valid() and (desk.files or desk.refused or not _says_the_same(form, ticket)):
        desk.renew(form)
        desk.check(form)
        return _page(desk, form, entitled)
    return redirect("portal:ticket", ticket.pk)


def _says_the_same(form: TicketForm, ticket: Ticket) -> bool:
    said = form.cleaned_data
    first = ticket.messages.order_by("id").values_list("body", flat=True).first()
    claimed = ticket.claim != Claim.NONE
    return (said["hub"], said["subject"], said["body"], bool(said.get("critical"))) == (
        ticket.hub_id,
        ticket.subject,
        first,
        claimed,
    )


@require_GET
@portal_page
def promise(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The promise for the hub that was chosen, as a fragment of the form's page."""
    entitled = visitor.entitled(Channel.EMAIL)
    if not entitled:
        return no_premium(request, visitor)
    context = _promise(visitor, entitled, request.GET.get("hub", ""))
    return render(request, "portal/parts/offers.html", context | {"visitor": visitor, "is_fragment": True})


def no_premium(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Which hubs are covered, and how to buy: never a dead form (SPEC 2.1). What was sent here is refused."""
    context = {
        "visitor": visitor,
        "hubs": Hub.objects.all(),
        "sales_contact": settings.SALES_CONTACT,
        "has_tickets": Ticket.objects.visible_to(visitor.user).filter(account=visitor.account).exists(),
    }
    return render(request, "portal/gate_no_premium.html", context, status=403 if request.method == "POST" else 200)


def _initial(request: HttpRequest, entitled: list[Entitlement]) -> dict[str, str]:
    """From the home page's question: a short one becomes the subject, a long one the text, too."""
    question = TextField(required=False).to_python(request.GET.get("q", "").replace("\x00", ""))
    subject = LineField(required=False).to_python(question)
    initial = {"subject": subject[:SUBJECT_LENGTH], "body": question if len(subject) > SUBJECT_LENGTH else ""}
    hub = request.GET.get("hub", "")
    return initial | ({"hub": hub} if any(row.hub.pk == hub for row in entitled) else {})


def _page(desk: Desk, form: TicketForm, entitled: list[Entitlement]) -> HttpResponse:
    visitor = desk.visitor
    context = _promise(visitor, entitled, form["hub"].value() or "")
    form.explain_critical(context["offers"])
    context |= {
        "visitor": visitor,
        "form": form,
        "now": visitor.now,
        "can_phone": any(row.includes(Channel.PHONE) for row in entitled),
        **desk.context(form),
    }
    return render(desk.request, "portal/ticket_new.html", context)


def _promise(visitor: Visitor, entitled: list[Entitlement], hub_code: str) -> dict[str, Any]:
    """The offers for a hub of the account; for an unknown or no hub, those for its first one."""
    codes = [row.hub.pk for row in entitled]
    chosen: Offers = offers(visitor=visitor, hub_code=hub_code if hub_code in codes else codes[0])
    return {"offers": chosen, "now": visitor.now}


def _sent_before(visitor: Visitor, key: str) -> Ticket | None:
    inbound = (
        InboundMessage.objects.filter(channel=Source.FORM, external_id=external_id(visitor.user, key))
        .exclude(ticket=None)
        .select_related("ticket")
        .first()
    )
    return inbound.ticket if inbound else None


def _send(desk: Desk, form: TicketForm, entitled: list[Entitlement]) -> HttpResponse:
    """The ticket, the end of its draft, and what became of the question: all of it or none. Whether it was sent
    before, the database says as it takes it in."""
    request, visitor = desk.request, desk.visitor
    data = form.cleaned_data
    new = NewTicket(
        membership=visitor.membership,
        entitlement=next(row for row in entitled if row.hub.pk == data["hub"]),
        subject=data["subject"],
        body=data["body"],
        critical=bool(data.get("critical")),
        claim_facts=form.claim_facts,
        cc=data["cc"],
        language=form.language,
        attachments=desk.files,
    )
    asked = request.session.get(CONSULTATION, "")
    try:
        with transaction.atomic():
            external = external_id(visitor.user, desk.key)
            receipt = receive(source=Source.FORM, external_id=external, new=new, now=visitor.now)
            if receipt.created:
                desk.sent()
                if asked:
                    note_contacted(key=asked, ticket=receipt.ticket, user=visitor.user)
    except FormCrossed:
        return _page(desk, form, entitled) if desk.crosses(form) else _send(desk, form, entitled)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(desk, form, entitled)
    if not receipt.created:
        desk.look_again()
        return _again(desk, form, entitled, receipt.ticket)
    if asked:
        del request.session[CONSULTATION]
    words = {"time": moments.clock(visitor.now), "reference": receipt.ticket.reference}
    messages.success(request, _("Sent at %(time)s. Your ticket is %(reference)s.") % words)
    return redirect("portal:ticket", receipt.ticket.pk)
