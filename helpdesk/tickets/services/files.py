"""Files of messages: taken in, thrown away, cleared away when nobody sent them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.accounts.models import User
from helpdesk.tickets.file_kinds import Executable, clean_name, kind_of
from helpdesk.tickets.models import Attachment, Draft, Ticket
from helpdesk.tickets.services.locked import Refused

ABANDONED = timedelta(days=7)


@transaction.atomic
def attach_file(*, ticket: Ticket, actor: User, upload: UploadedFile, now: datetime) -> Attachment:
    """Take a file in, for the message that `actor` is writing. Refused when it is too large, empty, a program,
    or one too many."""
    name = clean_name(upload.name or "")
    words = {"name": name, "limit": filesizeformat(settings.ATTACHMENT_MAX_BYTES)}
    if upload.size > settings.ATTACHMENT_MAX_BYTES:
        raise Refused(_("%(name)s is larger than %(limit)s. Make it smaller, or send it in parts.") % words)
    if not upload.size:
        raise Refused(_("%(name)s is empty. Choose another file.") % words)
    # One at a time per person and ticket, so that two at once don't pass the limit together.
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    most = settings.ATTACHMENTS_PER_MESSAGE
    if Attachment.objects.filter(ticket=ticket, uploaded_by=actor, message=None).count() >= most:
        text = ngettext("A message takes %(most)d file.", "A message takes %(most)d files.", most) % {"most": most}
        raise Refused(f"{text} {_('%(name)s was left out.') % words}")
    content = upload.read()
    try:
        kind = kind_of(name, content)
    except Executable:
        raise Refused(
            _("%(name)s is a program, which is not taken. Send its log or a picture instead.") % words
        ) from None
    return Attachment.objects.create(
        ticket=ticket,
        uploaded_by=actor,
        name=name,
        content_type=kind,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        file=ContentFile(content, name=name),
        created_at=now,
    )


@transaction.atomic
def remove_file(*, ticket: Ticket, actor: User, file_id: int) -> bool:
    """Throw away a file of one's own draft; one that was sent stays. False when there is none such."""
    rows = Attachment.objects.filter(pk=file_id, ticket=ticket, uploaded_by=actor, message=None)
    return forget_files(rows.select_for_update()) > 0


def forget_files(files: Iterable[Attachment]) -> int:
    """Delete rows now, and what lies in the storage once that is certain. Returns how many."""
    files = list(files)
    Attachment.objects.filter(pk__in=[file.pk for file in files]).delete()
    for file in files:
        transaction.on_commit(lambda file=file: file.file.storage.delete(file.file.name), robust=True)
    return len(files)


def clear_abandoned_files(*, now: datetime, limit: int = 1000) -> int:
    """Throw away files that were put on a draft a week ago and never sent; not while the draft is still worked on."""
    before = now - ABANDONED
    alive = Draft.objects.filter(ticket=OuterRef("ticket"), user=OuterRef("uploaded_by"), saved_at__gte=before)
    with transaction.atomic():
        old = Attachment.objects.filter(message=None, created_at__lt=before).exclude(Exists(alive))
        return forget_files(old.select_for_update(skip_locked=True)[:limit])
