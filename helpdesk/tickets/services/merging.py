"""Two tickets that are one; and tickets that never were any."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Attachment, Claim, Message, Severity, Status, Ticket, TicketEvent, Watch
from helpdesk.tickets.services.locked import (
    RESPONSES,
    Refused,
    facts_of,
    follow_status,
    happened,
    has_unanswered_message,
    lock,
    move,
    reopen,
    touch,
)
from helpdesk.tickets.services.searching import index_merged
from helpdesk.tickets.services.watching import tell_watchers

CLAIM = ("claim", "claim_facts", "claim_reason", "claim_judged_by", "claim_judged_at")


class Fate(StrEnum):
    """What a merge does to a clock."""

    STAYS = "stays"  # it goes on, on the ticket that stays
    MOVES = "moves"  # the ticket that stays takes it over
    ENDS = "ends"  # cancelled: it leaves the figures
    JUDGED = "judged"  # it was over before, and keeps its verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Fated:
    """A clock as it is now, and what would become of it."""

    clock: Clock
    fate: Fate


@transaction.atomic
def merge(*, ticket: Ticket, into: Ticket, actor: User, reason: str, now: datetime) -> Ticket:
    """Merge a ticket (a duplicate, say) into another one of the same account; returns the survivor (SPEC 2.3).

    The survivor keeps the earliest running guaranteed clock of each metric; the other's unanswered
    clocks are cancelled and leave the denominators. What was answered, in time or late, stays as it
    was judged. The conversation moves over with its files and those who watch it, and who asked in the
    other one is put in copy. A survivor that waited or was over is open again where the other one had
    something unanswered. One that goes on is business critical from now on where the other one was, with the claim
    that waits to be judged.
    """
    if ticket.pk == into.pk:
        raise Refused(_("A ticket cannot be merged into itself."))
    # Tickets are locked by id, so that two merges that cross never wait for each other.
    held = {row.pk: (row, clocks) for row, clocks in (lock(row, now=now) for row in sorted((ticket, into), key=_id))}
    ticket, clocks = held[ticket.pk]
    into, kept = held[into.pk]
    if ticket.account_id != into.account_id:
        raise Refused(_("Only tickets of the same account can be merged."))
    _refuse_merged_or_spam(ticket, into)
    if ticket.children.exists():
        raise Refused(_("Other tickets hang on this incident. Merge the other one into it, or take them out first."))
    asks = ticket.is_active and has_unanswered_message(ticket)
    # Who has left the account, or asked to be erased, hears nothing more of it.
    may_read = Ticket.objects.visible_to(ticket.requester).filter(pk=ticket.pk).exists()
    reads = {ticket.requester.email} if may_read else set()
    was_active = ticket.is_active
    handed = []
    for clock in clocks:
        if _prevails(clock, kept=[*kept, *handed], actor=actor, now=now, reference=ticket.reference):
            handed.append(sla.take_over(clock, ticket_id=into.pk, now=now, owner_id=into.owner_id))
        sla.cancel(clock, now=now, actor=actor, reason=f"merged into {into.reference}")
    moved = list(ticket.messages.values_list("pk", flat=True))
    Message.objects.filter(pk__in=moved).update(ticket=into)
    index_merged(ticket=ticket, into=into)
    Attachment.objects.filter(message__in=moved).update(ticket=into)
    watching = ticket.watches.values_list("user_id", flat=True)
    Watch.objects.bulk_create([Watch(ticket=into, user_id=pk, since=now) for pk in watching], ignore_conflicts=True)
    ticket.merged_into = into
    merged = happened(ticket, TicketEvent.Kind.MERGED, now, actor, into=into.pk, messages=moved, reason=reason)
    merged.save()
    happened(into, TicketEvent.Kind.ABSORBED, now, actor, ticket=ticket.pk, messages=moved, reason=reason).save()
    changed = move(ticket, status=Status.MERGED, actor=actor, now=now)
    touch(ticket, now, "merged_into", *changed)
    copied = {into.requester.email, *into.cc}
    into.cc = [*into.cc, *sorted({*reads, *ticket.cc} - copied)]
    changed = []
    if (asks or any(clock.metric != Metric.RESOLUTION for clock in handed)) and into.status != Status.NEW:
        handed += reopen(into, actor=actor, now=now)
        changed = move(into, status=Status.OPEN, actor=actor, now=now)
    if was_active and into.is_active:
        changed += _take_severity(ticket, into, actor=actor, now=now)
    follow_status([*kept, *handed], status=Status(into.status), actor=actor, now=now)
    touch(into, now, "cc", *changed)
    tell_watchers(ticket=ticket, event=merged, into=into.reference)
    return into


def _take_severity(ticket: Ticket, into: Ticket, *, actor: User, now: datetime) -> list[str]:
    """The survivor is as critical as the other one; returns the fields that changed. No clock moves by it: the
    earliest guarantee is there already. What was declined on the survivor is not claimed again by a merge."""
    if ticket.severity != Severity.CRITICAL or into.severity == Severity.CRITICAL:
        return []
    if ticket.claim == Claim.CLAIMED and into.claim == Claim.DECLINED:
        return []
    into.severity, into.claim = ticket.severity, ticket.claim
    into.claim_facts, into.claim_reason = ticket.claim_facts, ticket.claim_reason
    into.policy_version = sla.choose_policy(facts_of(into), as_of=into.created_at) or into.policy_version
    if into.claim == Claim.CLAIMED:
        happened(into, TicketEvent.Kind.CLAIMED, now, ticket.requester).save()
    else:  # whoever merges them says so of this one
        into.claim_judged_by, into.claim_judged_at = actor, now
        happened(into, TicketEvent.Kind.RAISED, now, actor, reason=into.claim_reason, claim=into.claim).save()
    return ["severity", "policy_version", *CLAIM]


def preview_merge(*, ticket: Ticket, into: Ticket, actor: User, now: datetime) -> list[Fated]:
    """What a merge would do to the clocks of both; raises what `merge` would raise, and changes nothing.

    It is done and taken back, so that the preview can't say anything else than the act does.
    """
    both = (ticket.pk, into.pk)
    with transaction.atomic():
        before = list(Clock.objects.filter(ticket__in=both).select_related("calendar_version").order_by("-id"))
        merge(ticket=ticket, into=into, actor=actor, reason="", now=now)
        after = {clock.pk: clock for clock in Clock.objects.filter(ticket__in=both)}
        transaction.set_rollback(True)
    taken = {(clock.metric, clock.started_at) for pk, clock in after.items() if pk not in {row.pk for row in before}}
    return [Fated(clock=clock, fate=_fate(clock, after[clock.pk], taken)) for clock in before]


def _fate(clock: Clock, later: Clock, taken: set[tuple[str, datetime]]) -> Fate:
    if not clock.is_unanswered:
        return Fate.JUDGED
    if later.state != State.CANCELLED:
        return Fate.STAYS
    return Fate.MOVES if (clock.metric, clock.started_at) in taken else Fate.ENDS


def _refuse_merged_or_spam(*tickets: Ticket) -> None:
    """Whoever comes second hears what the first one did."""
    for ticket in tickets:
        if ticket.status == Status.MERGED:
            words = {"ticket": ticket.reference, "into": f"PS-{ticket.merged_into_id}"}
            raise Refused(_("%(ticket)s was merged into %(into)s already. Nothing was changed.") % words)
        if ticket.status == Status.SPAM:
            raise Refused(_("%(ticket)s is marked as spam. Nothing was changed.") % {"ticket": ticket.reference})


@transaction.atomic
def mark_spam(*, ticket: Ticket, actor: User, reason: str, now: datetime) -> Ticket:
    """Spam: its unanswered clocks are cancelled and leave the denominators; the event says who decided (SPEC 2.3)."""
    ticket, clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    cancelled = [clock.pk for clock in clocks]
    for clock in clocks:
        sla.cancel(clock, now=now, actor=actor, reason="spam")
    marked = happened(ticket, TicketEvent.Kind.SPAM, now, actor, reason=reason, before=ticket.status, clocks=cancelled)
    marked.save()
    touch(ticket, now, *move(ticket, status=Status.SPAM, actor=actor, now=now))
    tell_watchers(ticket=ticket, event=marked)
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
        sla.take_over(clock, ticket_id=ticket.pk, now=now, owner_id=ticket.owner_id)
    found = happened(ticket, TicketEvent.Kind.NOT_SPAM, now, actor)
    found.save()
    before = Status(marked.data["before"])
    touch(ticket, now, *move(ticket, status=before, actor=actor, now=now))
    tell_watchers(ticket=ticket, event=found)
    return ticket


def _id(ticket: Ticket) -> int:
    return ticket.pk


def _prevails(clock: Clock, *, kept: list[Clock], actor: User, now: datetime, reference: str) -> bool:
    """Whether a clock is taken over since the survivor's own promise less; a weaker one of those is cancelled."""
    if not clock.is_open:
        return False
    own = [mine for mine in kept if mine.is_open and mine.metric == clock.metric]
    if not clock.is_guaranteed:
        return clock.metric != Metric.RESOLUTION and not any(mine.is_open and _is_alike(mine, clock) for mine in kept)
    if any(mine.is_guaranteed and _deadline(mine) <= _deadline(clock) for mine in own):
        return False
    for mine in own:
        sla.cancel(mine, now=now, actor=actor, reason=f"the guarantee of {reference} counts")
    return True


def _is_alike(mine: Clock, clock: Clock) -> bool:
    """Whether one reply answers both."""
    return mine.metric == clock.metric or (mine.metric in RESPONSES and clock.metric in RESPONSES)


def _deadline(clock: Clock) -> datetime:
    """When a guaranteed clock was or is due; one that is paused comes last."""
    return clock.breached_at or clock.due_at or datetime.max.replace(tzinfo=clock.started_at.tzinfo)
