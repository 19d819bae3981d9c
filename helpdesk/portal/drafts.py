"""What stands around a customer's form: its draft and its files, with and without script (decision 21)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from helpdesk.core import moments
from helpdesk.portal.access import Visitor, choose_account, portal_page
from helpdesk.portal.formkeys import FILES, KEY, REPLY_FIELDS, TICKET_FIELDS, new_key
from helpdesk.portal.lost import sign_writer, tab_of, take_typed
from helpdesk.tickets import services
from helpdesk.tickets.file_kinds import clean_name
from helpdesk.tickets.models import Attachment, FormDraft, Ticket
from helpdesk.tickets.services import Refused
from helpdesk.tickets.services.files import size_limit
from helpdesk.tickets.services.form_drafts import Tab

MOST_OTHERS = 3


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was not taken, and why."""

    name: str
    text: str


class Desk:
    """One form with its draft and its files, for the page that shows it."""

    def __init__(
        self, request: HttpRequest, visitor: Visitor, *, ticket: Ticket | None = None, is_bystander: bool = False
    ) -> None:
        """`is_bystander`: what was posted is another form of the page."""
        self.request, self.visitor, self.ticket = request, visitor, ticket
        self.is_posted = request.method == "POST" and not is_bystander
        self.fields = TICKET_FIELDS if ticket is None else REPLY_FIELDS
        self.draft: FormDraft | None = None
        self.refused: list[RefusedFile] = []
        key = request.POST.get("key", "") if self.is_posted else ""
        self.key = key if KEY.fullmatch(key) else new_key()
        self.tab = tab_of(request) if self.is_posted else Tab()
        self.theirs: FormDraft | None = None  # what another window made of this draft meanwhile
        self.is_held_back = False  # what was sent is shown once more for that reason

    def _drop(self, key: str, tab: str) -> None:
        """Throw the other window's text away, if it is still that window's."""
        if KEY.fullmatch(key) and key != self.key:
            services.discard_form(user=self.visitor.user, key=key, tab=Tab(tab))

    @property
    def is_sending(self) -> bool:
        """A POST that sends; *Remove*, *Keep as draft* and *Throw the other text away* are none."""
        return self.is_posted and not {"remove", "draft", "drop"} & set(self.request.POST)

    def page(self, part: str = "") -> str:
        if self.ticket is None:
            return reverse(f"portal:ticket_new{part}")
        return reverse(f"portal:ticket{part}", args=[self.ticket.pk])

    def press(self) -> HttpResponse | None:
        """Do what a button beside *Send* is for, and put up the files that came with the form."""
        if not self.is_posted:
            return self._come_back()
        if "discard" in self.request.POST:
            services.discard_form(user=self.visitor.user, key=self.key, tab=self.tab)
            return redirect(self.page() + ("#reply" if self.ticket else "?fresh=1"))
        self.take_files()
        if not self.is_sending:
            self._drop(*self.request.POST.get("drop", "").partition(".")[::2])
            file_id = self.request.POST.get("remove", "")
            if file_id.isascii() and file_id.isdecimal() and len(file_id) < 19:
                services.remove_form_file(actor=self.visitor.user, file_id=int(file_id))
            if services.form_is_sent(user=self.visitor.user, key=self.key):
                self._move(self.free_key())
            self.keep()
        return None

    def initial(self) -> dict[str, str]:
        """What the form begins with: what stands in it where nothing is sent, or the draft."""
        if self.is_posted:
            return {**self._typed(), "key": self.key}
        if self._wants_fresh:
            return {}
        self.draft = services.form_draft(**self._mine, key=self.request.GET.get("draft", "").replace("\x00", "")[:40])
        if self.draft is None:
            return {}
        self.key, self.tab = self.draft.key, Tab(seen=self.draft.tab)
        return {**self.draft.values, "key": self.key}

    def take_files(self) -> list[Attachment]:
        """Put up what the form brought along; what is not taken is in `refused`."""
        taken = []
        for upload in self.request.FILES.getlist(FILES):
            try:
                taken.append(
                    services.attach_file(
                        ticket=self.ticket,
                        actor=self.visitor.user,
                        upload=upload,
                        now=self.visitor.now,
                        form_key=self.key,
                    )
                )
            except Refused as refused:
                self.refused.append(RefusedFile(clean_name(upload.name or ""), str(refused)))
        return taken

    @cached_property
    def files(self) -> list[Attachment]:
        """The files that wait for this form. One in which a virus was found meanwhile is thrown away, and said."""
        rows = services.waiting_files(user=self.visitor.user, key=self.key, ticket=self.ticket)
        for file in rows:
            if file.is_infected:
                services.remove_form_file(actor=self.visitor.user, file_id=file.pk)
                words = {"name": file.name, "threat": file.threat}
                text = _("%(name)s was taken off: it holds a virus (%(threat)s). Send another copy.") % words
                self.refused.append(RefusedFile(file.name, text))
        return [file for file in rows if not file.is_infected]

    def follow(self, form: Any) -> None:
        """A form whose key was none has got one: what came with it goes along."""
        old, self.key = self.key, form.data["key"]
        if old != self.key and self.request.FILES:
            services.take_over_files(user=self.visitor.user, old=old, new=self.key, ticket=self.ticket)

    def look_again(self) -> None:
        """Read the files anew: others have had a hand in them."""
        vars(self).pop("files", None)

    @property
    def has_all_files(self) -> bool:
        """Whether every file that came is there, and harmless."""
        _files = self.files
        return not self.refused

    def check(self, form: Any) -> bool:
        """Whether all files are in order; if not, the form says so."""
        is_fine = self.has_all_files
        for refused in self.refused:
            form.add_error(FILES, refused.text)
        return is_fine

    def crosses(self, form: Any) -> bool:
        """Whether another window has changed the draft since this one read it: then nothing is sent unasked.

        What is in the form is a draft of its own from then on, and the next *Send* sends it.
        """
        if not services.form_is_crossed(user=self.visitor.user, key=self.key, tab=self.tab):
            return False
        own = self.tab.own_key(self.key)
        if services.form_is_sent(user=self.visitor.user, key=own):  # the window's *Back*, and *Send* again
            self.key = own
        else:
            self.keep()
        form.take_key(self.key)
        self.is_held_back = self.theirs is not None
        return self.is_held_back

    def free_key(self) -> str:
        """For what is typed on after the form was sent."""
        own = self.tab.own_key(self.key)
        return new_key() if services.form_is_sent(user=self.visitor.user, key=own) else own

    def keep(self) -> FormDraft | None:
        """Save what is typed; as a draft of its own, where another window changed this one meanwhile."""
        self.draft = services.keep_form(
            user=self.visitor.user,
            account=self.visitor.account,
            ticket=self.ticket,
            key=self.key,
            values=self._typed(),
            now=self.visitor.now,
            tab=self.tab,
        )
        if self.draft and self.draft.key != self.key:
            self.theirs = FormDraft.objects.filter(user=self.visitor.user, key=self.key).first()
            self.key = self.draft.key
            self.look_again()
        return self.draft

    def renew(self, form: Any) -> None:
        """The form goes on under another key, with the files that were not sent with the one before."""
        form.renew(self.free_key())
        self._move(form.data["key"])

    def _move(self, key: str) -> None:
        old, self.key = self.key, key
        services.take_over_files(user=self.visitor.user, old=old, new=key, ticket=self.ticket)

    def sent(self) -> None:
        services.form_was_sent(user=self.visitor.user, key=self.key, tab=self.tab)

    def context(self, form: Any) -> dict[str, Any]:
        """For the page's parts; `form`'s key is the one that counts."""
        self.key = form["key"].value() or self.key
        size = size_limit(settings.ATTACHMENT_MAX_BYTES)
        return {
            "desk": self,
            "tab": {"name": self.tab.name or new_key(), "seen": self.draft.tab if self.draft else self.tab.seen},
            "draft_words": saved_words(self.draft) if self.draft else "",
            "draft_url": self.page("_draft"),
            "files_url": self.page("_files"),
            "files_limit": {"most": settings.ATTACHMENTS_PER_MESSAGE, "size": size},
            "files_max": settings.ATTACHMENT_MAX_BYTES,
            "writer": sign_writer(user_id=self.visitor.user.pk, account_id=self.visitor.account.pk),
        }

    @cached_property
    def others(self) -> list[FormDraft]:
        """Others of one's own that were not sent: for new tickets, or replies to this one."""
        if self.is_posted or (self.ticket is not None and self.draft is None):
            return []
        return list(services.form_drafts(**self._mine).exclude(key=self.key)[:MOST_OTHERS])

    @property
    def _mine(self) -> dict[str, Any]:
        return {"user": self.visitor.user, "account": self.visitor.account, "ticket": self.ticket}

    @property
    def _wants_fresh(self) -> bool:
        return self.ticket is None and bool({"fresh", "q"} & set(self.request.GET))

    def _typed(self) -> dict[str, str]:
        return {name: self.request.POST[name] for name in self.fields if self.request.POST.get(name)}

    def _come_back(self) -> HttpResponse | None:
        """After a lost session: keep what was typed as a draft, for the account that it was typed for."""
        typed = take_typed(self.request, user_id=self.visitor.user.pk, page=self.page())
        if typed is None:
            return None
        account = next((row.account for row in self.visitor.memberships if row.account_id == typed["account"]), None)
        kept = services.keep_form(
            user=self.visitor.user,
            account=account or self.visitor.account,
            ticket=self.ticket,
            key=typed["key"],
            values=typed["values"],
            now=self.visitor.now,
            tab=Tab(*typed["tab"]),
        )
        if account:
            choose_account(self.request, self.visitor, str(account.pk))
        return redirect(f"{self.page()}?draft={kept.key if kept else typed['key']}")


def saved_words(draft: FormDraft) -> str:
    """The time, with its day where that is not today."""
    return _("Draft saved %(time)s") % {"time": moments.moment(draft.saved_at, timezone.now())}


def held(request: HttpRequest, file: Attachment) -> HttpResponse | None:
    """The page that stands for a file that can't be fetched yet, or not any more."""
    if file.is_held:
        return render(request, "portal/file_held.html", {"file": file}, status=409)
    return render(request, "portal/file_held.html", {"file": file}, status=410) if file.is_infected else None


@require_POST
@portal_page
def draft(request: HttpRequest, visitor: Visitor, pk: int | None = None) -> HttpResponse:
    """Save what is typed, for the page's script."""
    desk = _desk(request, visitor, pk)
    if not KEY.fullmatch(request.POST.get("key", "")):
        return JsonResponse({"words": _("Not saved: load the page again.")}, status=422)
    if services.form_is_sent(user=visitor.user, key=desk.key):
        # The window that sent it is on its way to the ticket. Another one goes on with a form of its own.
        return JsonResponse({"words": "", "kept": False, "sent": True, "key": desk.free_key()})
    kept = desk.keep()
    said = {"words": saved_words(kept) if kept else "", "kept": kept is not None}
    return JsonResponse(said | (_crossed(desk) if desk.theirs else {}))


def _crossed(desk: Desk) -> dict[str, Any]:
    """What the page's script needs to go on as a draft of its own."""
    notice = render_to_string("portal/parts/crossed.html", {"desk": desk, "now": desk.visitor.now})
    pieces = [render_to_string("portal/parts/waiting_file.html", {"file": file}) for file in desk.files]
    return {"key": desk.key, "notice": notice, "files": pieces}


@require_POST
@portal_page
def files(request: HttpRequest, visitor: Visitor, pk: int | None = None) -> HttpResponse:
    """Put files up, for the page's script: each as a piece of the page, or why it wasn't taken."""
    desk = _desk(request, visitor, pk)
    if not KEY.fullmatch(request.POST.get("key", "")):
        return JsonResponse({"files": [], "errors": [_("Not taken: load the page again.")]}, status=422)
    taken = [file for file in desk.take_files() if file.message_id is None]
    pieces = [
        {"id": file.pk, "html": render_to_string("portal/parts/waiting_file.html", {"file": file})} for file in taken
    ]
    errors = [refused.text for refused in desk.refused]
    return JsonResponse({"files": pieces, "errors": errors}, status=422 if errors else 200)


@require_POST
@portal_page
def remove_file(request: HttpRequest, visitor: Visitor, file_id: int) -> HttpResponse:
    """Take a file off a form, for the page's script."""
    if not services.remove_form_file(actor=visitor.user, file_id=file_id):
        raise Http404
    return JsonResponse({})


def _desk(request: HttpRequest, visitor: Visitor, pk: int | None) -> Desk:
    rows: QuerySet[Ticket] = Ticket.objects.visible_to(visitor.user)
    return Desk(request, visitor, ticket=get_object_or_404(rows, pk=pk) if pk is not None else None)
