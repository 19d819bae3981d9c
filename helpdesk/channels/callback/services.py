"""Verbs of a call that was asked for, as its customer, and as time, has them; `calling` has the specialist's.

Locks in one order: the ticket, its clocks, then the call.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account, Membership, User
from helpdesk.accounts.readers import reader_of
from helpdesk.channels.callback.models import CallAttempt, CallQuerySet, CallRequest
from helpdesk.core.channels import Channel
from helpdesk.core.jobs import kick
from helpdesk.notifications.services import Telling, tell
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock
from helpdesk.sla.target import Interval
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.tickets.intake import receive
from helpdesk.tickets.models import Message, Source, Status, Ticket, TicketEvent
from helpdesk.tickets.services import NewTicket, Refused
from helpdesk.tickets.services.form_drafts import external_id
from helpdesk.tickets.services.locked import (
    connected_calls,
    end_clocks,
    happened,
    lock,
    move,
    start_clock,
    touch,
)

DIAL_TASK = "helpdesk.tasks.dial_calls"
NEWS = "call"  # kind of the notice that somebody is to be called
STALE = timedelta(minutes=45)  # an attempt that nobody wrote the outcome of
LONGEST_TALK = timedelta(hours=4)  # the same, while the provider says that somebody speaks
MOST_AT_ONCE = 200
# What a change of number or time writes.
CHANGED = (
    *("number", "time_zone", "begins_at", "ends_at", "callable_at", "clock"),
    *("taken_by", "taken_at", "announced_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """What it takes to ask for a call. `window` is None for *now*; `ticket` for a further call on one of theirs."""

    membership: Membership
    entitlement: Entitlement
    key: str
    subject: str
    body: str
    number: str
    time_zone: str
    window: Interval | None = None
    language: str = "en"
    ticket: Ticket | None = None

    @property
    def submission(self) -> str:
        """The key with the person before it: nobody can name another one's submission."""
        return external_id(self.membership.user, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The call, and whether it was asked for just now; or else it is the one that was there."""

    call: CallRequest
    created: bool


def ask(*, new: NewCall, now: datetime) -> Asked:
    """Ask for a call: a ticket with its callback clock, and the call, exactly once for each submission.

    A person has one open call for an account: a second one leads to the first. The database's constraints
    decide that, not a look before.
    """
    if not new.entitlement.includes(Channel.PHONE):
        raise Refused(_("Your package doesn't include calls for this hub."))
    _follow_tickets(_calls_of(new))
    if found := _asked_before(new):
        return Asked(call=found, created=False)
    try:
        return _ask(new, now=now)
    except IntegrityError:  # the same person, in another window, at this very moment
        if found := _asked_before(new):
            return Asked(call=found, created=False)
        raise


def open_call(*, user: User, account: Account) -> CallRequest | None:
    """The call that this person waits for. One query."""
    calls = CallRequest.objects.to_make().filter(requester=user, account=account)
    return calls.select_related("ticket", "clock", "taken_by").first()


def last_number(*, user: User) -> str:
    """The number that this person was called on last; empty at first. One query."""
    numbers = CallRequest.objects.filter(requester=user).order_by("-asked_at")
    return numbers.values_list("number", flat=True).first() or ""


def _calls_of(new: NewCall) -> CallQuerySet:
    return CallRequest.objects.filter(requester=new.membership.user, account=new.membership.account)


def _asked_before(new: NewCall) -> CallRequest | None:
    sent = CallRequest.objects.filter(submission=new.submission).first()
    return sent or open_call(user=new.membership.user, account=new.membership.account)


@transaction.atomic
def _ask(new: NewCall, *, now: datetime) -> Asked:
    person, account = new.membership.user, new.membership.account
    _end_those_without_ticket(_calls_of(new), now=now, spam=True)
    begins_at = new.window[0] if new.window else None
    if new.ticket is None:
        receipt = receive(source=Source.CALLBACK, external_id=new.submission, new=_ticket_of(new), now=now)
        if not receipt.created:
            return Asked(call=CallRequest.objects.get(submission=new.submission), created=False)
        ticket = receipt.ticket
        clock = ticket.clocks.filter(metric=Metric.CALLBACK).first()
    else:
        ticket, clock = _go_on(new.ticket, begins_at=begins_at, actor=person, now=now)
    call = CallRequest.objects.create(
        ticket=ticket,
        account=account,
        requester=person,
        clock=clock,
        submission=new.submission,
        number=new.number,
        time_zone=new.time_zone,
        begins_at=begins_at,
        ends_at=new.window[1] if new.window else None,
        callable_at=begins_at or now,
        asked_at=now,
    )
    _asked_event(call, ticket, person, now=now).save()
    announce([call], now=now)
    return Asked(call=call, created=True)


def _ticket_of(new: NewCall) -> NewTicket:
    return NewTicket(
        membership=new.membership,
        entitlement=new.entitlement,
        subject=new.subject,
        body=new.body,
        channel=Channel.PHONE,
        source=Source.CALLBACK,
        language=new.language,
        begins_at=new.window[0] if new.window else None,
    )


def _go_on(ticket: Ticket, *, begins_at: datetime | None, actor: User, now: datetime) -> tuple[Ticket, Clock | None]:
    """A further call on a ticket of theirs, with a callback clock in a cycle of its own."""
    ticket, clocks = lock(ticket, now=now)
    if not can_ask_again(ticket):
        raise Refused(_("This ticket is over. Ask for a call about something new."))
    close_callbacks(ticket, clocks, actor=actor, now=now, reason="another time was chosen")
    clock = start_clock(ticket, Metric.CALLBACK, now=now, actor=actor, begins_at=begins_at)
    changed = move(ticket, status=Status.OPEN, actor=actor, now=now) if ticket.status == Status.WAITING else []
    touch(ticket, now, *changed)
    return ticket, clock


def can_ask_again(ticket: Ticket) -> bool:
    """Whether a further call can go on with this ticket."""
    return ticket.is_active and ticket.channel == Channel.PHONE


@transaction.atomic
def change(
    *, call: CallRequest, actor: User, number: str, time_zone: str, window: Interval | None, now: datetime
) -> CallRequest:
    """Another number, another time. Another time ends the clock, before its deadline without a trace in the
    figures, and starts a cycle that counts from the new beginning (decision 22). Refused while it rings."""
    ticket, clocks, call = lock_call(call, now=now)
    if call.state == CallRequest.State.CALLING:
        raise Refused(_("We are calling you at this moment."))
    if not call.is_open:
        raise Refused(_("This call is over. Ask for a new one."))
    call.number, call.time_zone = number, time_zone
    begins_at, ends_at = window or (None, None)
    # After an attempt that failed, "now" is another time, too: it had a pause before it.
    if begins_at != call.begins_at or call.callable_at > now and window is None:
        call.begins_at, call.ends_at, call.callable_at = begins_at, ends_at, begins_at or now
        call.taken_by = call.taken_at = call.announced_at = None
        _asked_event(call, ticket, actor, now=now, changed=True).save()
        close_callbacks(ticket, clocks, actor=actor, now=now, reason="another time was chosen")
        call.clock = start_clock(ticket, Metric.CALLBACK, now=now, actor=actor, begins_at=begins_at) or call.clock
        announce([call], now=now)
    call.save(update_fields=CHANGED)
    touch(ticket, now)
    return call


@transaction.atomic
def cancel(*, call: CallRequest, actor: User, now: datetime) -> CallRequest:
    """The customer needs no call any more: before it was due the clock is cancelled, after it the breach stays.

    A ticket on which nobody has said anything else is closed with it (SPEC 2.3). While a provider rings, the
    phone stops; refused once somebody has answered, or where a specialist dials by hand.
    """
    ticket, clocks, call = lock_call(call, now=now)
    if call.state == CallRequest.State.CALLING:
        running = call.made.filter(outcome="").first()
        if running is None or not running.can_be_stopped:
            raise Refused(_("We are calling you at this moment. Say it to the specialist."))
        stop(running, now=now)
    if not call.is_open:
        raise Refused(_("This call is over already."))
    end(call, CallRequest.State.CANCELLED, now=now)
    happened(ticket, TicketEvent.Kind.CALL_CANCELLED, now, actor).save()
    close_callbacks(ticket, clocks, actor=actor, now=now, reason="call cancelled by the customer")
    changed = []
    if not (ticket.messages.filter(kind=Message.Kind.REPLY).exists() or connected_calls(ticket).exists()):
        end_clocks(ticket, clocks, actor=actor, now=now, reason="closed by the customer")
        changed = move(ticket, status=Status.CLOSED, actor=actor, now=now)
    touch(ticket, now, *changed)
    return call


@transaction.atomic
def forget_person(*, user: User, now: datetime) -> None:
    """Nobody calls this person any more, and no row keeps their number: their data are erased (decision 23)."""
    mine = CallRequest.objects.filter(requester=user)
    _end_those_without_ticket(mine, now=now)
    for call in mine.open().select_related("ticket__merged_into").order_by("ticket_id", "pk"):
        for attempt in call.made.filter(outcome="").select_related("request__ticket__merged_into"):
            stop(attempt, now=now)
        cancel(call=call, actor=user, now=now)
    mine.update(number="")
    CallAttempt.objects.filter(request__requester=user).update(number="", last_error="")


def lock_call(call: CallRequest, *, now: datetime) -> tuple[Ticket, list[Clock], CallRequest]:
    """The ticket with its unanswered clocks, and the call, all locked; of a merged ticket the one that it went into."""
    standing = call.ticket.merged_into or call.ticket
    ticket, clocks = lock(standing, now=now)
    related = CallRequest.objects.select_related("ticket", "clock", "taken_by", "requester", "account")
    return ticket, clocks, related.select_for_update(of=("self",), no_key=True).get(pk=call.pk)


def close_callbacks(ticket: Ticket, clocks: Sequence[Clock], *, actor: User, now: datetime, reason: str) -> None:
    """End the ticket's callback clocks without an answer: cancelled before the deadline, a breach after it."""
    for clock in clocks:
        if clock.metric == Metric.CALLBACK and clock.is_unanswered:
            sla.close(clock, now=now, actor=actor, owner_id=ticket.owner_id, reason=reason)


def _asked_event(
    call: CallRequest, ticket: Ticket, actor: User, *, now: datetime, changed: bool = False
) -> TicketEvent:
    """What was asked for; the number itself stays out of what nobody can ever delete."""
    window = {"begins": call.begins_at.isoformat(), "ends": call.ends_at.isoformat()} if call.begins_at else {}
    again = {"changed": True} if changed else {}
    return happened(ticket, TicketEvent.Kind.CALL_ASKED, now, actor, call=call.pk, **window, **again)


def end(call: CallRequest, state: CallRequest.State, *, now: datetime) -> None:
    call.state, call.ended_at, call.taken_by, call.taken_at = state, now, None, None
    call.save(update_fields=["state", "ended_at", "taken_by", "taken_at"])


# --- What time alone brings ---------------------------------------------------------------------------


def mind_calls(*, now: datetime) -> dict[str, int]:
    """Announce calls whose time has come, free those that were taken and left, follow their tickets.

    May run twice, or at the same time elsewhere, without harm.
    """
    _follow_tickets(CallRequest.objects.all())
    return {
        "announced": _announce_due(now=now),
        "freed": _free_left(now=now),
        "ended": _end_those_without_ticket(CallRequest.objects.all(), now=now),
    }


@transaction.atomic
def _announce_due(*, now: datetime) -> int:
    new = CallRequest.objects.due(now).filter(Q(announced_at=None) | Q(announced_at__lt=F("callable_at")))
    calls = list(new.select_related("ticket__team", "ticket__owner").select_for_update(of=("self",), skip_locked=True))
    announce(calls, now=now)
    return len(calls)


def announce(calls: Sequence[CallRequest], *, now: datetime) -> None:
    """Tell who may make them, on their screens, once their time has come; each only once for each time."""
    due = [call for call in calls if call.callable_at <= now]
    tellings = []
    for call in due:
        ticket = call.ticket
        tellings.append(
            Telling(
                key=f"{NEWS}/{call.pk}/{call.callable_at.isoformat()}",
                kind=NEWS,
                context={"reference": ticket.reference, "subject": ticket.subject, "attempt": call.attempts + 1},
                url=reverse("admin:calls"),
                readers=[reader_of(person, now=now) for person in _who_may_call(ticket)],
                by_mail=False,
            )
        )
    if due:
        tell(tellings, now=now)
        CallRequest.objects.filter(pk__in=[call.pk for call in due]).update(announced_at=now)
    for call in due:
        call.announced_at = now


def _who_may_call(ticket: Ticket) -> list[User]:
    """The ticket's owner, or else its team."""
    if ticket.owner is not None:
        return [ticket.owner]
    return list(ticket.team.members.filter(is_active=True)) if ticket.team else []


def _free_left(*, now: datetime) -> int:
    """Taken, and never dialled: for anybody again. An attempt that nobody wrote the end of stops by itself."""
    hold = timedelta(minutes=settings.CALLBACK_HOLD_MINUTES)
    kept = CallRequest.objects.filter(state=CallRequest.State.WAITING, taken_at__lt=now - hold)
    freed = kept.update(taken_by=None, taken_at=None)
    left = CallAttempt.objects.filter(outcome="", begun_at__lt=now - STALE)
    left = left.exclude(progress="in-progress", begun_at__gte=now - LONGEST_TALK)
    left = left.select_related("request__ticket__merged_into")
    for attempt in left[:MOST_AT_ONCE]:
        freed += stop(attempt, now=now)
    return freed


@transaction.atomic
def stop(attempt: CallAttempt, *, now: datetime) -> int:
    """End an attempt that goes on; how many that were. A provider that has it, or is being asked, hangs up
    once this has committed, unless somebody speaks."""
    _ticket, _clocks, call = lock_call(attempt.request, now=now)
    done = CallAttempt.objects.filter(pk=attempt.pk, outcome="").update(
        outcome=CallAttempt.Outcome.STOPPED, ended_at=now
    )
    ringing = CallAttempt.objects.filter(pk=attempt.pk, dial__in=[CallAttempt.Dial.DIALLING, CallAttempt.Dial.PLACED])
    if done and ringing.exclude(progress__in=CallAttempt.ANSWERED).update(dial=CallAttempt.Dial.HANGING_UP):
        kick(DIAL_TASK)
    if done and call.state == CallRequest.State.CALLING:
        call.state, call.taken_by, call.taken_at = CallRequest.State.WAITING, None, None
        call.save(update_fields=["state", "taken_by", "taken_at"])
    return done


def _follow_tickets(calls: CallQuerySet) -> None:
    """The call of a ticket that was merged goes on where it went. A clock that was cancelled with its ticket (merged,
    or spam by mistake) gives way to the one that counts now, if any."""
    survivor = Ticket.objects.filter(pk=OuterRef("ticket_id")).values("merged_into_id")
    calls.open().filter(ticket__merged_into__isnull=False).update(ticket_id=Subquery(survivor))
    counts = Clock.objects.unanswered().filter(ticket=OuterRef("ticket_id"), metric=Metric.CALLBACK)
    counts = counts.order_by(F("due_at").asc(nulls_last=True), "pk").values("pk")
    calls.to_make().filter(clock__state=State.CANCELLED).update(clock_id=Subquery(counts[:1]))


def _end_those_without_ticket(calls: CallQuerySet, *, now: datetime, spam: bool = False) -> int:
    """A ticket that is over takes its call with it. One that is marked as spam hides its call, so that it is back
    with the ticket where that was a mistake; `spam`: ends it, too, since another one is asked for."""
    over = calls.open().filter(ticket__status__in=Status.done(), ticket__merged_into=None)
    return (over if spam else over.exclude(ticket__status=Status.SPAM)).update(
        state=CallRequest.State.CANCELLED, ended_at=now, taken_by=None, taken_at=None
    )


def new_token() -> str:
    """Names an attempt to the provider."""
    return secrets.token_urlsafe(20)
