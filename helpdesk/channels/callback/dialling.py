"""The outbox of calls: what a provider dials, after the commit, once, and hangs up again (decisions 22, 37).

An attempt is leased before the provider is asked. A worker that dies in between leaves a lease that runs out;
then the provider is asked whether it has the call before it is dialled again, or hung up.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from helpdesk.channels.callback.calling import finish
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.channels.callback.services import lock_call, stop
from helpdesk.channels.callback.telephony import NotDialled, Placed, Provider, Unclear, provider
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Refused

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)  # longer than the provider's time-outs for a look and a call
MOST_TRIES = 4
MOST_AT_ONCE = 20
# How far a call is; reports come in any order, and a later word never gives way to an earlier one.
ORDER = ("", "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled")
ENDED = {
    "busy": CallAttempt.Outcome.BUSY,
    "no-answer": CallAttempt.Outcome.NO_ANSWER,
    "failed": CallAttempt.Outcome.FAILED,
    "canceled": CallAttempt.Outcome.STOPPED,
}


def place_calls(*, now: datetime) -> int:
    """Hang up what is to ring no more, dial what waits for it; returns how many the provider took.

    Workers side by side never dial the same.
    """
    service = provider()
    if service is None:
        return 0
    _stop_what_is_over(now=now)
    for attempt in _lease_ringing(now=now):
        _hang_up(service, attempt)
    return sum(_dial(service, attempt, now=now) for attempt in _lease(now=now))


@transaction.atomic
def _lease(*, now: datetime) -> list[CallAttempt]:
    waiting = CallAttempt.objects.filter(dial=CallAttempt.Dial.PENDING, outcome="")
    stranded = CallAttempt.objects.filter(dial=CallAttempt.Dial.DIALLING, outcome="", leased_until__lte=now)
    rows = []
    for found in (waiting, stranded):
        found = found.select_related("request", "actor").order_by("id")
        rows += found.select_for_update(of=("self",), skip_locked=True)[: MOST_AT_ONCE - len(rows)]
    for row in rows:
        row.was_begun = row.dial == CallAttempt.Dial.DIALLING
    CallAttempt.objects.filter(pk__in=[row.pk for row in rows]).update(
        dial=CallAttempt.Dial.DIALLING, leased_until=now + LEASE
    )
    return rows


def _stop_what_is_over(*, now: datetime) -> None:
    """Nobody is called about a ticket that is over, or for a call that is; one that was merged goes on elsewhere."""
    going = CallAttempt.objects.filter(outcome="").exclude(dial=CallAttempt.Dial.BY_HAND)
    over = Q(request__ticket__status__in=Status.done(), request__ticket__merged_into=None)
    needless = going.filter(over | ~Q(request__state=CallRequest.State.CALLING))
    needless = needless.exclude(progress__in=CallAttempt.ANSWERED)
    for attempt in needless.select_related("request__ticket__merged_into").order_by("id")[:MOST_AT_ONCE]:
        stop(attempt, now=now)


@transaction.atomic
def _lease_ringing(*, now: datetime) -> list[CallAttempt]:
    """What is to be hung up, but for what a worker is busy with at this moment: it sees to that itself."""
    ringing = CallAttempt.objects.filter(dial=CallAttempt.Dial.HANGING_UP)
    ringing = ringing.filter(Q(leased_until=None) | Q(leased_until__lte=now)).order_by("id")
    rows = list(ringing.select_for_update(skip_locked=True)[:MOST_AT_ONCE])
    CallAttempt.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=now + LEASE)
    return rows


def _hang_up(service: Provider, attempt: CallAttempt) -> None:
    """End a call that the provider has. It may be over by itself meanwhile: that will do."""
    try:
        placed = None if attempt.provider_id else _left_there(service, attempt)
        provider_id = placed.provider_id if placed else attempt.provider_id
        if provider_id:
            service.hang_up(provider_id=provider_id)
    except NotDialled as error:
        log.info("attempt %s was over before it was hung up: %s", attempt.pk, error)
    except Unclear as error:
        if attempt.tries + 1 < MOST_TRIES:
            _note(attempt, tries=attempt.tries + 1, last_error=str(error)[:300])
            return
        log.warning("attempt %s could not be hung up: %s", attempt.pk, error)
    _note(attempt, dial=CallAttempt.Dial.HUNG_UP, leased_until=None)


def _dial(service: Provider, attempt: CallAttempt, *, now: datetime) -> bool:
    """Place one call, unless it was stopped since it was leased; hang up where it was stopped meanwhile."""
    own = CallAttempt.objects.filter(pk=attempt.pk)
    if not own.filter(dial=CallAttempt.Dial.DIALLING, outcome="").exists():
        own.filter(dial=CallAttempt.Dial.HANGING_UP).update(leased_until=None)
        return False
    try:
        placed = _already_there(service, attempt) or service.place(
            number=attempt.number, report_to=report_address(attempt)
        )
    except NotDialled as error:
        _give_up(attempt, words=str(error), now=now)
        return False
    except Unclear as error:
        if attempt.tries + 1 >= MOST_TRIES:
            _give_up(attempt, words=str(error), now=now)
        else:
            _note(attempt, tries=attempt.tries + 1, last_error=str(error)[:300])
        return False
    _note(attempt, leased_until=None, provider_id=placed.provider_id, last_error="")
    if not own.filter(dial=CallAttempt.Dial.DIALLING).update(dial=CallAttempt.Dial.PLACED):
        attempt.provider_id = placed.provider_id
        if own.filter(dial=CallAttempt.Dial.HANGING_UP).exists():
            _hang_up(service, attempt)
    return True


def _already_there(service: Provider, attempt: CallAttempt) -> Placed | None:
    """The call that a worker who died, or an answer that was lost, left with the provider."""
    return _left_there(service, attempt) if attempt.was_begun else None


def _left_there(service: Provider, attempt: CallAttempt) -> Placed | None:
    if not attempt.number:  # erased with its person
        return None
    known = CallAttempt.objects.filter(number=attempt.number).exclude(provider_id="")
    return service.find(
        number=attempt.number, since=attempt.begun_at, known=list(known.values_list("provider_id", flat=True)[:200])
    )


def _note(attempt: CallAttempt, **values: object) -> None:
    CallAttempt.objects.filter(pk=attempt.pk).update(**values)


@transaction.atomic
def _give_up(attempt: CallAttempt, *, words: str, now: datetime) -> None:
    """It could not be dialled: that is no attempt at the customer. The specialist sees why, and dials by hand."""
    log.warning("attempt %s could not be dialled: %s", attempt.pk, words)
    lock_call(attempt.request, now=now)  # the ticket first, as everywhere
    _note(attempt, dial=CallAttempt.Dial.FAILED, leased_until=None, last_error=words[:300])
    _finish(attempt, outcome=CallAttempt.Outcome.FAILED, now=now)


def report_address(attempt: CallAttempt) -> str:
    """Where the provider reports this attempt to."""
    return settings.SITE_URL + reverse("callback_report", args=[attempt.token])


@transaction.atomic
def take_report(*, token: str, status: str, provider_id: str, now: datetime) -> bool:
    """A provider's word on an attempt: known twice, late or out of order it changes nothing. False: no such attempt.

    That nobody was reached ends the attempt. That somebody, or something, answered does not: who speaks with
    the customer says that the call is connected.
    """
    attempt = CallAttempt.objects.select_related("request__ticket__merged_into", "actor").filter(token=token).first()
    if attempt is None or status not in ORDER:
        return attempt is not None
    lock_call(attempt.request, now=now)  # the ticket first, as everywhere
    earlier = ORDER[: ORDER.index(status)]
    moved = CallAttempt.objects.filter(pk=attempt.pk, progress__in=earlier)
    if moved.update(progress=status, provider_id=provider_id[:64], leased_until=None):
        # One that is to be hung up stays so: from now on it can be, by its number with the provider.
        CallAttempt.objects.filter(pk=attempt.pk, outcome="").update(dial=CallAttempt.Dial.PLACED)
        outcome = ENDED.get(status)
        if outcome is not None:
            _finish(attempt, outcome=outcome, now=now)
    return True


def _finish(attempt: CallAttempt, *, outcome: CallAttempt.Outcome, now: datetime) -> None:
    try:
        finish(attempt=attempt, actor=attempt.actor, outcome=outcome, note="", now=now)
    except Refused:  # the specialist wrote it down before
        log.info("attempt %s had ended before", attempt.pk)
