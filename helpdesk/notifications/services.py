"""Verbs of the outbox. Writing is part of the caller's transaction; sending is not."""

import logging
import secrets
import smtplib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.core.mail import get_connection
from django.db import transaction
from django.db.models import Q, QuerySet

from helpdesk.core.bulk import insert
from helpdesk.core.jobs import kick
from helpdesk.notifications.digest import bundle, mark_members_sent
from helpdesk.notifications.live import NOTICES, push
from helpdesk.notifications.message_id import new_message_id
from helpdesk.notifications.models import Delivery, Heartbeat, Notice, OutboxMail
from helpdesk.notifications.rendering import render

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # a lease that ran out means a dead worker
LAST_START = timedelta(seconds=30)  # into the lease; a mail that starts then is through all its time-outs in time
MAX_ATTEMPTS = 12  # of a mail that a server was there for
SERVER_PAUSE = timedelta(seconds=45)  # between two looks for a server that is out of reach
DELIVER_TASK = "helpdesk.tasks.deliver_mail"
# Answers by which a server says that it did not take a mail; other errors leave it open.
REFUSALS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who gets a mail, and how they read it. `quiet_until`: the end of the quiet hours that they are in."""

    email: str
    user_id: int | None
    language: str
    time_zone: str
    quiet_until: datetime | None = None


def mail_row(
    *,
    key: str,
    reader: Reader,
    template: str,
    context: Mapping[str, Any],
    now: datetime,
    cc: Sequence[str] = (),
    reply_to: str = "",
    in_reply_to: str = "",
    message_id: str = "",
) -> OutboxMail:
    """An unsaved mail; `context` holds plain JSON values (instants as ISO 8601)."""
    return OutboxMail(
        key=key,
        message_id=message_id or new_message_id(),
        recipient_id=reader.user_id,
        to=[reader.email],
        cc=list(cc),
        reply_to=reply_to,
        in_reply_to=in_reply_to,
        template=template,
        context=dict(context),
        language=reader.language,
        time_zone=reader.time_zone,
        created_at=now,
        next_attempt_at=now,
    )


def post(mails: Iterable[OutboxMail] = (), notices: Iterable[Notice] = ()) -> None:
    """Write mails and notices in the caller's transaction; one with a known key is dropped."""
    mails, notices = list(mails), list(notices)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    push(user_ids=[notice.recipient_id for notice in notices], kind=NOTICES)
    if mails:
        OutboxMail.objects.bulk_create(mails, ignore_conflicts=True)
        deliver_soon()


def deliver_soon() -> None:
    """For who writes the outbox's rows together with others: send them once this transaction has committed."""
    kick(DELIVER_TASK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One thing to tell, the same to everybody: on their screens, and by mail.

    `kind` is the notice's kind and the mail's template. With a reader's id behind it, `key` makes
    each notice and each mail unique. `context` holds plain JSON values. `may_wait`: a mail waits for
    the end of its reader's quiet hours; a notice never does.
    """

    key: str
    kind: str
    context: Mapping[str, Any]
    url: str
    readers: Sequence[Reader]
    on_screen: bool = True
    by_mail: bool = True
    may_wait: bool = False


def tell(tellings: Iterable[Telling], *, now: datetime) -> int:
    """Write notices and mails in the caller's transaction; what is known already is dropped.

    Two statements, however many there are. Returns the number of mails.
    """
    pairs = [(telling, reader, f"{telling.key}/{reader.user_id}") for telling in tellings for reader in telling.readers]
    notices = [
        {
            "key": key,
            "recipient_id": reader.user_id,
            "kind": telling.kind,
            "context": telling.context,
            "url": telling.url,
            "created_at": now,
        }
        for telling, reader, key in pairs
        if telling.on_screen
    ]
    mails = [
        {
            "key": key,
            "message_id": new_message_id(),
            "recipient_id": reader.user_id,
            "to": [reader.email],
            "about": telling.key,
            "template": telling.kind,
            "context": telling.context,
            "language": reader.language,
            "time_zone": reader.time_zone,
            "next_attempt_at": held or now,
            "held_until": held,
            "created_at": now,
        }
        for telling, reader, key in pairs
        if telling.by_mail
        for held in [reader.quiet_until if telling.may_wait else None]
    ]
    insert(Notice, notices, ignore_conflicts=True)
    insert(OutboxMail, mails, ignore_conflicts=True)
    push(user_ids=[notice["recipient_id"] for notice in notices], kind=NOTICES)
    return len(mails)


def deliver(*, now: datetime, limit: int = 100) -> dict[str, int]:
    """Send what is due, at most `limit` mails; returns the counts of sent, failed and dead.

    Once a server is there, many escalations that wait for one person become one digest. Mails are
    leased in a transaction of their own, sent outside any transaction, and marked one by one. Workers
    side by side never hold the same mail; one that dies leaves leases that run out, and one that is
    held up by a slow server starts no mail that it might not finish in time.
    """
    counts = {"sent": 0, "failed": 0, "dead": 0}
    if not _due(now).exists():
        return counts
    connection, begun = get_connection(), monotonic()
    try:
        connection.open()
    except Exception as error:  # noqa: BLE001 - a server that is down, or refuses us, is no fault of the mail
        mails = _lease(now=now, limit=limit)
        _wait_for_server(mails, error=error, now=now)
        return counts | {"failed": len(mails)}
    bundle(now=now)
    mails = _lease(now=now, limit=limit)
    for place, mail in enumerate(mails):
        if monotonic() - begun > LAST_START.total_seconds():
            _give_back(mails[place:], now=now)
            break
        try:
            connection.open()  # where the mail before this one closed it
        except Exception as error:  # noqa: BLE001 - as above
            _wait_for_server(mails[place:], error=error, now=now)
            counts["failed"] += len(mails) - place
            break
        try:
            connection.send_messages([render(mail)])
        except Exception as error:  # noqa: BLE001 - whatever one mail throws must not hold up the others
            counts[_failed(mail, error=error, now=now)] += 1
            connection.close()
        else:
            _sent(mail, at=now + timedelta(seconds=int(monotonic() - begun)))
            counts["sent"] += 1
    connection.close()
    return counts


def _due(now: datetime) -> QuerySet[OutboxMail]:
    return OutboxMail.objects.filter(state__in=Delivery.unfinished(), next_attempt_at__lte=now)


@transaction.atomic
def _lease(*, now: datetime, limit: int) -> list[OutboxMail]:
    mails = list(_due(now).order_by("next_attempt_at", "id").select_for_update(skip_locked=True)[:limit])
    OutboxMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(
        state=Delivery.SENDING, next_attempt_at=now + LEASE
    )
    return mails


def _give_back(mails: Sequence[OutboxMail], *, now: datetime) -> None:
    """End the lease of mails that were not begun, where it is still ours: they wait for no time-out."""
    ours = OutboxMail.objects.filter(pk__in=[mail.pk for mail in mails], next_attempt_at=now + LEASE)
    ours.filter(state=Delivery.SENDING).update(state=Delivery.PENDING, next_attempt_at=now)


@transaction.atomic
def _sent(mail: OutboxMail, *, at: datetime) -> None:
    """A server has taken it, and with a digest all that it holds.

    Values named `secret_…` are links that open something for whoever has them: they are not kept.
    """
    kept = {name: value for name, value in mail.context.items() if not name.startswith("secret_")}
    OutboxMail.objects.filter(pk=mail.pk).update(state=Delivery.SENT, sent_at=at, next_attempt_at=None, context=kept)
    mark_members_sent(mail, at=at)


def _failed(mail: OutboxMail, *, error: Exception, now: datetime) -> str:
    """Put a mail back with a growing pause (5 s, 10 s, … up to an hour), or give it up.

    One that the server may have taken although its answer was lost stays as *being sent*: it is tried
    again as the same mail, and never becomes part of a digest.
    """
    attempts = mail.attempts + 1
    dead = attempts >= MAX_ATTEMPTS
    doubtful = isinstance(error, OSError) and not isinstance(error, REFUSALS)
    again = Delivery.SENDING if doubtful else Delivery.PENDING
    pause = min(timedelta(seconds=5 * 2**mail.attempts), timedelta(hours=1)) * _jitter()
    OutboxMail.objects.filter(pk=mail.pk).update(
        state=Delivery.DEAD if dead else again,
        attempts=attempts,
        next_attempt_at=None if dead else now + pause,
        last_error=_words(error),
    )
    log.warning("mail %s to %s failed, attempt %d: %s", mail.pk, mail.to, attempts, error)
    return "dead" if dead else "failed"


def _wait_for_server(mails: Sequence[OutboxMail], *, error: Exception, now: datetime) -> None:
    """Put mails back that no server took: they are never given up for it, and tried again within a minute."""
    for mail in mails:
        mail.state, mail.last_error = Delivery.PENDING, _words(error)
        mail.next_attempt_at = now + SERVER_PAUSE * _jitter()
    OutboxMail.objects.bulk_update(mails, ["state", "last_error", "next_attempt_at"])
    log.warning("the mail server is out of reach, %d mails wait: %s", len(mails), error)


def _jitter() -> float:
    """Spread over ± 20 %, so that what failed together does not come back together."""
    return 0.8 + secrets.randbelow(400) / 1000


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def send_again(*, mail_ids: Iterable[int], now: datetime) -> int:
    """Put mails that were given up back into the queue; returns how many."""
    return OutboxMail.objects.filter(Q(pk__in=list(mail_ids)), state=Delivery.DEAD).update(
        state=Delivery.PENDING, attempts=0, next_attempt_at=now, last_error=""
    )


def mark_read(*, recipient_id: int, now: datetime, notice_id: int | None = None) -> int:
    """Mark one notice of a person, or all of theirs, as read; returns how many."""
    notices = Notice.objects.filter(recipient_id=recipient_id, read_at=None)
    if notice_id is not None:
        notices = notices.filter(pk=notice_id)
    done = notices.update(read_at=now)
    if done:
        push(user_ids=[recipient_id], kind=NOTICES)
    return done


def beat(*, name: str, now: datetime, detail: Mapping[str, Any]) -> None:
    """Note that the job `name` ran."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "detail": dict(detail)})
