"""Pages that tie tickets together: split off, linked, part of an incident, one reply to all of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.tickets import services
from helpdesk.tickets.incidents import Outcome, reply_to_all
from helpdesk.tickets.models import Message, Status, Ticket, TicketLink
from helpdesk.workspace.acting import act, act_page
from helpdesk.workspace.around import MOST_PARTS, candidates, open_incidents
from helpdesk.workspace.faces import open_faces
from helpdesk.workspace.organise_forms import IncidentReplyForm, LinkForm, OtherForm, SplitForm
from helpdesk.workspace.ticket_forms import ComposeForm, new_submission

MOST_TO_SPLIT = 100


class LinkPages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/split/", "split_view", "split"),
        ("<int:pk>/link/", "link_view", "link"),
        ("<int:pk>/unlink/", "unlink_view", "unlink"),
        ("<int:pk>/incident/", "incident_view", "incident"),
        ("<int:pk>/incident/leave/", "leave_view", "incident_leave"),
        ("<int:pk>/incident/reply/", "incident_reply_view", "incident_reply"),
    ]

    @act_page
    def split_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Choose messages and a subject; what it comes to is said before."""
        said = ticket.messages.exclude(kind=Message.Kind.NOTE).select_related("author").order_by("-created_at", "-id")
        said = list(said[:MOST_TO_SPLIT])
        sent = request.POST if request.method == "POST" else None
        form = SplitForm(sent, messages=said, initial={"submission": new_submission()})
        if form.is_bound and form.is_valid():
            values = {name: form.cleaned_data[name] for name in ("messages", "subject", "submission")}
            try:
                new = services.split(ticket=ticket, actor=request.user, now=timezone.now(), **values)
            except services.Refused as refused:
                form.add_error(None, str(refused))
            else:
                text = _("%(ticket)s is open. The customer has a confirmation of it.") % {"ticket": new.reference}
                self.message_user(request, text, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:helpdesk_ticket_change", args=[new.pk]))
        chosen = set(request.POST.getlist("messages"))
        context = {"form": form, "rows": [(message, str(message.pk) in chosen) for message in said]}
        return self.organise_page(
            request, ticket, "split", _("Split off a ticket"), context, status=422 if form.errors else 200
        )

    @act_page
    def link_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        sent = request.POST if request.method == "POST" else None
        form = LinkForm(sent, user=request.user, ticket=ticket)
        if form.is_bound and form.is_valid():
            other, kind = form.cleaned_data["other"], TicketLink.Kind(form.cleaned_data["kind"])
            try:
                services.link(ticket=ticket, other=other, kind=kind, actor=request.user, now=timezone.now())
            except services.Refused as refused:
                form.add_error("other", str(refused))
            else:
                return self.back(request, ticket)
        context = {"form": form, "candidates": candidates(ticket, user=request.user)}
        return self.organise_page(
            request, ticket, "link", _("Link to a ticket"), context, status=422 if form.errors else 200
        )

    @act
    def unlink_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        form = OtherForm(request.POST, user=request.user, ticket=ticket)
        if not form.is_valid():
            return self.back(request, ticket, error=" ".join(form.errors["other"]))
        other = form.cleaned_data["other"]
        return self.done(request, ticket, services.unlink, ticket=ticket, other=other)

    @act_page
    def incident_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Make it part of an incident."""
        form = OtherForm(request.POST if request.method == "POST" else None, user=request.user, ticket=ticket)
        if form.is_bound and form.is_valid():
            incident = form.cleaned_data["other"]
            try:
                services.join_incident(ticket=ticket, incident=incident, actor=request.user, now=timezone.now())
            except services.Refused as refused:
                form.add_error("other", str(refused))
            else:
                return self.back(request, ticket)
        context = {
            "form": form,
            "incidents": open_incidents(ticket, user=request.user),
            "candidates": candidates(ticket, user=request.user),
        }
        return self.organise_page(
            request, ticket, "incident", _("Make it part of an incident"), context, status=422 if form.errors else 200
        )

    @act
    def leave_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Take this ticket, or with `part` one that hangs on it, out of its incident."""
        part = ticket
        if "part" in request.POST:
            form = OtherForm({"other": request.POST["part"]}, user=request.user, ticket=ticket)
            if not form.is_valid() or form.cleaned_data["other"].parent_id != ticket.pk:
                return self.back(request, ticket, error=_("It is not part of this incident any more."))
            part = form.cleaned_data["other"]
        return self.done(request, ticket, services.leave_incident, ticket=part)

    @act_page
    def incident_reply_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """One public reply to the incident and the tickets that hang on it, with an account of who got it."""
        everyone = [ticket, *_parts(request, ticket)]
        sent = request.POST if request.method == "POST" else None
        initial = {"submission": new_submission(), "status": Status.WAITING}
        form = IncidentReplyForm(sent, tickets=[row.pk for row in everyone], initial=initial)
        if form.is_bound and form.is_valid():
            said = form.cleaned_data
            outcomes = reply_to_all(
                tickets=[row for row in everyone if row.pk in said["tickets"]],
                body=said["body"],
                status=Status(said["status"]),
                actor=request.user,
                submission=said["submission"],
                now=timezone.now(),
            )
            context = {"outcomes": outcomes, "count": sum(row.is_sent for row in outcomes)}
            return self.organise_page(request, ticket, "incident_sent", _("Reply to all of the incident"), context)
        return self._incident_form(request, ticket, form, everyone)

    def also_to_incident(self, request: HttpRequest, ticket: Ticket, form: ComposeForm) -> HttpResponse:
        """What the reply box said on the incident goes to the tickets that hang on it, of those that it offered."""
        said, now = form.cleaned_data, timezone.now()
        parts = [part for part in _parts(request, ticket) if part.pk in said["also"]]
        outcomes = reply_to_all(
            tickets=parts,
            body=said["body"],
            status=Status(said["status"] or Status.OPEN),
            actor=request.user,
            submission=said["submission"],
            now=now,
        )
        outcomes = [Outcome(ticket=ticket), *outcomes]
        context = {"outcomes": outcomes, "count": sum(row.is_sent for row in outcomes)}
        return self.organise_page(request, ticket, "incident_sent", _("Reply to all of the incident"), context)

    def _incident_form(
        self, request: HttpRequest, ticket: Ticket, form: IncidentReplyForm, everyone: list[Ticket]
    ) -> HttpResponse:
        faces = open_faces(ticket_ids=[row.pk for row in everyone], now=timezone.now())
        chosen = request.POST.getlist("tickets")
        rows = [
            {"ticket": row, "face": faces.get(row.pk), "is_on": not form.is_bound or str(row.pk) in chosen}
            for row in everyone
        ]
        status = 422 if form.errors else 200
        context: dict[str, Any] = {"form": form, "rows": rows}
        return self.organise_page(
            request, ticket, "incident_reply", _("Reply to all of the incident"), context, status=status
        )


def _parts(request: HttpRequest, ticket: Ticket) -> list[Ticket]:
    """The tickets that hang on this one and take messages."""
    seen = Ticket.objects.visible_to(request.user).select_related("account", "requester", "hub")
    parts = seen.filter(parent=ticket).exclude(status__in=(Status.MERGED, Status.SPAM)).order_by("pk")
    return list(parts[:MOST_PARTS])
