"""Response-time exceptions: asked for by one person, decided by another (SPEC 2.4)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, TeamMembership, User
from helpdesk.core.jobs import kick
from helpdesk.notifications.services import DELIVER_TASK, tell
from helpdesk.sla import clock as pure
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Effect, EventKind, State
from helpdesk.sla.fold import apply, fold
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.tickets import exception_news
from helpdesk.tickets.models import Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock, touch

# Further ahead nobody announces a maintenance: it is a slip of the pen.
FURTHEST_AHEAD = timedelta(days=31)
LONGEST_TARGET = timedelta(days=90)
MOST_BUSINESS_DAYS = 90
# The values that an effect needs; of a target one of the two.
NEEDS: dict[Effect, tuple[str, ...]] = {
    Effect.VOID: (),
    Effect.PAUSE: ("out_from", "out_until"),
    Effect.RESTART: ("since",),
    Effect.RETARGET: ("target_seconds", "target_business_days"),
}


class WrongValue(Refused):
    """A value of a wish that cannot be; `field` names it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an exception is to do; which values it needs depends on the effect (see `clock.exempt`)."""

    effect: Effect
    out_from: datetime | None = None
    out_until: datetime | None = None
    since: datetime | None = None
    target_seconds: int | None = None
    target_business_days: int | None = None

    def values(self) -> dict[str, Any]:
        """The values that its effect needs, by name; others that were given say nothing."""
        return {name: getattr(self, name) for name in NEEDS[self.effect]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A clock without an exception, and with it."""

    before: pure.Clock
    after: pure.Clock


@transaction.atomic
def request_exception(
    *, clock: Clock, code: ExceptionCode, wish: Wish, evidence: str, actor: User, now: datetime
) -> ClockException:
    """Ask for an exception on a clock, open or ended, with evidence. It has no effect before it is approved.

    Those who may approve it are told. Refused when the code does not allow the effect, a value is missing,
    or the deadline would not come later.
    """
    ticket, _clocks = lock(clock.ticket, now=now)
    clock = sla.lock(clock.pk)
    if not actor.is_staff:
        raise Refused(_("Only staff can ask for an exception."))
    if not code.is_active:
        raise WrongValue("code", _("This code is no longer used. Choose another one."))
    if wish.effect not in code.effects:
        raise WrongValue("effect", _("This code does not allow this effect."))
    if not evidence.strip():
        raise WrongValue("evidence", _("Give the evidence: an auditor reads it."))
    _check(clock, wish, now=now)
    exception = ClockException(
        clock=clock,
        code=code,
        effect=wish.effect,
        **wish.values(),
        evidence=evidence,
        is_guaranteed=clock.is_guaranteed,
        requested_by=actor,
        requested_at=now,
    )
    _outlook(clock, exception, now=now)
    try:
        with transaction.atomic():
            exception.save()
    except IntegrityError as error:
        raise Refused(_("An exception on this clock waits for approval already.")) from error
    _happen(ticket, TicketEvent.Kind.EXCEPTION_ASKED, exception, actor=actor, now=now, text=evidence)
    touch(ticket, now)
    tell([exception_news.asked(exception, ticket=ticket)], now=now)
    kick(DELIVER_TASK)
    return exception


@transaction.atomic
def decide_exception(
    *, exception: ClockException, approve: bool, note: str, actor: User, now: datetime
) -> ClockException:
    """Approve or refuse; who asked is told. A guarantee is never taken back by who asked for it (SPEC 2.4)."""
    ticket, clock, exception = _lock(exception, now=now)
    if not may_decide(actor, ticket):
        raise Refused(_("A lead of the ticket's team or a manager decides this."))
    if approve and needs_another(exception, actor):
        raise Refused(_("Another person must approve: you asked for it yourself."))
    if not approve and not note.strip():
        raise WrongValue("note", _("Say why it is refused."))
    if approve:
        _check_clock(clock)
        _outlook(clock, exception, now=now)
        sla.exempt(clock, exception=exception, now=now, actor=actor)
    state = ClockException.State.APPROVED if approve else ClockException.State.REFUSED
    _decide(exception, state, actor=actor, note=note, now=now)
    kind = TicketEvent.Kind.EXCEPTION_GRANTED if approve else TicketEvent.Kind.EXCEPTION_REFUSED
    _happen(ticket, kind, exception, actor=actor, now=now, text=note)
    touch(ticket, now)
    tell([exception_news.decided(exception, ticket=ticket, clock=clock)], now=now)
    kick(DELIVER_TASK)
    return exception


@transaction.atomic
def withdraw_exception(*, exception: ClockException, actor: User, now: datetime) -> ClockException:
    """Take one's own request back before it is decided."""
    ticket, _clock, exception = _lock(exception, now=now)
    if exception.requested_by_id != actor.pk:
        raise Refused(_("Only the person who asked can take it back."))
    _decide(exception, ClockException.State.WITHDRAWN, actor=actor, note="", now=now)
    _happen(ticket, TicketEvent.Kind.EXCEPTION_WITHDRAWN, exception, actor=actor, now=now, text="")
    touch(ticket, now)
    return exception


def may_decide(user: User, ticket: Ticket, *, led: Collection[int] | None = None) -> bool:
    """Managers decide; a team lead does for tickets of a team that they lead (SPEC 2.1).

    `led`: the teams in which they are the lead, where that is known already.
    """
    if user.is_managing or ticket.team_id is None or user.staff_role != StaffRole.TEAM_LEAD:
        return user.is_managing
    return ticket.team_id in (led_teams(user) if led is None else led)


def led_teams(user: User) -> frozenset[int]:
    """The teams whose exceptions a team lead decides. One query."""
    if user.staff_role != StaffRole.TEAM_LEAD:
        return frozenset()
    return frozenset(TeamMembership.objects.filter(user=user, is_lead=True).values_list("team", flat=True))


def needs_another(exception: ClockException, user: User) -> bool:
    """Whether a person asked for it themselves and so may not approve it (SPEC 2.4)."""
    return exception.is_guaranteed and exception.requested_by_id == user.pk


def can_be_excepted(clock: Clock) -> bool:
    """Whether there is anything to except: a clock that is cancelled or void counts nowhere already."""
    return clock.state not in (State.CANCELLED, State.EXEMPT)


def preview_exception(*, clock: Clock, wish: Wish, now: datetime) -> Outlook:
    """What a wish would do to a clock; nothing is written. Refused as in `request_exception`."""
    _check(clock, wish, now=now)
    return _outlook(clock, ClockException(clock=clock, effect=wish.effect, **wish.values()), now=now)


def outlook(exception: ClockException, *, now: datetime) -> Outlook | None:
    """What an exception that waits would do now, or what an approved one did. None where it would, or did, nothing."""
    if exception.state == ClockException.State.ASKED:
        try:
            return _outlook(exception.clock, exception, now=now) if can_be_excepted(exception.clock) else None
        except Refused:
            return None
    state = None
    for event in exception.clock.events.order_by("number"):
        following = apply(state, event.folded())
        if event.kind == EventKind.EXEMPT and event.data.get("exception") == exception.pk:
            return Outlook(before=state, after=following)
        state = following
    return None


def _lock(exception: ClockException, *, now: datetime) -> tuple[Ticket, Clock, ClockException]:
    ticket, _clocks = lock(exception.clock.ticket, now=now)
    clock = sla.lock(exception.clock_id)
    people = ClockException.objects.select_related("code", "requested_by")
    exception = people.select_for_update(of=("self",)).get(pk=exception.pk)
    if exception.state != ClockException.State.ASKED:
        raise Refused(_("Somebody has decided this already."))
    return ticket, clock, exception


def _check_clock(clock: Clock) -> None:
    if not can_be_excepted(clock):
        raise Refused(_("This clock does not count any more: there is nothing to except."))


def _check(clock: Clock, wish: Wish, *, now: datetime) -> None:
    """Refuse a wish that says too little, or what cannot have been."""
    _check_clock(clock)
    match wish.effect:
        case Effect.PAUSE:
            _check_stretch(wish, now=now)
        case Effect.RESTART:
            _check_restart(clock, wish, now=now)
        case Effect.RETARGET:
            _check_target(wish)


def _check_stretch(wish: Wish, *, now: datetime) -> None:
    for name in NEEDS[Effect.PAUSE]:
        if getattr(wish, name) is None:
            raise WrongValue(name, _("Give the day and the time."))
    if wish.out_until <= wish.out_from:
        raise WrongValue("out_until", _("The end lies before the beginning."))
    if wish.out_until > now + FURTHEST_AHEAD:
        raise WrongValue("out_until", _("That is more than a month ahead. Give an earlier end."))


def _check_restart(clock: Clock, wish: Wish, *, now: datetime) -> None:
    if wish.since is None:
        raise WrongValue("since", _("Give the day and the time."))
    if not clock.started_at <= wish.since <= now:
        raise WrongValue("since", _("The information arrived between the start of the clock and now."))
    if clock.ended_at and wish.since > clock.ended_at:
        raise WrongValue("since", _("The clock had ended by then. Give an instant before its end."))


def _check_target(wish: Wish) -> None:
    seconds, days = wish.target_seconds, wish.target_business_days
    if (seconds is None) == (days is None):
        raise WrongValue("target_seconds", _("Give the new target."))
    if (days or seconds) <= 0:
        raise WrongValue("target_seconds", _("A target is longer than nothing."))
    if (seconds or 0) > LONGEST_TARGET.total_seconds() or (days or 0) > MOST_BUSINESS_DAYS:
        raise WrongValue("target_seconds", _("That is longer than 90 days. Give a shorter target."))


def _outlook(clock: Clock, exception: ClockException, *, now: datetime) -> Outlook:
    """The clock before and after; refuses what could not take effect."""
    before = clock.folded()
    before = fold(pure.settle(before, now=now, owner=None), before)
    try:
        return Outlook(before=before, after=fold(sla.exemption(clock, exception=exception, now=now), before))
    except ValueError as error:
        text = _("The deadline would not come later: this exception would change nothing.")
        raise WrongValue(NEEDS[Effect(exception.effect)][0], text) from error
    except OverflowError as error:
        raise Refused(_("The calendar has no open time left for that.")) from error


def _decide(exception: ClockException, state: ClockException.State, *, actor: User, note: str, now: datetime) -> None:
    exception.state, exception.decided_by, exception.decided_at, exception.decision_note = state, actor, now, note
    exception.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])


def _happen(
    ticket: Ticket, kind: TicketEvent.Kind, exception: ClockException, *, actor: User, now: datetime, text: str
) -> None:
    values = {"exception": exception.pk, "clock": exception.clock_id, "code": exception.code_id}
    happened(ticket, kind, now, actor, **values, effect=exception.effect, text=text).save()
