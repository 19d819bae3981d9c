"""Small acts that put one ticket in order: handed out, renamed, tagged, watched; its fields, its time."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.presence import people_present
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket, TimeEntry
from helpdesk.workspace.acting import act, act_page
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.organise_forms import HandOutForm, SubjectForm, TimeForm
from helpdesk.workspace.rights import Act, may


class OrganisePages:
    """For the ticket's admin. What was refused is shown beside its field, with all that was typed."""

    ROUTES = [
        ("<int:pk>/hand-out/", "hand_out_view", "hand_out"),
        ("<int:pk>/subject/", "subject_view", "subject"),
        ("<int:pk>/tags/", "tags_view", "tags"),
        ("<int:pk>/fields/", "fields_view", "fields"),
        ("<int:pk>/time/", "time_view", "time"),
        ("<int:pk>/time/strike/", "strike_view", "time_strike"),
        ("<int:pk>/watch/", "watch_view", "watch"),
    ]

    def organise_page(
        self, request: HttpRequest, ticket: Ticket, name: str, title: str, context: dict[str, Any], *, status: int = 200
    ) -> HttpResponse:
        """A page of one act on a ticket: its template, its heading, what it shows."""
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "ticket": ticket, "title": title}
        template = f"admin/helpdesk/ticket/organise/{name}.html"
        return TemplateResponse(request, template, {**shared, "now": timezone.now(), **context}, status=status)

    def done(self, request: HttpRequest, shown: Ticket, verb: Callable[..., Any], /, **values: Any) -> HttpResponse:
        """Do it, and back to the ticket that was shown; with what was said against it where it was refused."""
        try:
            verb(actor=request.user, now=timezone.now(), **values)
        except services.Refused as refused:
            return self.back(request, shown, error=str(refused))
        return self.back(request, shown)

    @act
    def hand_out_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Give it to somebody by load or by turn; for who may assign to others."""
        if not may(request.user, Act.CHANGE, "assign_others"):
            raise PermissionDenied
        form = HandOutForm(request.POST)
        if not form.is_valid():
            return self.back(request, ticket, error=_("Choose how it is handed out. Nothing was changed."))
        how = services.How(form.cleaned_data["how"])
        return self.done(request, ticket, services.hand_out, ticket=ticket, how=how, present=people_present())

    @act_page
    def subject_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        sent = request.POST if request.method == "POST" else None
        form = SubjectForm(sent, initial={"subject": ticket.subject})
        if form.is_bound and form.is_valid():
            subject = form.cleaned_data["subject"]
            try:
                services.change_subject(ticket=ticket, subject=subject, actor=request.user, now=timezone.now())
            except services.Refused as refused:
                form.add_error("subject", str(refused))
            else:
                return self.back(request, ticket)
        return self.organise_page(
            request, ticket, "subject", _("Change the subject"), {"form": form}, status=422 if form.errors else 200
        )

    @act
    def tags_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Several at once, with commas between."""
        typed = request.POST.get("add", "")
        add = [name.strip() for name in typed.replace("、", ",").split(",") if name.strip()]
        remove = request.POST.getlist("remove")
        try:
            services.change_tags(ticket=ticket, add=add, remove=remove, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            return self.page(request, ticket, organising={"tags": {"text": typed, "error": str(refused)}})
        return self.back(request, ticket)

    @act
    def fields_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Only what was changed on this screen is set: a colleague's change of another field stays."""
        codes = [name.removeprefix("was-") for name in request.POST if name.startswith("was-")]
        sent = {code: request.POST.get(f"f-{code}", "") for code in codes}
        changed = {code: text for code, text in sent.items() if text != request.POST[f"was-{code}"]}
        errors = {}
        for one in services.fields_of(ticket.hub_id):
            if one.code in changed:
                try:
                    services.read_value(one, changed[one.code])
                except services.WrongValue as wrong:
                    errors[one.code] = str(wrong)
        if not errors:
            try:
                services.set_fields(ticket=ticket, values=changed, actor=request.user, now=timezone.now())
            except services.WrongValue as wrong:
                errors[wrong.field] = str(wrong)
        if errors:
            gone = " ".join(text for code, text in errors.items() if code not in codes)
            refused = {"sent": request.POST, "errors": errors, "error": gone}
            return self.page(request, ticket, organising={"fields": refused})
        return self.back(request, ticket)

    @act
    def time_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        form = TimeForm(request.POST)
        if not form.is_valid():
            return self.page(request, ticket, organising={"time": form})
        return self.done(request, ticket, services.add_time, ticket=ticket, **form.cleaned_data)

    @act
    def strike_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        entries = TimeEntry.objects.filter(ticket=ticket, pk__in=numbers([request.POST.get("entry", "")]))
        entry = entries.select_related("ticket").first()
        if entry is None:
            return self.back(request, ticket, error=_("There is no such entry."))
        return self.done(request, ticket, services.strike_time, entry=entry)

    @act
    def watch_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        if request.POST.get("watch") == "no":
            services.unwatch(ticket=ticket, user=request.user)
        else:
            services.watch(ticket=ticket, user=request.user, now=timezone.now())
        return self.back(request, ticket)
