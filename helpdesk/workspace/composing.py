"""The reply box of a ticket's page: drafts, sending and taking back, replies that crossed another, the preview."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.core.zones import zone_of
from helpdesk.notifications import rendering
from helpdesk.tickets import mails, services
from helpdesk.tickets.models import Draft, Message, Ticket
from helpdesk.workspace import going_on
from helpdesk.workspace.acting import act
from helpdesk.workspace.conversation import Conversation, Entry, answerable
from helpdesk.workspace.files import take_files, waiting_for
from helpdesk.workspace.ticket_forms import ComposeForm, DraftForm, new_submission
from helpdesk.workspace.ticket_page import next_in_view
from helpdesk.workspace.wording import instant

MOST_ELSEWHERE = 3


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's script asks, and not a form."""
    return "application/json" in request.headers.get("Accept", "")


def composer(request: HttpRequest, ticket: Ticket, *, talk: Conversation, form: ComposeForm | None) -> dict[str, Any]:
    """What the reply box shows: what was typed or drafted, and what is on its way, of other tickets too. One query."""
    reader = request.user
    own, here, leaves = Q(user=reader), Q(ticket=ticket), Q(leaves_at__isnull=False)
    rows = Draft.objects.filter(here & own | leaves & (here | own)).select_related("user")
    drafts = list(rows.order_by("leaves_at", "id"))
    elsewhere = [draft for draft in drafts if draft.ticket_id != ticket.pk]
    drafts = [draft for draft in drafts if draft.ticket_id == ticket.pk]
    mine = next((draft for draft in drafts if draft.user_id == reader.pk), None)
    leaving = mine if mine is not None and mine.leaves_at else None
    draft = mine if leaving is None else None
    if form is None:
        form = ComposeForm(initial=_initial(draft, seen=talk.last))
    return {
        "compose": form,
        "draft": draft,
        "leaving": leaving,
        "leaving_elsewhere": elsewhere[:MOST_ELSEWHERE],
        "leaving_entry": _as_entry(leaving, [file for file in talk.waiting if _goes_with(file, leaving)]),
        "others_leaving": [row for row in drafts if row.leaves_at and row is not leaving],
        "waiting_files": [file for file in talk.waiting if not _goes_with(file, leaving)],
        "goes_on": request.POST.get("then") == going_on.NEXT if form.is_bound else going_on.is_usual(request),
        "undo_seconds": settings.REPLY_UNDO_SECONDS,
        "saved_at": form["saved_at"].value() or "",
    }


def _initial(draft: Draft | None, *, seen: int) -> dict[str, Any]:
    initial = {"kind": "reply", "submission": new_submission(), "seen_message": seen}
    if draft is not None:
        initial |= {"kind": draft.kind, "body": draft.body, "saved_at": draft.saved_at.isoformat()}
    return initial


def _as_entry(leaving: Draft | None, files: list[Any]) -> Entry | None:
    """What is on its way, as it will stand in the conversation."""
    if leaving is None:
        return None
    message = Message(
        ticket=leaving.ticket, kind=leaving.kind, author=leaving.user, body=leaving.body, created_at=leaving.leaves_at
    )
    return Entry(message=message, files=files)


def _goes_with(file: Any, leaving: Draft | None) -> bool:
    return leaving is not None and file.created_at <= leaving.saved_at


class ComposingPages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/reply/", "reply_view", "reply"),
        ("<int:pk>/note/", "note_view", "note"),
        ("<int:pk>/draft/", "draft_view", "draft"),
        ("<int:pk>/draft/discard/", "discard_view", "discard"),
        ("<int:pk>/undo/", "undo_view", "undo"),
        ("<int:pk>/preview/", "preview_view", "preview"),
    ]

    @act
    def reply_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Send a public reply. A form whose switch says *internal note* never becomes one."""
        return self._say(request, ticket, kind=Message.Kind.REPLY)

    @act
    def note_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        return self._say(request, ticket, kind=Message.Kind.NOTE)

    def _say(self, request: HttpRequest, ticket: Ticket, *, kind: Message.Kind) -> HttpResponse:
        form = ComposeForm(request.POST)
        take_files(request, ticket, form)
        if form.is_valid() and kind == Message.Kind.REPLY and form.cleaned_data["kind"] == "note":
            form.add_error(None, _("This was marked as an internal note, so it was not sent. Choose again."))
        if not form.is_valid():
            return self.page(request, ticket, compose=form)
        form.cleaned_data["kind"] = kind
        on = going_on.is_wanted(request, kind=kind)
        onward = next_in_view(request, ticket) if on else None  # before it leaves the view, or changes place
        also = kind == Message.Kind.REPLY and form.cleaned_data["also"]
        undo = timedelta(seconds=0 if also else settings.REPLY_UNDO_SECONDS)
        try:
            sent = services.send(ticket=ticket, actor=request.user, typed=form.typed, undo=undo, now=timezone.now())
        except services.Crossed as crossed:
            return self._crossed(request, ticket, form, crossed)
        except services.SentBefore as before:
            if not also:
                return self._sent_before(request, ticket, form, before.message)
        except services.Refused as refused:
            form.add_error(None, str(refused))
            return self.page(request, ticket, compose=form)
        if also:
            return self.also_to_incident(request, ticket, form)
        return self._after_sending(request, ticket, sent, kind=kind, on=on, onward=onward)

    def _after_sending(
        self, request: HttpRequest, ticket: Ticket, sent: services.Sent, *, kind: str, on: bool, onward: int | None
    ) -> HttpResponse:
        """Back to the ticket, or on to the next one; where one goes is remembered with a reply."""
        if on:
            said = going_on.said_of(ticket, kind=kind, is_leaving=sent.draft is not None, pressed=sent.pressed)
            answer = going_on.go_on(request, ticket, onward=onward, said=said)
        else:
            if sent.pressed:
                text = _("It left at once: less than a minute was left of a deadline that it answers.")
                self.message_user(request, text, messages.WARNING)
            answer = self.back(request, ticket)
        return going_on.remember(answer, request) if kind == Message.Kind.REPLY else answer

    def _crossed(
        self, request: HttpRequest, ticket: Ticket, form: ComposeForm, crossed: services.Crossed
    ) -> HttpResponse:
        """Show what came in, keep what was typed as a draft, and ask."""
        now = timezone.now()
        services.save_draft(ticket=ticket, actor=request.user, typed=form.typed, known=None, now=now, overwrite=True)
        seen = max(message.pk for message in crossed.messages)
        form.crossed = [Entry(message=message) for message in crossed.messages]
        form.put(seen_message=seen, saved_at=now.isoformat())
        return self.page(request, ticket, compose=form)

    def _sent_before(self, request: HttpRequest, ticket: Ticket, form: ComposeForm, sent: Message) -> HttpResponse:
        """The same form again: nothing to do if it says the same, else the person decides."""
        if (sent.kind, sent.body) == (form.cleaned_data["kind"], form.cleaned_data["body"]):
            return self.back(request, ticket)
        form.put(submission=new_submission())
        form.add_error(None, _("An earlier text was sent with this form already. Send again to add this one."))
        return self.page(request, ticket, compose=form)

    @act
    def draft_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Keep what is typed: for the script as JSON, for a form with the page."""
        form = DraftForm(request.POST)
        take_files(request, ticket, form)
        if not form.is_valid():
            return self._not_kept(request, ticket, form, status=422)
        try:
            draft = services.save_draft(
                ticket=ticket,
                actor=request.user,
                typed=form.typed,
                known=form.cleaned_data["saved_at"],
                overwrite=form.cleaned_data["overwrite"],
                now=timezone.now(),
            )
        except services.Stale as stale:
            form.stale = stale.draft
            return self._not_kept(request, ticket, form, status=409)
        except services.Leaving as leaving:
            form.add_error(None, str(leaving))
            return self._not_kept(request, ticket, form, status=409)
        if not wants_json(request):
            return self.back(request, ticket)
        if draft is None:
            return JsonResponse({"saved_at": "", "words": ""})
        words = _("Draft saved %(at)s") % {"at": instant(draft.saved_at)}
        return JsonResponse({"saved_at": draft.saved_at.isoformat(), "words": words})

    def _not_kept(self, request: HttpRequest, ticket: Ticket, form: DraftForm, *, status: int) -> HttpResponse:
        if form.stale is not None:
            form.put(saved_at=form.stale.saved_at.isoformat())
        if not wants_json(request):
            return self.page(request, ticket, compose=form)
        if form.stale is not None:
            part = render_to_string("admin/helpdesk/ticket/_stale.html", {"stale": form.stale}, request)
            return JsonResponse({"saved_at": form.stale.saved_at.isoformat(), "stale": part}, status=status)
        words = " ".join(error for errors in form.errors.values() for error in errors)
        return JsonResponse({"words": words, "again": status == 409}, status=status)

    @act
    def discard_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        services.discard_draft(ticket=ticket, actor=request.user)
        return self.back(request, ticket)

    @act
    def undo_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """What was sent a moment ago is back in the box."""
        try:
            services.take_back(ticket=ticket, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            return self.back(request, ticket, error=str(refused))
        self.message_user(request, _("It was not sent. The text is back in the box."), messages.SUCCESS)
        return self.back(request, ticket)

    @act
    def preview_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """The mail that the customer would get, in their language and time zone. Nothing is written."""
        context = {
            "title": _("Preview"),
            "ticket": ticket,
            **_as_mail(request.user, ticket, request.POST.get("body", "")),
        }
        if wants_json(request):
            return render(request, "admin/helpdesk/ticket/_preview.html", context)
        context |= {**self.admin_site.each_context(request), "opts": self.opts}
        return render(request, "admin/helpdesk/ticket/preview.html", context)


def _as_mail(writer: User, ticket: Ticket, body: str) -> dict[str, Any]:
    now = timezone.now()
    message = Message(ticket=ticket, kind=Message.Kind.REPLY, author=writer, body=body.replace("\r\n", "\n").strip())
    quoted = ticket.messages.filter(kind=Message.Kind.CUSTOMER).last()
    clock = answerable(ticket.clocks.all())
    files = waiting_for(writer, ticket)
    found = mails.reply(ticket=ticket, message=message, clock=clock, thread=None, quoted=quoted, files=files, now=now)
    if not found:
        return {"mail": None}
    mail = found[0]
    with translation.override(mail.language), timezone.override(zone_of(mail.time_zone)):
        values = rendering.values(mail)
        subject = render_to_string("mail/reply.subject.txt", values).strip()
        html = render_to_string("admin/helpdesk/ticket/_mail.html", values)
    return {"mail": mail, "subject": subject, "html": html, "sender": settings.DEFAULT_FROM_EMAIL}
