"""Two tickets that are one; and tickets that never were any."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Message, Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import RESPONSES, Refused, happened, lock, move, touch


@transaction.atomic
def merge(*, ticket: Ticket, into: Ticket, actor: User, reason: str, now: datetime) -> Ticket:
    """Merge a ticket (a duplicate, say) into another one of the same account; returns the survivor (SPEC 2.3).

    The survivor keeps the earliest running guaranteed clock of each metric; the other's unanswered
    clocks are cancelled and leave the denominators. What was answered, in time or late, stays as it
    was judged. The conversation moves over, and who asked in the other one is put in copy.
    """
    if ticket.pk == into.pk:
        raise Refused(_("A ticket cannot be merged into itself."))
    # Tickets are locked by id, so that two merges that cross never wait for each other.
    held = {row.pk: (row, clocks) for row, clocks in (lock(row, now=now) for row in sorted((ticket, into), key=_id))}
    ticket, clocks = held[ticket.pk]
    into, kept = held[into.pk]
    if ticket.account_id != into.account_id:
        raise Refused(_("Only tickets of the same account can be merged."))
    if any(row.status in (Status.MERGED, Status.SPAM) for row in (ticket, into)):
        raise Refused(_("One of them is merged or spam already."))
    for clock in clocks:
        _hand_over(clock, into=into, kept=kept, actor=actor, now=now, reference=ticket.reference)
        sla.cancel(clock, now=now, actor=actor, reason=f"merged into {into.reference}")
    moved = list(ticket.messages.values_list("pk", flat=True))
    Message.objects.filter(pk__in=moved).update(ticket=into)
    ticket.merged_into = into
    happened(ticket, TicketEvent.Kind.MERGED, now, actor, into=into.pk, messages=moved, reason=reason).save()
    happened(into, TicketEvent.Kind.ABSORBED, now, actor, ticket=ticket.pk, messages=moved, reason=reason).save()
    changed = move(ticket, status=Status.MERGED, actor=actor, now=now)
    touch(ticket, now, "merged_into", *changed)
    copied = {into.requester.email, *into.cc}
    into.cc = [*into.cc, *sorted({ticket.requester.email, *ticket.cc} - copied)]
    reopened = move(into, status=Status.OPEN, actor=actor, now=now) if _owes(into) and not into.is_active else []
    touch(into, now, "cc", *reopened)
    return into


@transaction.atomic
def mark_spam(*, ticket: Ticket, actor: User, reason: str, now: datetime) -> Ticket:
    """Spam: its unanswered clocks are cancelled and leave the denominators; the event says who decided (SPEC 2.3)."""
    ticket, clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    cancelled = [clock.pk for clock in clocks if clock.is_open]
    for clock in clocks:
        sla.cancel(clock, now=now, actor=actor, reason="spam")
    happened(ticket, TicketEvent.Kind.SPAM, now, actor, reason=reason, before=ticket.status, clocks=cancelled).save()
    touch(ticket, now, *move(ticket, status=Status.SPAM, actor=actor, now=now))
    return ticket


@transaction.atomic
def not_spam(*, ticket: Ticket, actor: User, now: datetime) -> Ticket:
    """Spam by mistake: what was promised counts on from its own start, so that the mistake costs no guarantee."""
    ticket, _clocks = lock(ticket, now=now)
    if ticket.status != Status.SPAM:
        raise Refused(_("This ticket is not spam."))
    marked = ticket.events.filter(kind=TicketEvent.Kind.SPAM).last()
    related = ("policy_version", "calendar_version")
    for clock in Clock.objects.filter(pk__in=marked.data["clocks"]).select_related(*related).order_by("pk"):
        sla.start_like(clock, ticket_id=ticket.pk, now=now, actor=actor)
    happened(ticket, TicketEvent.Kind.NOT_SPAM, now, actor).save()
    before = Status(marked.data["before"])
    touch(ticket, now, *move(ticket, status=before, actor=actor, now=now))
    return ticket


def _id(ticket: Ticket) -> int:
    return ticket.pk


def _owes(ticket: Ticket) -> bool:
    return ticket.clocks.unanswered().exclude(metric=Metric.RESOLUTION).exists()


def _hand_over(clock: Clock, *, into: Ticket, kept: list[Clock], actor: User, now: datetime, reference: str) -> None:
    """Let the survivor's clocks keep what this one promised, where they promise less."""
    if not clock.is_open or clock.metric == Metric.RESOLUTION:
        return
    same = [mine for mine in kept if mine.is_open and mine.metric == clock.metric]
    if not clock.is_guaranteed:
        waits = [mine for mine in kept if mine.is_open and mine.metric in RESPONSES]
        if not (same or (clock.metric in RESPONSES and waits)):
            kept.append(sla.start_like(clock, ticket_id=into.pk, now=now, actor=actor))
        return
    mine = next((mine for mine in same if mine.is_guaranteed), None)
    if mine is None:
        for weaker in same:
            sla.cancel(weaker, now=now, actor=actor, reason=f"the guarantee of {reference} counts")
        kept.append(sla.start_like(clock, ticket_id=into.pk, now=now, actor=actor))
    elif _deadline(clock) < _deadline(mine):
        sla.retarget(
            mine,
            promised=sla.promised_by(clock),
            now=now,
            actor=actor,
            owner_id=into.owner_id,
            reason=f"merged with {reference}",
            since=clock.counted_from,
            renew=False,
        )


def _deadline(clock: Clock) -> datetime:
    """When a guaranteed clock was or is due; one that is paused comes last."""
    return clock.breached_at or clock.due_at or datetime.max.replace(tzinfo=clock.started_at.tzinfo)
