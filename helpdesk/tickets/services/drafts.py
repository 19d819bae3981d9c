"""What is typed before it is said: drafts that are kept, and sending that can be taken back for some seconds.

Locks are taken in one order: the draft, then its ticket. A draft is its writer's alone and no event of the
ticket; what it becomes is one (`reply`, `add_note`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.notifications.services import tell
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Clock
from helpdesk.tickets import draft_news
from helpdesk.tickets.models import Attachment, Draft, Message, Status, Ticket
from helpdesk.tickets.services.conversation import add_note, check_reply, reply
from helpdesk.tickets.services.files import forget_files
from helpdesk.tickets.services.locked import RESPONSES, Refused, lock

log = logging.getLogger(__name__)

NO_TIME = timedelta(minutes=1)  # a deadline that is nearer leaves no time for second thoughts
SLACK = timedelta(seconds=50)  # between the end of a longer time for them and the deadline
ONCE = "message_submission_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the reply box. `seen` is the last message that its writer had before their eyes."""

    kind: str = Message.Kind.REPLY
    body: str = ""
    status: str = ""
    submission: str = ""
    seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of *Send*: a message, or a draft on its way. `pressed`: it left at once for a deadline's sake."""

    message: Message | None = None
    draft: Draft | None = None
    pressed: bool = False


class Leaving(Refused):
    """A draft that is on its way can't be written over."""


class Stale(Refused):
    """The draft was changed elsewhere since this page read it."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(_("This draft was changed on another screen."))
        self.draft = draft


class Crossed(Refused):
    """Others wrote `messages` since the page was read."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__(_("Somebody wrote while you did. Read it, then send yours again."))
        self.messages = messages


class SentBefore(Refused):
    """A form that was sent already: `message` is what it said then."""

    def __init__(self, message: Message) -> None:
        super().__init__(_("An earlier text was sent with this form already. Send again to add this one."))
        self.message = message


@transaction.atomic
def save_draft(
    *, ticket: Ticket, actor: User, typed: Typed, known: datetime | None, now: datetime, overwrite: bool = False
) -> Draft | None:
    """Keep what is typed; None when there is nothing to keep any more.

    `known` is when the draft was saved last as far as the page knows: another instant means that it was
    changed on another screen, which raises `Stale` unless the text is the same or the person said `overwrite`.
    """
    draft = Draft.objects.select_for_update().filter(ticket=ticket, user=actor).first()
    if draft is not None and draft.leaves_at is not None:
        raise Leaving(_("Your last message is still on its way. This one is saved as soon as it has left."))
    if draft is not None and draft.saved_at != known and draft.body != typed.body and not overwrite:
        raise Stale(draft)
    if not typed.body and not waiting_files(ticket=ticket, user=actor).exists():
        if draft is not None:
            draft.delete()
        return None
    values = _values(typed) | {"saved_at": now, "refused": ""}
    return Draft.objects.update_or_create(ticket=ticket, user=actor, defaults=values)[0]


@transaction.atomic
def discard_draft(*, ticket: Ticket, actor: User) -> None:
    """Throw away what was typed, with its files. What is on its way is taken back first."""
    Draft.objects.select_for_update().filter(ticket=ticket, user=actor, leaves_at=None).delete()
    if not Draft.objects.filter(ticket=ticket, user=actor).exists():
        forget_files(waiting_files(ticket=ticket, user=actor))


@transaction.atomic
def send(*, ticket: Ticket, actor: User, typed: Typed, undo: timedelta, now: datetime) -> Sent:
    """Send what is typed: a note at once, a public reply after `undo`, in which it can be taken back (decision 17).

    It leaves at once where a deadline that it would answer is nearer than a minute. Raises `Crossed` when
    others wrote since `typed.seen`, `SentBefore` for a form that was sent already, `Refused` as `reply` does.
    """
    values = _values(typed) | {"saved_at": now, "refused": "", "leaves_at": None}
    rows = Draft.objects.select_for_update()
    draft, created = rows.get_or_create(ticket=ticket, user=actor, defaults=values)
    if draft.leaves_at is not None:
        if draft.submission == typed.submission:
            return Sent(draft=draft)
        _say(draft, now=now)  # the one before goes first, and can't be taken back any more
        draft, created = rows.get_or_create(ticket=ticket, user=actor, defaults=values)
    ticket, clocks = lock(ticket, now=now)
    if sent := ticket.messages.filter(submission=typed.submission).first():
        raise SentBefore(sent)
    _ask_if_crossed(ticket, actor, typed.seen)
    if not created:
        for name, value in values.items():
            setattr(draft, name, value)
        draft.save(update_fields=list(values))
    if typed.kind == Message.Kind.NOTE:
        return Sent(message=_say(draft, now=now))
    status = Status(typed.status or Status.OPEN)
    check_reply(ticket, clocks, status=status)
    pressed = _presses(clocks, status=status, undo=undo, now=now)
    if pressed or not undo:
        return Sent(message=_say(draft, now=now), pressed=pressed and bool(undo))
    draft.leaves_at = now + undo
    draft.save(update_fields=["leaves_at"])
    return Sent(draft=draft)


@transaction.atomic
def take_back(*, ticket: Ticket, actor: User, now: datetime) -> Draft:
    """*Undo*: what is on its way is a draft again. Refused when it has left."""
    rows = Draft.objects.select_for_update().filter(ticket=ticket, user=actor, leaves_at__isnull=False)
    draft = rows.first()
    if draft is None:
        raise Refused(_("It has left already and can’t be taken back."))
    draft.leaves_at, draft.saved_at = None, now
    draft.save(update_fields=["leaves_at", "saved_at"])
    return draft


def leave_drafts(*, now: datetime, limit: int = 200) -> dict[str, int]:
    """Say what was sent and whose time to take it back is over; returns the counts of left, held and failed.

    One transaction a draft. Workers side by side never hold the same one, a killed one leaves it as it was,
    and the key of the form makes one message of it, however often it is tried. One that can't be said stays
    a draft with the reason, and its writer is told.
    """
    counts, failed = {"left": 0, "held": 0, "failed": 0}, []
    while sum(counts.values()) < limit:
        draft_id = None
        try:
            with transaction.atomic():
                draft = _next_to_leave(now, without=failed)
                if draft is None:
                    break
                draft_id = draft.pk
                counts["left" if _leave(draft, now=now) else "held"] += 1
        except Exception:
            if draft_id is None:  # the database is out of reach: that is not the draft's fault
                raise
            log.exception("draft %s did not leave, it is tried again", draft_id)
            failed.append(draft_id)
            counts["failed"] += 1
    return counts


def waiting_files(*, ticket: Ticket, user: User) -> QuerySet[Attachment]:
    """The files of somebody's draft on a ticket."""
    return Attachment.objects.filter(ticket=ticket, uploaded_by=user, message=None)


def _values(typed: Typed) -> dict[str, object]:
    return {
        "kind": typed.kind,
        "body": typed.body,
        "status": typed.status,
        "submission": typed.submission,
        "seen_message": typed.seen,
    }


def _next_to_leave(now: datetime, *, without: list[int]) -> Draft | None:
    due = Draft.objects.filter(leaves_at__lte=now).exclude(pk__in=without).order_by("leaves_at", "id")
    return due.select_related("ticket__account", "user").select_for_update(of=("self",), skip_locked=True).first()


def _leave(draft: Draft, *, now: datetime) -> bool:
    """Say one draft; False when it was held back.

    The ticket is taken first: what a customer is just writing is read, and keeps it open, rather than crossed unseen.
    """
    lock(draft.ticket, now=now)
    came = list(messages_since(draft.ticket, draft.user, draft.seen_message))
    if any(message.kind == Message.Kind.CUSTOMER for message in came):
        draft.status = Status.OPEN  # the customer waits again: the ticket isn't done with, or theirs to wait on
    try:
        with transaction.atomic(), translation.override(draft.user.language):
            _say(draft, now=now)
    except Refused as refused:
        draft.leaves_at, draft.saved_at, draft.refused = None, now, str(refused)
        draft.save(update_fields=["leaves_at", "saved_at", "refused"])
        tell([draft_news.held(draft, now=now)], now=now)
        return False
    except IntegrityError as error:
        if getattr(error.__cause__.diag, "constraint_name", "") != ONCE:
            raise
        draft.delete()  # it was said already
        return True
    if came:
        tell([draft_news.crossed(draft, came, now=now)], now=now)
    return True


def _say(draft: Draft, *, now: datetime) -> Message:
    """Make the message, with the files that were there when it was sent; nothing of the draft is left."""
    files = list(waiting_files(ticket=draft.ticket, user=draft.user).filter(created_at__lte=draft.saved_at))
    common = {
        "ticket": draft.ticket,
        "actor": draft.user,
        "body": draft.body,
        "submission": draft.submission,
        "attachments": files,
        "now": now,
    }
    if draft.kind == Message.Kind.NOTE:
        message = add_note(**common)
    else:
        message = reply(**common, status=Status(draft.status or Status.OPEN))
    Draft.objects.filter(pk=draft.pk).delete()
    return message


def messages_since(ticket: Ticket, reader: User, seen: int | None) -> QuerySet[Message]:
    """What others wrote after the message `seen`; nothing where that isn't known."""
    if seen is None:
        return Message.objects.none()
    return ticket.messages.filter(pk__gt=seen).exclude(author=reader).select_related("author")


def _ask_if_crossed(ticket: Ticket, actor: User, seen: int | None) -> None:
    came = list(messages_since(ticket, actor, seen))
    if came:
        raise Crossed(came)


def _presses(clocks: list[Clock], *, status: Status, undo: timedelta, now: datetime) -> bool:
    """Whether a deadline that this reply answers, or stops, is past, or nearer than a minute; or than a longer undo."""
    concerned = [*RESPONSES, Metric.CHAT_PICKUP]
    if status != Status.OPEN:
        concerned.append(Metric.RESOLUTION)
    due = [clock.due_at for clock in clocks if clock.metric in concerned and clock.is_open and clock.due_at]
    return any(at - now < max(NO_TIME, undo + SLACK) for at in due)
