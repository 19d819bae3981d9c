"""The specialist's verbs of a call: take it, dial, write down what came of it (SPEC 2.7).

A connected call answers the clock through the ticket's own verb; a failed attempt answers nothing.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.channels.callback import mails
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.services import DIAL_TASK, close_callbacks, end, lock_call, new_token
from helpdesk.channels.callback.telephony import provider
from helpdesk.core.jobs import kick
from helpdesk.notifications.services import post
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services import Refused, record_call
from helpdesk.tickets.services.locked import follow_status, happened, in_the_name_of, lock, move, own, touch

LONGEST_NOTE = 4000


def most_attempts() -> int:
    """How often a call is tried: once, and after each pause."""
    return len(settings.CALLBACK_PAUSES) + 1


@transaction.atomic
def take(*, call: CallRequest, actor: User, now: datetime) -> CallRequest:
    """Take a waiting call, and its ticket where that is nobody's. Of several who try, one gets it."""
    ticket, _clocks, call = lock_call(call, now=now)
    if not call.is_open or not ticket.is_active:
        raise Refused(_("This call is over already."))
    if call.taken_by_id not in (None, actor.pk):
        raise Refused(_("%(name)s has taken this call.") % {"name": call.taken_by.full_name})
    free = CallRequest.objects.filter(pk=call.pk, state=CallRequest.State.WAITING, taken_by=None)
    if free.update(taken_by=actor, taken_at=now):
        call.taken_by, call.taken_at = actor, now
        touch(ticket, now, *(own(ticket, owner=actor, actor=actor, now=now) if ticket.owner_id is None else []))
    return call


@transaction.atomic
def give_back(*, call: CallRequest, actor: User, now: datetime) -> CallRequest:
    """Let somebody else make it."""
    _ticket, _clocks, call = lock_call(call, now=now)
    kept = CallRequest.objects.filter(pk=call.pk, state=CallRequest.State.WAITING, taken_by=actor)
    if not kept.update(taken_by=None, taken_at=None):
        raise Refused(_("This call isn't yours to give back."))
    return call


@transaction.atomic
def dial(*, call: CallRequest, actor: User, now: datetime, early: bool = False, by_hand: bool = False) -> CallAttempt:
    """Begin an attempt: by the provider, once this has committed, or by hand. Takes the call where it is free.

    Before its time (the window, the next attempt) only with `early`: the customer has asked for it, say.
    """
    call = take(call=call, actor=actor, now=now)
    if call.state == CallRequest.State.CALLING:
        raise Refused(_("This call is being made already."))
    if call.callable_at > now and not early:
        raise Refused(_("It is not time for this call yet."))
    attempt = CallAttempt.objects.create(
        request=call,
        order=call.made.count() + 1,
        actor=actor,
        number=call.number,
        begun_at=now,
        dial=CallAttempt.Dial.PENDING if provider() and not by_hand else CallAttempt.Dial.BY_HAND,
        token=new_token(),
    )
    CallRequest.objects.filter(pk=call.pk).update(state=CallRequest.State.CALLING)
    if attempt.dial:
        kick(DIAL_TASK)
    return attempt


@transaction.atomic
def finish(*, attempt: CallAttempt, actor: User, outcome: CallAttempt.Outcome, note: str, now: datetime) -> CallRequest:
    """What came of an attempt. Connected: the clock is answered, the note is in the ticket. Otherwise the next
    attempt comes after a pause; after the last one, or with a wrong number, the call is given up."""
    ticket, _clocks, call = lock_call(attempt.request, now=now)
    ended = CallAttempt.objects.filter(pk=attempt.pk, outcome="")
    if not ended.update(outcome=outcome, note=note[:LONGEST_NOTE], ended_at=now, leased_until=None):
        raise Refused(_("What came of this attempt has been written down already."))
    if ticket.status == Status.SPAM:
        end(call, CallRequest.State.CANCELLED, now=now)
        return call
    if outcome == CallAttempt.Outcome.CONNECTED:
        record_call(ticket=ticket, actor=actor, connected=True, note=note, now=now)
        end(call, CallRequest.State.CONNECTED, now=now)
        return call
    counted = outcome in CallAttempt.Outcome.counted()
    if counted:
        with in_the_name_of(outcome=outcome):
            record_call(ticket=ticket, actor=actor, connected=False, note=note, now=now)
    call.attempts += counted
    if counted and (call.attempts >= most_attempts() or outcome == CallAttempt.Outcome.WRONG_NUMBER):
        _give_up(call, ticket, actor=actor, wrong=outcome == CallAttempt.Outcome.WRONG_NUMBER, now=now)
        return call
    call.state, call.taken_by, call.taken_at = CallRequest.State.WAITING, None, None
    call.callable_at = next_attempt_at(call, now=now) if counted else now
    call.save(update_fields=["state", "taken_by", "taken_at", "attempts", "callable_at"])
    return call


def next_attempt_at(call: CallRequest, *, now: datetime) -> datetime:
    """When it is tried again after so many attempts as it has had."""
    return now + timedelta(minutes=settings.CALLBACK_PAUSES[call.attempts - 1])


def _give_up(call: CallRequest, ticket: Ticket, *, actor: User, wrong: bool, now: datetime) -> None:
    """Nobody was reached: the customer is told how to go on. It answers nothing; the clock ends as it stands."""
    ticket, clocks = lock(ticket, now=now)  # as the attempt's event has left it
    call.save(update_fields=["attempts"])
    end(call, CallRequest.State.GIVEN_UP, now=now)
    happened(ticket, TicketEvent.Kind.CALL_GIVEN_UP, now, actor, attempts=call.attempts, wrong_number=wrong).save()
    close_callbacks(ticket, clocks, actor=actor, now=now, reason="not reached by phone")
    touch(ticket, now, *_wait(ticket, clocks, actor=actor, now=now))
    post(mails.given_up(call=call, ticket=ticket, wrong=wrong, now=now))


def _wait(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime) -> list[str]:
    """It is the customer's turn."""
    if not ticket.is_active:
        return []
    follow_status(clocks, status=Status.WAITING, actor=actor, now=now)
    return move(ticket, status=Status.WAITING, actor=actor, now=now)
