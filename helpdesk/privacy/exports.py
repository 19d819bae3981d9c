"""A copy of what is kept about a person (SPEC 2.9): asked for, made in the background, fetched, thrown away."""

import json
import logging
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.urls import reverse

from helpdesk.accounts.models import User
from helpdesk.accounts.readers import reader_of
from helpdesk.core.jobs import kick
from helpdesk.core.orphans import clear_folder
from helpdesk.notifications.services import mail_row, post
from helpdesk.privacy import contents
from helpdesk.privacy.models import FOLDER, DataExport
from helpdesk.tickets.models import Attachment, Scan

log = logging.getLogger(__name__)
LASTS = timedelta(days=7)
# A copy's row is written when its file is complete; what is younger may be on its way.
TASK = "helpdesk.tasks.make_exports"
CHUNK = 1 << 16  # bytes
BATCH = 500  # rows


@transaction.atomic
def ask_export(*, user: User, now: datetime) -> DataExport:
    """Have a copy made; while one is being made, asking again gives the same."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    waiting = DataExport.objects.filter(user=user, made_at=None, cleared_at=None).first()
    if waiting is None:
        waiting = DataExport.objects.create(user=user, asked_at=now)
        kick(TASK)
    return waiting


def make_exports(*, now: datetime) -> int:
    """Throw away the copies that have run out, and make those that wait; returns how many were made.

    Each is its own transaction that holds its row: workers side by side never make the same one, and one that
    is killed leaves it to the next. One that fails is logged and tried again the next time; it holds up nobody else's.
    """
    for export in DataExport.objects.filter(expires_at__lte=now, cleared_at=None):
        _try(_clear, export.pk, now=now)
    waiting = DataExport.objects.filter(made_at=None, cleared_at=None, user__erased_at=None).order_by("pk")
    return sum(_try(_make, pk, now=now) for pk in waiting.values_list("pk", flat=True))


def clear_orphans(*, now: datetime, limit: int = 1000) -> int:
    """Delete copies in the storage that no row names, and that are a day old: one whose transaction broke off, say.

    Returns how many.
    """
    return clear_folder(
        DataExport._meta.get_field("file").storage,
        FOLDER,
        named=lambda old: DataExport.objects.filter(file__in=old).values_list("file", flat=True),
        now=now,
        limit=limit,
    )


def newest(user: User) -> DataExport | None:
    """The last one that a person asked for."""
    return DataExport.objects.filter(user=user).order_by("-asked_at", "-pk").first()


def clear_exports(*, user: User, now: datetime) -> None:
    """Throw away every copy of a person's data, once this transaction has committed."""
    for export in DataExport.objects.filter(user=user, cleared_at=None):
        _clear(export.pk, now=now)


def _try(act: Callable[..., bool], export_id: int, *, now: datetime) -> bool:
    try:
        return act(export_id, now=now)
    except Exception:
        log.exception("copy %s failed", export_id)
        return False


@transaction.atomic
def _make(export_id: int, *, now: datetime) -> bool:
    waiting = DataExport.objects.filter(pk=export_id, made_at=None, cleared_at=None, user__erased_at=None)
    export = waiting.select_for_update(skip_locked=True, of=("self",)).select_related("user").first()
    if export is None:
        return False
    with tempfile.TemporaryFile() as made:
        _write(made, export.user, now=now)
        export.size = made.tell()
        made.seek(0)
        export.file.save(export.name, File(made), save=False)
    export.made_at, export.expires_at = now, now + LASTS
    export.save(update_fields=["file", "size", "made_at", "expires_at"])
    context = {"expires_at": export.expires_at.isoformat(), "url": settings.SITE_URL + reverse("portal:my_data")}
    reader = reader_of(export.user, now=now)
    post([mail_row(key=f"export/{export.pk}", reader=reader, template="export", context=context, now=now)])
    return True


@transaction.atomic
def _clear(export_id: int, *, now: datetime) -> bool:
    """Waits for one that is just being made, so that its file is known."""
    export = DataExport.objects.select_for_update().get(pk=export_id)
    if export.cleared_at is not None:
        return False
    storage, name = export.file.storage, export.file.name
    DataExport.objects.filter(pk=export.pk).update(file="", cleared_at=now)
    if name:
        transaction.on_commit(lambda: storage.delete(name), robust=True)
    return True


def _write(made: IO[bytes], user: User, *, now: datetime) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = {
            "profile.json": contents.profile(user, now=now),
            "memberships.json": contents.memberships(user),
            "sessions.json": contents.sessions(user),
            "mails.json": contents.mails(user),
            "ratings.json": contents.ratings(user),
            "requests_to_managers.json": contents.manager_requests(user),
            "calls.json": contents.calls(user),
            "drafts.json": contents.drafts(user),
            "questions.json": contents.questions(user),
            "votes.json": contents.votes(user),
            "in_copy.json": contents.in_copy(user),
        }
        if user.is_staff:
            parts["work.json"] = contents.work(user)
        for name, part in parts.items():
            archive.writestr(name, _json(part))
        with archive.open("tickets.json", "w", force_zip64=True) as listed:
            _write_list(listed, contents.tickets(user))
        for attachment in _files(user):
            path = f"files/{attachment.ticket_id}/{attachment.pk}-{_safe(attachment.name)}"
            try:
                with attachment.file.open("rb") as kept, archive.open(path, "w", force_zip64=True) as copy:
                    while chunk := kept.read(CHUNK):
                        copy.write(chunk)
            except FileNotFoundError:
                archive.writestr(f"{path}.missing.txt", "This file is not in the storage any more.\n")


def _files(user: User) -> Iterator[Attachment]:
    """Files that the person sent; those that specialists sent stay where their rights are checked.

    What waits for the virus scanner, or did not pass it, is fetched by nobody.
    """
    sent = Attachment.objects.filter(uploaded_by=user, message__isnull=False)
    return sent.exclude(scan__in=[Scan.WAITING, Scan.INFECTED]).order_by("pk").iterator(BATCH)


def _safe(name: str) -> str:
    """A file's name that leads nowhere else, whatever its sender called it."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable() and letter not in ':*?"<>|')[-120:] or "file"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _write_list(listed: IO[bytes], rows: Iterator[dict[str, Any]]) -> None:
    """One after another: a person's tickets need not fit into memory."""
    listed.write(b"[")
    for place, row in enumerate(rows):
        listed.write((",\n" if place else "\n").encode() + _json(row).encode())
    listed.write(b"\n]\n")
