"""Who works on a ticket, and where it stands."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Team, User
from helpdesk.notifications.services import post
from helpdesk.tickets import customer_mails
from helpdesk.tickets.models import Message, Priority, Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import (
    OWED_TO_THE_CUSTOMER,
    Refused,
    connected_calls,
    end_clocks,
    follow_status,
    happened,
    has_unanswered_message,
    lock,
    move,
    own,
    reopen,
    resolve,
    touch,
)
from helpdesk.tickets.services.searching import index_words
from helpdesk.tickets.services.watching import tell_watchers


@transaction.atomic
def assign(
    *,
    ticket: Ticket,
    owner: User | None,
    actor: User,
    now: datetime,
    team: Team | None = None,
    reason: str = "",
    is_next: bool = False,
) -> Ticket:
    """Give a ticket to a specialist (None: to nobody), perhaps in another team. No clock is reset (SPEC 2.3).

    `is_next`: it was the next in the queue; its event says so.
    """
    ticket, _clocks = lock(ticket, now=now)
    if owner is not None and not (owner.is_staff and owner.is_active):
        raise Refused(_("Only an active member of staff can own a ticket."))
    why = _why(reason) | ({"next": True} if is_next else {})
    touch(ticket, now, *own(ticket, owner=owner, actor=actor, now=now, team=team, **why))
    return ticket


@transaction.atomic
def set_priority(*, ticket: Ticket, priority: Priority, actor: User, now: datetime, reason: str = "") -> Ticket:
    """Say how much a ticket presses. No clock changes."""
    ticket, _clocks = lock(ticket, now=now)
    touch(ticket, now, *_prioritise(ticket, priority, actor=actor, now=now, **_why(reason)))
    return ticket


@transaction.atomic
def perform_acts(*, ticket: Ticket, raise_priority: bool, team_id: int | None, percent: int, now: datetime) -> Ticket:
    """What an escalation step does to a ticket: press more, go to a team (SPEC 2.5). The owner stays.

    Nobody is the actor, so the events carry the step's `percent`.
    """
    ticket, _clocks = lock(ticket, now=now)
    changed: list[str] = []
    if not ticket.is_active:
        return ticket
    if raise_priority and ticket.priority < Priority.URGENT:
        changed += _prioritise(ticket, Priority(ticket.priority + 1), actor=None, now=now, percent=percent)
    team = Team.objects.filter(pk=team_id).first() if team_id and team_id != ticket.team_id else None
    if team is not None:
        changed += own(ticket, owner=ticket.owner, actor=None, now=now, team=team, percent=percent)
    if changed:
        touch(ticket, now, *changed)
    return ticket


@transaction.atomic
def set_status(*, ticket: Ticket, status: Status, actor: User, now: datetime, reason: str = "") -> Ticket:
    """Move a ticket by hand. *Waiting* pauses next response and resolution, never a first response.

    A pause that overlaps an unanswered message of the customer is flagged (pause integrity, SPEC 2.2).
    The status that it has already may still pause or resume: a clock may have begun to run again since.
    """
    ticket, clocks = lock(ticket, now=now)
    paused = [clock.paused_at for clock in clocks]
    if status in (Status.SPAM, Status.MERGED, Status.NEW):
        raise Refused(_("A ticket is moved there by an act of its own."))
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    if status in Status.done() and any(clock.is_open and clock.metric in OWED_TO_THE_CUSTOMER for clock in clocks):
        raise Refused(_("The customer has had no reply yet. Reply first; a change of status answers nothing."))
    if status in Status.done() and any(clock.is_open and clock.started_at > now for clock in clocks):
        raise Refused(_("Somebody wrote while you did. Read it, then send yours again."))
    if status in Status.done():
        resolve(ticket, clocks, actor=actor, now=now)
        end_clocks(ticket, clocks, actor=actor, now=now, reason="solved without a further reply")
    else:
        clocks += reopen(ticket, actor=actor, now=now)
        questioned = status == Status.WAITING and has_unanswered_message(ticket)
        follow_status(clocks, status=status, actor=actor, now=now, questioned=questioned)
    changed = move(ticket, status=status, actor=actor, now=now, **_why(reason))
    if not changed and paused != [clock.paused_at for clock in clocks]:
        happened(ticket, TicketEvent.Kind.STATUS, now, actor, before=status, after=status, **_why(reason)).save()
    _tell_moved(ticket, changed, now=now)
    if changed and status in Status.done():
        post(customer_mails.solved(ticket=ticket, moved=ticket.events.latest("id"), now=now))
    return ticket


@transaction.atomic
def close_by_customer(*, ticket: Ticket, actor: User, now: datetime) -> Ticket:
    """The customer closes. A reply not yet due is no longer owed; one past due stays a breach (SPEC 2.3).

    Where a specialist had replied or called, the customer says by it that the matter is resolved.
    """
    ticket, clocks = lock(ticket, now=now)
    if not ticket.is_active and ticket.status != Status.SOLVED:
        raise Refused(_("This ticket is closed already."))
    if ticket.messages.filter(kind=Message.Kind.REPLY).exists() or connected_calls(ticket).exists():
        resolve(ticket, clocks, actor=actor, now=now)
    end_clocks(ticket, clocks, actor=actor, now=now, reason="closed by the customer")
    _tell_moved(ticket, move(ticket, status=Status.CLOSED, actor=actor, now=now), now=now)
    return ticket


def _why(reason: str) -> dict[str, str]:
    """For an event: the reason, where one was given."""
    return {"reason": reason} if reason else {}


@transaction.atomic
def change_subject(*, ticket: Ticket, subject: str, actor: User, now: datetime) -> Ticket:
    """Say better what it is about. The customer sees the new subject, too; the event keeps the old one."""
    ticket, _clocks = lock(ticket, now=now)
    subject = " ".join(subject.split())
    longest = Ticket._meta.get_field("subject").max_length
    if not subject:
        raise Refused(_("A ticket needs a subject."))
    if len(subject) > longest:
        raise Refused(_("This is longer than %(most)d characters. Please shorten it.") % {"most": longest})
    if subject == ticket.subject:
        return ticket
    happened(ticket, TicketEvent.Kind.SUBJECT, now, actor, before=ticket.subject, after=subject).save()
    ticket.subject = subject
    index_words(ticket, subject)
    touch(ticket, now, "subject")
    return ticket


def _tell_moved(ticket: Ticket, changed: list[str], *, now: datetime) -> None:
    """Save what changed with the status, and tell those who watch."""
    touch(ticket, now, *changed)
    if changed:
        tell_watchers(ticket=ticket, event=ticket.events.latest("id"))


def _prioritise(ticket: Ticket, priority: Priority, *, actor: User | None, now: datetime, **why: Any) -> list[str]:
    if ticket.priority == priority:
        return []
    happened(ticket, TicketEvent.Kind.PRIORITY, now, actor, before=ticket.priority, after=priority, **why).save()
    ticket.priority = priority
    return ["priority"]
