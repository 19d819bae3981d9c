"""What customers type before they send it: kept on the server, found again after a lost session (SPEC 2.7).

A form is known by its key, the one that also makes one ticket of it however often it is sent; a form that was sent
is never a draft again. Each window that shows a form has a name of its own. One that would save over a text that it has
neither written nor read goes on as a draft of its own, under a key that follows from form and window, so that nothing
of either is lost and a second try finds the same (decision 21).
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from helpdesk.accounts.models import Account, User
from helpdesk.core import prepared
from helpdesk.tickets.models import Attachment, FormDraft, InboundMessage, Source, Ticket
from helpdesk.tickets.services.files import copy_form_files, forget_files

KEPT = timedelta(days=30)
MOST = 20  # drafts of one person; the oldest makes room
LONGEST = 60_000  # characters of one value: more than any field takes, so that a text that is too long is kept


@dataclass(frozen=True, slots=True)
class Tab:
    """A window that shows a form: its own name, and that of the window whose text it began with."""

    name: str = ""
    seen: str = ""

    def crosses(self, draft: FormDraft) -> bool:
        """Whether another window has written the draft since."""
        return draft.tab not in (self.name, self.seen)

    def own_key(self, key: str) -> str:
        """The key that this window goes on under; always the same, so that a double save makes one draft."""
        digest = hashlib.sha256(f"{key}/{self.name}".encode()).digest()
        return base64.urlsafe_b64encode(digest)[:22].decode()


ANY = Tab()


class FormCrossed(Exception):
    """Another window has changed the draft since the one that sends has read it."""


def external_id(user: User, key: str) -> str:
    """The key with the person before it: nobody can name another one's submission."""
    return f"{user.pk}/{key}"


def form_drafts(*, user: User, account: Account, ticket: Ticket | None = None) -> QuerySet[FormDraft]:
    """One's own forms that were not sent, the latest first: those of new tickets, or of replies to `ticket`."""
    name = Concat(Cast("user_id", CharField()), Value("/"), F("key"))
    sent = InboundMessage.objects.filter(channel=Source.FORM, external_id=OuterRef("name"))
    mine = FormDraft.objects.filter(user=user, ticket=ticket)
    if ticket is None:
        mine = mine.filter(account=account)
    return mine.annotate(name=name).exclude(Exists(sent)).order_by("-saved_at", "-id")


def form_draft(*, user: User, account: Account, ticket: Ticket | None = None, key: str = "") -> FormDraft | None:
    """The form with this key, or the latest one."""
    rows = form_drafts(user=user, account=account, ticket=ticket)
    return rows.filter(key=key).first() if key else rows.first()


@transaction.atomic
def keep_form(
    *,
    user: User,
    account: Account,
    key: str,
    values: Mapping[str, str],
    now: datetime,
    ticket: Ticket | None = None,
    tab: Tab = ANY,
) -> FormDraft | None:
    """Keep what is typed; None where nothing is left to keep, or the form was sent.

    The draft has another key where another window had changed it: that one's text stays as it is.
    """
    kept = {name: value.replace("\x00", "")[:LONGEST] for name, value in values.items() if value}
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if form_is_sent(user=user, key=key):
        return None
    there = FormDraft.objects.filter(user=user, key=key).first()
    if there and tab.crosses(there) and kept != there.values:
        if not kept:
            return None
        old, key = key, tab.own_key(key)
        if form_is_sent(user=user, key=key):
            return None
        if not FormDraft.objects.filter(user=user, key=key).exists():
            copy_form_files(user=user, old=old, new=key, ticket=ticket)
    files = Attachment.objects.filter(uploaded_by=user, form_key=key, message=None)
    if not kept and not files.exists():
        FormDraft.objects.filter(user=user, key=key).delete()
        return None
    row = {"account": account, "ticket": ticket, "values": kept, "tab": tab.name, "saved_at": now}
    draft, created = FormDraft.objects.update_or_create(user=user, key=key, defaults=row)
    if created:
        for old in FormDraft.objects.filter(user=user).order_by("-saved_at", "-id")[MOST:]:
            _forget(old)
    return draft


def form_is_sent(*, user: User, key: str) -> bool:
    return InboundMessage.objects.filter(channel=Source.FORM, external_id=external_id(user, key)).exists()


def form_is_crossed(*, user: User, key: str, tab: Tab) -> bool:
    """Whether another window has changed the draft since this one read it."""
    return FormDraft.objects.filter(user=user, key=key).exclude(tab__in=(tab.name, tab.seen)).exists()


@transaction.atomic
def discard_form(*, user: User, key: str, tab: Tab | None = None) -> None:
    """Throw away what was typed, with its files that were not sent; not what another window than `tab` typed since."""
    if tab is not None and form_is_crossed(user=user, key=key, tab=tab):
        return
    FormDraft.objects.filter(user=user, key=key).delete()
    files = Attachment.objects.filter(uploaded_by=user, form_key=key, message=None).exclude(form_key="")
    forget_files(files.select_for_update())


def discard_all_forms(*, user: User) -> None:
    """Throw away all that this person typed and didn't send, with its files."""
    files = Attachment.objects.filter(uploaded_by=user, message=None).exclude(form_key="")
    keys = {
        *FormDraft.objects.filter(user=user).values_list("key", flat=True),
        *files.values_list("form_key", flat=True),
    }
    for key in sorted(keys):
        discard_form(user=user, key=key)


@transaction.atomic
def form_was_sent(*, user: User, key: str, tab: Tab = ANY) -> None:
    """The draft is over, in the transaction of what it became. Raises `FormCrossed`: then nothing is sent unasked."""
    with prepared.cursor() as cursor:
        cursor.execute("DELETE FROM helpdesk_formdraft WHERE user_id = %s AND key = %s RETURNING tab", [user.pk, key])
        written_by = cursor.fetchone()
    if written_by and written_by[0] not in (tab.name, tab.seen):
        raise FormCrossed


def clear_abandoned_forms(*, now: datetime, limit: int = 1000) -> int:
    """Throw away forms that nobody has worked on for a month, with their files."""
    with transaction.atomic():
        old = FormDraft.objects.filter(saved_at__lt=now - KEPT).select_for_update(skip_locked=True)[:limit]
        return sum(_forget(draft) for draft in list(old))


def _forget(draft: FormDraft) -> int:
    files = Attachment.objects.filter(uploaded_by_id=draft.user_id, form_key=draft.key, message=None)
    forget_files(files.select_for_update())
    draft.delete()
    return 1
