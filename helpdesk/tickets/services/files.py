"""Files of messages: taken in, thrown away, cleared away when nobody sent them."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.accounts.models import User
from helpdesk.core.prepared import Ready
from helpdesk.tickets.file_kinds import Executable, clean_name, kind_of
from helpdesk.tickets.models import Attachment, Draft, FormDraft, Message, Scan, Ticket
from helpdesk.tickets.services.locked import Refused
from helpdesk.tickets.services.scanning import Verdict, judge

log = logging.getLogger(__name__)
ABANDONED = timedelta(days=7)


def attach_file(
    *, ticket: Ticket | None, actor: User, upload: UploadedFile, now: datetime, form_key: str = ""
) -> Attachment:
    """Take a file in, for the message that `actor` is writing; a customer's for the form `form_key`, once each.

    Refused when it is too large, empty, a program, holds a virus, or is one too many. The scan is a call over a
    socket and comes before the transaction.
    """
    name = clean_name(upload.name or "")
    content, kind = _read(name, upload)
    digest = hashlib.sha256(content).hexdigest()
    taken = {"uploaded_by": actor, "form_key": form_key, "digest": digest, "name": name}
    if form_key and (before := Attachment.objects.filter(**taken).first()):
        return before
    verdict = judge(content, name=name)
    if verdict.scan == Scan.INFECTED:
        log.warning("virus in an upload of user %s: %s", actor.pk, verdict.threat)
        words = {"name": name, "threat": verdict.threat}
        raise Refused(_("%(name)s was not taken: it holds a virus (%(threat)s). Send another copy.") % words)
    with transaction.atomic():
        # One at a time per person, so that two at once don't pass a limit together.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        if form_key and (before := Attachment.objects.filter(**taken).first()):
            return before
        _check_room(ticket=ticket, actor=actor, form_key=form_key, name=name, size=len(content))
        return Attachment.objects.create(
            **taken,
            ticket=ticket,
            content_type=kind,
            size=len(content),
            file=ContentFile(content, name=name),
            created_at=now,
            **_scanned(verdict, now),
        )


def size_limit(size: int) -> str:
    """A limit in bytes as people read it: whole megabytes without a decimal."""
    return f"{size >> 20}\u00a0MB" if size and size % (1 << 20) == 0 else filesizeformat(size)


def _read(name: str, upload: UploadedFile) -> tuple[bytes, str]:
    """The content and what it is; refused where nobody should get it."""
    words = {"name": name, "limit": size_limit(settings.ATTACHMENT_MAX_BYTES)}
    if upload.size > settings.ATTACHMENT_MAX_BYTES:
        raise Refused(_("%(name)s is larger than %(limit)s. Make it smaller, or send it in parts.") % words)
    if not upload.size:
        raise Refused(_("%(name)s is empty. Choose another file.") % words)
    upload.seek(0)
    content = upload.read()
    try:
        return content, kind_of(name, content)
    except Executable:
        raise Refused(
            _("%(name)s is a program, which is not taken. Send its log or a picture instead.") % words
        ) from None


def _check_room(*, ticket: Ticket | None, actor: User, form_key: str, name: str, size: int) -> None:
    words = {"name": name}
    waiting = Attachment.objects.filter(uploaded_by=actor, message=None)
    most = settings.ATTACHMENTS_PER_MESSAGE
    if waiting.filter(ticket=ticket, form_key=form_key).count() >= most:
        text = ngettext("A message takes %(most)d file.", "A message takes %(most)d files.", most) % {"most": most}
        raise Refused(f"{text} {_('%(name)s was left out.') % words}")
    if form_key:
        held = waiting.exclude(form_key="").aggregate(bytes=Sum("size"))["bytes"] or 0
        if held + size > settings.ATTACHMENTS_WAITING_BYTES:
            words["limit"] = size_limit(settings.ATTACHMENTS_WAITING_BYTES)
            raise Refused(
                _("%(name)s was left out: your unsent forms hold %(limit)s of files. Send or discard one first.")
                % words
            )


def _scanned(verdict: Verdict, now: datetime) -> dict[str, object]:
    return {"scan": verdict.scan, "scanned_at": now if verdict.scan == Scan.CLEAN else None}


def form_files(*, user: User, key: str, ticket: Ticket | None = None) -> QuerySet[Attachment]:
    """Files that wait for a form of one's own."""
    return Attachment.objects.filter(uploaded_by=user, form_key=key, ticket=ticket, message=None).exclude(form_key="")


_of_new_ticket = Ready(
    lambda user_id, key: form_files(user=user_id, key=key),
    user_id=int,
    key=str,
)


def waiting_files(*, user: User, key: str, ticket: Ticket | None) -> list[Attachment]:
    """The same, read. With every new ticket, so that one is a statement made once."""
    if ticket is None:
        return _of_new_ticket(user_id=user.pk, key=key)
    return list(form_files(user=user, key=key, ticket=ticket))


def take_over_files(*, user: User, old: str, new: str, ticket: Ticket | None = None) -> int:
    """The form got a new key: what was not sent goes with it."""
    return form_files(user=user, key=old, ticket=ticket).update(form_key=new)


def copy_form_files(*, user: User, old: str, new: str, ticket: Ticket | None = None) -> int:
    """Give a form the files of another one, too; none of them where a person's forms would hold too much."""
    files = list(form_files(user=user, key=old, ticket=ticket))
    held = Attachment.objects.filter(uploaded_by=user, message=None).exclude(form_key="").aggregate(bytes=Sum("size"))
    if (held["bytes"] or 0) + sum(file.size for file in files) > settings.ATTACHMENTS_WAITING_BYTES:
        return 0
    for file in files:
        with file.file.open() as content:
            copy = ContentFile(content.read(), name=file.name)
        file.pk, file._state.adding = None, True
        file.file, file.form_key = copy, new
        file.save()
    return len(files)


@transaction.atomic
def remove_file(*, ticket: Ticket, actor: User, file_id: int) -> bool:
    """Throw away a file of one's own draft; one that was sent stays. False when there is none such."""
    rows = Attachment.objects.filter(pk=file_id, ticket=ticket, uploaded_by=actor, message=None)
    return forget_files(rows.select_for_update()) > 0


@transaction.atomic
def remove_form_file(*, actor: User, file_id: int) -> bool:
    """Throw away a file of a form of one's own that was not sent. False when there is none such."""
    rows = Attachment.objects.filter(pk=file_id, uploaded_by=actor, message=None).exclude(form_key="")
    return forget_files(rows.select_for_update()) > 0


def give_to(message: Message, files: Sequence[Attachment]) -> None:
    """The files are the message's from now on. One that was thrown away meanwhile is not."""
    if files:
        waiting = Attachment.objects.filter(pk__in=[file.pk for file in files], message=None)
        waiting.update(message=message, ticket=message.ticket)


def forget_files(files: Iterable[Attachment]) -> int:
    """Delete rows now, and what lies in the storage once that is certain. Returns how many.

    Locked rows only: one that a message takes over meanwhile is that message's.
    """
    files = list(files)
    Attachment.objects.filter(pk__in=[file.pk for file in files]).delete()
    for file in files:
        transaction.on_commit(lambda file=file: file.file.storage.delete(file.file.name), robust=True)
    return len(files)


def clear_abandoned_files(*, now: datetime, limit: int = 1000) -> int:
    """Throw away files that were put on a draft a week ago and never sent; not while the draft is still worked on,
    nor while a customer's form is kept."""
    before = now - ABANDONED
    alive = Draft.objects.filter(ticket=OuterRef("ticket"), user=OuterRef("uploaded_by"), saved_at__gte=before)
    kept = FormDraft.objects.filter(user=OuterRef("uploaded_by"), key=OuterRef("form_key"))
    with transaction.atomic():
        old = (
            Attachment.objects.filter(message=None, created_at__lt=before).exclude(Exists(alive)).exclude(Exists(kept))
        )
        return forget_files(old.select_for_update(skip_locked=True)[:limit])
