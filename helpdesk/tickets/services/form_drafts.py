"""What customers type before they send it: kept on the server, found again after a lost session (SPEC 2.7).

A form is known by its key, the one that also makes one ticket of it however often it is sent. Of several
windows with the same form the last one to save counts; a form that was sent is never a draft again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from helpdesk.accounts.models import Account, User
from helpdesk.core import prepared
from helpdesk.tickets.models import Attachment, FormDraft, InboundMessage, Source, Ticket
from helpdesk.tickets.services.files import forget_files

KEPT = timedelta(days=30)
MOST = 20  # drafts of one person; the oldest makes room
LONGEST = 60_000  # characters of one value: more than any field takes, so that a text that is too long is kept


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
    *, user: User, account: Account, key: str, values: Mapping[str, str], now: datetime, ticket: Ticket | None = None
) -> FormDraft | None:
    """Keep what is typed; None where nothing is left to keep, or the form was sent."""
    kept = {name: value.replace("\x00", "")[:LONGEST] for name, value in values.items() if value}
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if InboundMessage.objects.filter(channel=Source.FORM, external_id=external_id(user, key)).exists():
        return None
    files = Attachment.objects.filter(uploaded_by=user, form_key=key, message=None)
    if not kept and not files.exists():
        FormDraft.objects.filter(user=user, key=key).delete()
        return None
    row = {"account": account, "ticket": ticket, "values": kept, "saved_at": now}
    draft, created = FormDraft.objects.update_or_create(user=user, key=key, defaults=row)
    if created:
        for old in FormDraft.objects.filter(user=user).order_by("-saved_at", "-id")[MOST:]:
            _forget(old)
    return draft


@transaction.atomic
def discard_form(*, user: User, key: str) -> None:
    """Throw away what was typed, with its files that were not sent."""
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


def form_was_sent(*, user: User, key: str) -> None:
    """The draft is over. One that outlives a crash in between is passed over, and cleared away."""
    with prepared.cursor() as cursor:
        cursor.execute("DELETE FROM helpdesk_formdraft WHERE user_id = %s AND key = %s", [user.pk, key])


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
