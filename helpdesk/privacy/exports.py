"""A copy of what is kept about a person (SPEC 2.9): asked for, made in the background, fetched, thrown away."""

import json
import logging
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import IO, Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Membership, User
from helpdesk.accounts.readers import reader_of
from helpdesk.channels.callback.models import CallRequest
from helpdesk.core.jobs import kick
from helpdesk.core.orphans import clear_folder
from helpdesk.escalation.models import ManagerRequest
from helpdesk.knowledge.models import Consultation
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import mail_row, post
from helpdesk.privacy.models import FOLDER, DataExport
from helpdesk.tickets.models import Attachment, FormDraft, Message, Rating, Scan, Ticket, TicketQuerySet

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
            "profile.json": profile(user, now=now),
            "memberships.json": memberships(user),
            "sessions.json": sessions(user),
            "mails.json": mails(user),
            "ratings.json": ratings(user),
            "requests_to_managers.json": manager_requests(user),
            "calls.json": calls(user),
            "drafts.json": drafts(user),
            "questions.json": questions(user),
        }
        for name, part in parts.items():
            archive.writestr(name, _json(part))
        with archive.open("tickets.json", "w", force_zip64=True) as listed:
            _write_list(listed, tickets(user))
        for attachment in _files(user):
            path = f"files/{attachment.ticket_id}/{attachment.pk}-{_safe(attachment.name)}"
            try:
                with attachment.file.open("rb") as kept, archive.open(path, "w", force_zip64=True) as copy:
                    while chunk := kept.read(CHUNK):
                        copy.write(chunk)
            except FileNotFoundError:
                archive.writestr(f"{path}.missing.txt", "This file is not in the storage any more.\n")


def profile(user: User, *, now: datetime) -> dict[str, Any]:
    factors = Authenticator.objects.filter(user=user).order_by("pk")
    return {
        "made_at": now,
        "email": user.email,
        "name": user.full_name,
        "language": user.language,
        "time_zone": user.time_zone,
        "joined_at": user.joined_at,
        "last_signed_in_at": user.last_login,
        "staff_role": user.staff_role,
        "mail_of_copies": user.mail_copies,
        "quiet_hours": [user.quiet_from, user.quiet_until],
        # That there is one, never what it is made of.
        "second_factors": [{"kind": row.get_type_display(), "added_at": row.created_at} for row in factors],
        "company_sign_ins": [
            {"called_there": row.uid, "since": row.date_joined, "last_used_at": row.last_login}
            for row in SocialAccount.objects.filter(user=user).order_by("pk")
        ],
    }


def memberships(user: User) -> dict[str, Any]:
    rows = Membership.objects.filter(user=user).select_related("account").order_by("account__name")
    events = AccountEvent.objects.filter(Q(person=user) | Q(actor=user) | Q(email=user.email))
    sent = Invitation.objects.filter(Q(invited_by=user) | Q(accepted_by=user) | Q(email=user.email))
    return {
        "accounts": [
            {"account": row.account.name, "role": row.requester_role, "mail_of_all_tickets": row.mail_all}
            for row in rows
        ],
        "changes": [
            {
                "at": row.at,
                "account": row.account.name,
                "what": row.kind,
                "by": "me" if row.actor_id == user.pk else "another",
                "whom": "me" if user.pk == row.person_id or row.email == user.email else "another",
                "before": row.before,
                "after": row.after,
            }
            for row in events.select_related("account").order_by("at", "pk")
        ],
        "invitations": [
            {
                "account": row.account.name,
                "address": row.email,
                "by": "me" if row.invited_by_id == user.pk else "another",
                "role": row.role,
                "sent_at": row.sent_at,
                "accepted_at": row.accepted_at,
                "taken_back_at": row.revoked_at,
            }
            for row in sent.select_related("account").order_by("created_at", "pk")
        ],
    }


def sessions(user: User) -> list[dict[str, Any]]:
    rows = UserSession.objects.filter(user=user).order_by("created_at")
    return [{"signed_in_at": row.created_at, "ip": row.ip, "browser": row.user_agent} for row in rows]


def mails(user: User) -> list[dict[str, Any]]:
    rows = OutboxMail.objects.filter(recipient=user).order_by("pk").values("created_at", "template", "sent_at", "to")
    return [
        {"written_at": row["created_at"], "kind": row["template"], "sent_at": row["sent_at"], "to": row["to"]}
        for row in rows
    ]


def ratings(user: User) -> list[dict[str, Any]]:
    rows = Rating.objects.filter(by=user).select_related("ticket").order_by("rated_at", "pk")
    return [
        {
            "reference": row.ticket.reference,
            "rated_at": row.rated_at,
            "changed_at": row.changed_at,
            "score": row.score,
            "comment": row.comment,
        }
        for row in rows
    ]


def manager_requests(user: User) -> list[dict[str, Any]]:
    """What the person asked a manager; the answer where they can still read the ticket."""
    rows = ManagerRequest.objects.filter(asked_by=user).select_related("ticket").order_by("asked_at", "pk")
    readable = set(Ticket.objects.visible_to(user).filter(manager_requests__in=rows).values_list("pk", flat=True))
    return [
        {
            "reference": row.ticket.reference,
            "asked_at": row.asked_at,
            "reason": row.reason,
            "answered_at": row.answered_at,
            **({"answer": row.answer} if row.ticket_id in readable else {}),
        }
        for row in rows
    ]


def calls(user: User) -> list[dict[str, Any]]:
    rows = CallRequest.objects.filter(requester=user).select_related("ticket").order_by("asked_at", "pk")
    return [
        {
            "reference": row.ticket.reference,
            "asked_at": row.asked_at,
            "number": row.number,
            "time_zone": row.time_zone,
            "window": [row.begins_at, row.ends_at],
            "outcome": row.state,
            "attempts": row.attempts,
            "ended_at": row.ended_at,
        }
        for row in rows
    ]


def drafts(user: User) -> list[dict[str, Any]]:
    """What was typed into forms and not sent, with the names of the files that wait there."""
    rows = FormDraft.objects.filter(user=user).select_related("account", "ticket").order_by("saved_at", "pk")
    waiting = Attachment.objects.filter(uploaded_by=user, message=None).exclude(form_key="").order_by("pk")
    files: dict[str, list[str]] = {}
    for key, name in waiting.values_list("form_key", "name"):
        files.setdefault(key, []).append(name)
    return [
        {
            "account": row.account.name,
            "reference": row.ticket.reference if row.ticket else None,
            "saved_at": row.saved_at,
            "content": row.values,
            "files": files.get(row.key, []),
        }
        for row in rows
    ]


def questions(user: User) -> list[dict[str, Any]]:
    rows = Consultation.objects.filter(user=user).order_by("at", "pk")
    return [{"asked_at": row.at, "question": row.question, "outcome": row.outcome} for row in rows]


def tickets(user: User) -> Iterator[dict[str, Any]]:
    """Those that the person asked for and can read, with the conversation; elsewhere what they wrote, and no more."""
    said = Message.objects.filter(kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY])
    own = _own(user)
    for ticket in own.select_related("account", "hub").order_by("pk").iterator(BATCH):
        yield {
            "reference": ticket.reference,
            "account": ticket.account.name,
            "hub": ticket.hub.name,
            "subject": ticket.subject,
            "status": ticket.status,
            "severity": ticket.severity,
            "in_copy": ticket.cc,
            "facts": ticket.claim_facts,
            "opened_at": ticket.created_at,
            "messages": [_message(row, user) for row in said.filter(ticket=ticket).order_by("created_at", "pk")],
        }
    elsewhere = Message.objects.filter(author=user).exclude(ticket__in=own).select_related("ticket")
    for message in elsewhere.order_by("pk").iterator(BATCH):
        yield {"reference": message.ticket.reference, "messages": [_message(message, user)]}


def _own(user: User) -> TicketQuerySet:
    """Who has left an account reads its tickets no more."""
    return Ticket.objects.visible_to(user).filter(requester=user)


def _message(row: Message, user: User) -> dict[str, Any]:
    return {"at": row.created_at, "from": "me" if row.author_id == user.pk else row.kind, "text": row.body}


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
