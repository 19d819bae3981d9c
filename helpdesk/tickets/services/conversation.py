"""What is said: replies, notes, the customer's messages, calls, chats."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.notifications.services import new_message_id, post, tell
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Clock
from helpdesk.tickets import customer_mails, draft_news, mails
from helpdesk.tickets.mentions import mentioned_in
from helpdesk.tickets.models import Attachment, Message, Source, Status, Ticket, TicketEvent, Watch
from helpdesk.tickets.services.files import give_to
from helpdesk.tickets.services.locked import (
    RESPONSES,
    Refused,
    end_clocks,
    follow_status,
    happened,
    lock,
    move,
    own,
    reopen,
    resolve,
    start_clock,
    touch,
)
from helpdesk.tickets.services.searching import index_words
from helpdesk.tickets.services.watching import tell_watchers


@transaction.atomic
def reply(
    *,
    ticket: Ticket,
    actor: User,
    body: str,
    now: datetime,
    status: Status = Status.OPEN,
    submission: str = "",
    attachments: Sequence[Attachment] = (),
) -> Message:
    """A specialist's public reply: answers the clocks that wait for one, in this transaction (SPEC 2.2).

    With it a resolution clock is answered by *solved*, and paused by *waiting*. A call that is still owed
    in time is not done with by a last word. IntegrityError when the ticket has a message with this
    `submission` already.

    What the customer wrote after `now`, while this waited for the ticket, it doesn't answer: that clock goes
    on, and the ticket stays open.
    """
    ticket, clocks = lock(ticket, now=now)
    written = ticket.messages.filter(kind=Message.Kind.CUSTOMER)
    first, quoted = written.first(), written.last()
    if quoted is not None and quoted.created_at > now:
        status = Status.OPEN
    check_reply(ticket, clocks, status=status)
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.REPLY,
        author=actor,
        body=body,
        via=Source.STAFF,
        message_id=new_message_id(),
        submission=submission,
        created_at=now,
    )
    give_to(message, attachments)
    # A chat is joined by who writes in it; a call that was asked for is not made by writing.
    answered = _begun(clocks, (*RESPONSES, Metric.CHAT_PICKUP), now=now)
    for clock in answered:
        sla.fulfil(clock, now=now, actor=actor, owner_id=ticket.owner_id)
    _keep_resolution(ticket, clocks, status=status, actor=actor, now=now)
    index_words(ticket, body)
    replied = happened(ticket, TicketEvent.Kind.REPLIED, now, actor, message=message.pk)
    replied.save()
    changed = own(ticket, owner=actor, actor=actor, now=now) if ticket.owner_id is None else []
    changed += move(ticket, status=status, actor=actor, now=now)
    touch(ticket, now, *changed)
    answered_clock = next(iter(answered), None)
    post(
        mails.reply(
            ticket=ticket,
            message=message,
            clock=answered_clock,
            thread=first,
            quoted=quoted,
            files=attachments,
            rate_url=customer_mails.rate_url(ticket) if status in Status.done() else "",
            now=now,
        )
    )
    tell_watchers(ticket=ticket, event=replied, said=body, after=ticket.status)
    return message


def check_reply(ticket: Ticket, clocks: Sequence[Clock], *, status: Status) -> None:
    """Refused where a public reply that leaves `status` can't be made."""
    if ticket.status == Status.MERGED:
        raise Refused(_("This ticket was merged into another one; reply there."))
    if ticket.status == Status.SPAM:
        raise Refused(_("This ticket is not worked on any more."))
    if status in Status.done() and any(
        clock.is_open and clock.metric == Metric.CALLBACK and clock.breached_at is None for clock in clocks
    ):
        raise Refused(_("The customer has asked for a call. Call first; a reply doesn't stand in for it."))


@transaction.atomic
def add_note(
    *,
    ticket: Ticket,
    actor: User,
    body: str,
    now: datetime,
    submission: str = "",
    attachments: Sequence[Attachment] = (),
) -> Message:
    """An internal note: seen by staff only, answers no clock. IntegrityError as in `reply`.

    Colleagues whom it names (`@Name`) are told, and watch the ticket from then on.
    """
    ticket, _clocks = lock(ticket, now=now)
    people = mentioned_in(body, without=actor)
    note = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.NOTE,
        author=actor,
        body=body,
        via=Source.STAFF,
        mentioned=[person.pk for person in people],
        submission=submission,
        created_at=now,
    )
    index_words(ticket, body)
    give_to(note, attachments)
    happened(ticket, TicketEvent.Kind.NOTED, now, actor, message=note.pk).save()
    touch(ticket, now)
    if people:
        watches = [Watch(ticket=ticket, user=person, since=now) for person in people]
        Watch.objects.bulk_create(watches, ignore_conflicts=True)
        tell(draft_news.mentioned(note, people, now=now), now=now)
    return note


@transaction.atomic
def customer_reply(
    *,
    ticket: Ticket,
    actor: User,
    body: str,
    now: datetime,
    via: Source = Source.FORM,
    attachments: Sequence[Attachment] = (),
) -> Message:
    """A customer's further message; starts a cycle of next response where none runs (SPEC 2.2, 2.3).

    On a ticket that was over it starts a cycle of resolution, too: the first one's verdict stays.
    """
    ticket, clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket takes no more messages; please open a new one."))
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.CUSTOMER,
        author=actor,
        body=body,
        via=via,
        message_id=new_message_id(),
        created_at=now,
    )
    index_words(ticket, body)
    wrote = happened(ticket, TicketEvent.Kind.CUSTOMER_WROTE, now, actor, message=message.pk)
    wrote.save()
    give_to(message, attachments)
    reopen(ticket, actor=actor, now=now)
    changed = move(ticket, status=Status.OPEN, actor=actor, now=now) if ticket.status != Status.NEW else []
    follow_status(clocks, status=Status.OPEN, actor=actor, now=now)
    # A clock that an exception made void watches over nothing any more.
    if not any(clock.is_open and clock.metric in RESPONSES for clock in clocks):
        start_clock(ticket, Metric.NEXT_RESPONSE, now=now, actor=actor)
    touch(ticket, now, *changed)
    tell_watchers(ticket=ticket, event=wrote, said=body)
    return message


@transaction.atomic
def record_call(*, ticket: Ticket, actor: User, connected: bool, note: str, now: datetime) -> Ticket:
    """A call to the customer. A connected one answers callback and responses; a failed attempt answers nothing."""
    ticket, clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    index_words(ticket, note)
    happened(ticket, TicketEvent.Kind.CALLED, now, actor, connected=connected, note=note).save()
    changed = []
    if connected:
        calls = [clock for clock in clocks if clock.metric == Metric.CALLBACK]  # one may be made before its window
        for clock in (*_begun(clocks, RESPONSES, now=now), *calls):
            sla.fulfil(clock, now=now, actor=actor, owner_id=ticket.owner_id)
        changed = _taken_up(ticket, actor=actor, now=now)
    touch(ticket, now, *changed)
    return ticket


@transaction.atomic
def join_chat(*, ticket: Ticket, actor: User, now: datetime) -> Ticket:
    """A specialist joins the chat: that answers its pickup (SPEC 2.2)."""
    ticket, clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    happened(ticket, TicketEvent.Kind.JOINED, now, actor).save()
    for clock in clocks:
        if clock.metric == Metric.CHAT_PICKUP:
            sla.fulfil(clock, now=now, actor=actor, owner_id=ticket.owner_id)
    touch(ticket, now, *_taken_up(ticket, actor=actor, now=now))
    return ticket


def _begun(clocks: Sequence[Clock], metrics: Sequence[Metric], *, now: datetime) -> list[Clock]:
    """The clocks of these metrics that something said at `now` answers: not those of what was written after it."""
    return [clock for clock in clocks if clock.metric in metrics and clock.started_at <= now]


def _taken_up(ticket: Ticket, *, actor: User, now: datetime) -> list[str]:
    """Somebody speaks with the customer: the ticket is theirs where it was nobody's, and no longer new."""
    changed = own(ticket, owner=actor, actor=actor, now=now) if ticket.owner_id is None else []
    return changed + (move(ticket, status=Status.OPEN, actor=actor, now=now) if ticket.status == Status.NEW else [])


def _keep_resolution(ticket: Ticket, clocks: list, *, status: Status, actor: User, now: datetime) -> None:
    """What the status that goes out with a reply means for the resolution, and for what is left open."""
    if status in Status.done():
        resolve(ticket, clocks, actor=actor, now=now)
        end_clocks(ticket, clocks, actor=actor, now=now, reason="solved")
        return
    clocks = [*clocks, *reopen(ticket, actor=actor, now=now)]
    follow_status(clocks, status=status, actor=actor, now=now)
