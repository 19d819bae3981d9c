"""Pages that ask before a ticket ends for good: merged into another one, marked as spam, and back from there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.tickets import services
from helpdesk.tickets.models import Message, Status, Ticket
from helpdesk.workspace.acting import act_page
from helpdesk.workspace.around import candidates
from helpdesk.workspace.faces import Faces
from helpdesk.workspace.organise_forms import OtherForm, ReasonForm

LONGEST_EXCERPT = 240


class MergePages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/merge/", "merge_view", "merge"),
        ("<int:pk>/spam/", "spam_view", "spam"),
        ("<int:pk>/not-spam/", "not_spam_view", "not_spam"),
    ]

    @act_page
    def merge_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Choose the other ticket (`?other=`), see what becomes of both, say why. `?keep=1` keeps this one."""
        choice = OtherForm(request.GET if "other" in request.GET else None, user=request.user, ticket=ticket)
        choice.is_valid()
        reason = ReasonForm(request.POST if request.method == "POST" and choice.chosen else None)
        keeps = request.GET.get("keep") == "1"
        goes, stays = (choice.chosen, ticket) if keeps else (ticket, choice.chosen)
        refused = ""
        if reason.is_bound and reason.is_valid():
            why = reason.cleaned_data["reason"]
            try:
                services.merge(ticket=goes, into=stays, actor=request.user, reason=why, now=timezone.now())
            except services.Refused as error:
                refused = str(error)
            else:
                words = {"ticket": goes.reference, "into": stays.reference}
                self.message_user(request, _("%(ticket)s is merged into %(into)s.") % words, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:helpdesk_ticket_change", args=[stays.pk]))
        context = {"choice": choice, "reason": reason, "goes": goes, "stays": stays, "keeps": keeps, "refused": refused}
        if choice.chosen:
            context |= _foreseen(goes, stays, request) if not refused else {}
            context["sides"] = _sides(goes, stays, context.get("fates", []))
        else:
            context["candidates"] = candidates(ticket, user=request.user)
        wrong = choice.errors or reason.errors or context["refused"]
        return self.organise_page(request, ticket, "merge", _("Merge"), context, status=422 if wrong else 200)

    @act_page
    def spam_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        form, refused = ReasonForm(request.POST if request.method == "POST" else None), ""
        if form.is_bound and form.is_valid():
            why = form.cleaned_data["reason"]
            try:
                services.mark_spam(ticket=ticket, actor=request.user, reason=why, now=timezone.now())
            except services.Refused as error:
                refused = str(error)
            else:
                return self.back(request, ticket)
        now = timezone.now()
        clocks = ticket.clocks.unanswered().select_related("calendar_version").order_by("id")
        context = {"reason": form, "refused": refused, "clocks": [Faces(now=now).of(clock) for clock in clocks]}
        wrong = form.errors or refused
        return self.organise_page(request, ticket, "spam", _("Mark as spam"), context, status=422 if wrong else 200)

    @act_page
    def not_spam_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        refused = ""
        if request.method == "POST":
            try:
                services.not_spam(ticket=ticket, actor=request.user, now=timezone.now())
            except services.Refused as error:
                refused = str(error)
            else:
                return self.back(request, ticket)
        elif ticket.status != Status.SPAM:
            return self.back(request, ticket, error=_("This ticket is not spam."))
        context = {"refused": refused}
        return self.organise_page(request, ticket, "not_spam", _("Not spam"), context, status=422 if refused else 200)


def _foreseen(goes: Ticket, stays: Ticket, request: HttpRequest) -> dict[str, Any]:
    """What the merge would do to the clocks; or why it cannot be."""
    try:
        fates = services.preview_merge(ticket=goes, into=stays, actor=request.user, now=timezone.now())
    except services.Refused as error:
        return {"refused": str(error)}
    return {"fates": fates}


def _sides(goes: Ticket, stays: Ticket, fates: list[services.Fated]) -> list[dict[str, Any]]:
    """Both tickets with their clocks, side by side."""
    faces = Faces(now=timezone.now())
    said = Message.objects.filter(ticket__in=(goes, stays)).exclude(kind=Message.Kind.NOTE)
    last = {message.ticket_id: message for message in said.order_by("ticket", "-created_at").distinct("ticket")}
    return [
        {
            "ticket": ticket,
            "stays": ticket is stays,
            "clocks": [
                {"face": faces.of(row.clock), "fate": row.fate} for row in fates if row.clock.ticket_id == ticket.pk
            ],
            "last": last.get(ticket.pk),
        }
        for ticket in (goes, stays)
    ]
