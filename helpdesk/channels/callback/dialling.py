"""The outbox of calls: what a provider dials, after the commit, once (decision 22).

An attempt is leased before the provider is asked. A worker that dies in between leaves a lease that runs out;
then the provider is asked whether it has the call before it is dialled again.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from helpdesk.channels.callback.calling import finish
from helpdesk.channels.callback.models import CallAttempt
from helpdesk.channels.callback.services import lock_call
from helpdesk.channels.callback.telephony import NotDialled, Placed, Provider, Unclear, provider
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
    """Dial what waits for it; returns how many the provider took. Workers side by side never dial the same."""
    service = provider()
    if service is None:
        return 0
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


def _dial(service: Provider, attempt: CallAttempt, *, now: datetime) -> bool:
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
    _note(attempt, dial=CallAttempt.Dial.PLACED, leased_until=None, provider_id=placed.provider_id, last_error="")
    return True


def _already_there(service: Provider, attempt: CallAttempt) -> Placed | None:
    """The call that a worker who died, or an answer that was lost, left with the provider."""
    if not attempt.was_begun:
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
    if moved.update(progress=status, provider_id=provider_id[:64], dial=CallAttempt.Dial.PLACED, leased_until=None):
        outcome = ENDED.get(status)
        if outcome is not None:
            _finish(attempt, outcome=outcome, now=now)
    return True


def _finish(attempt: CallAttempt, *, outcome: CallAttempt.Outcome, now: datetime) -> None:
    try:
        finish(attempt=attempt, actor=attempt.actor, outcome=outcome, note="", now=now)
    except Refused:  # the specialist wrote it down before
        log.info("attempt %s had ended before", attempt.pk)
