"""Response-time exceptions: asked for by one person, decided by another (SPEC 2.4)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, TeamMembership, User
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Effect, State
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.tickets.models import Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock, touch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an exception is to do; which values it needs depends on the effect (see `clock.exempt`)."""

    effect: Effect
    out_from: datetime | None = None
    out_until: datetime | None = None
    since: datetime | None = None
    target_seconds: int | None = None
    target_business_days: int | None = None


@transaction.atomic
def request_exception(
    *, clock: Clock, code: ExceptionCode, wish: Wish, evidence: str, actor: User, now: datetime
) -> ClockException:
    """Ask for an exception on a clock, open or ended, with evidence. It has no effect before it is approved.

    Refused when the code does not allow the effect, a value is missing, or the deadline would not come later.
    """
    ticket, _clocks = lock(clock.ticket, now=now)
    clock = sla.lock(clock.pk)
    if not actor.is_staff:
        raise Refused(_("Only staff can ask for an exception."))
    if not code.is_active or wish.effect not in code.effects:
        raise Refused(_("This code does not allow this effect."))
    if not evidence.strip():
        raise Refused(_("Give the evidence: an auditor reads it."))
    _check_clock(clock)
    if wish.since is not None and not clock.started_at <= wish.since <= now:
        raise Refused(_("The information arrived between the start of the clock and now."))
    exception = ClockException(
        clock=clock,
        code=code,
        effect=wish.effect,
        out_from=wish.out_from,
        out_until=wish.out_until,
        since=wish.since,
        target_seconds=wish.target_seconds,
        target_business_days=wish.target_business_days,
        evidence=evidence,
        is_guaranteed=clock.is_guaranteed,
        requested_by=actor,
        requested_at=now,
    )
    _dry_run(clock, exception, now=now)
    try:
        with transaction.atomic():
            exception.save()
    except IntegrityError as error:
        raise Refused(_("An exception on this clock waits for approval already.")) from error
    _happen(ticket, TicketEvent.Kind.EXCEPTION_ASKED, exception, actor=actor, now=now, text=evidence)
    return exception


@transaction.atomic
def decide_exception(
    *, exception: ClockException, approve: bool, note: str, actor: User, now: datetime
) -> ClockException:
    """Approve or refuse. A guarantee is never taken back by the person who asked for it (SPEC 2.4)."""
    ticket, clock, exception = _lock(exception, now=now)
    if not may_decide(actor, ticket):
        raise Refused(_("A lead of the ticket's team or a manager decides this."))
    if approve and exception.is_guaranteed and exception.requested_by_id == actor.pk:
        raise Refused(_("Another person must approve: you asked for it yourself."))
    if not approve and not note.strip():
        raise Refused(_("Say why it is refused."))
    if approve:
        _check_clock(clock)
        _dry_run(clock, exception, now=now)
        sla.exempt(clock, exception=exception, now=now, actor=actor)
    state = ClockException.State.APPROVED if approve else ClockException.State.REFUSED
    _decide(exception, state, actor=actor, note=note, now=now)
    kind = TicketEvent.Kind.EXCEPTION_GRANTED if approve else TicketEvent.Kind.EXCEPTION_REFUSED
    _happen(ticket, kind, exception, actor=actor, now=now, text=note)
    touch(ticket, now)
    return exception


@transaction.atomic
def withdraw_exception(*, exception: ClockException, actor: User, now: datetime) -> ClockException:
    """Take one's own request back before it is decided."""
    ticket, _clock, exception = _lock(exception, now=now)
    if exception.requested_by_id != actor.pk:
        raise Refused(_("Only the person who asked can take it back."))
    _decide(exception, ClockException.State.WITHDRAWN, actor=actor, note="", now=now)
    _happen(ticket, TicketEvent.Kind.EXCEPTION_WITHDRAWN, exception, actor=actor, now=now, text="")
    return exception


def may_decide(user: User, ticket: Ticket) -> bool:
    """Managers decide; a team lead does for tickets of a team that they lead (SPEC 2.1)."""
    if user.is_managing:
        return True
    leads = TeamMembership.objects.filter(user=user, team=ticket.team_id, is_lead=True)
    return user.staff_role == StaffRole.TEAM_LEAD and leads.exists()


def _lock(exception: ClockException, *, now: datetime) -> tuple[Ticket, Clock, ClockException]:
    ticket, _clocks = lock(exception.clock.ticket, now=now)
    clock = sla.lock(exception.clock_id)
    exception = ClockException.objects.select_related("code").select_for_update(of=("self",)).get(pk=exception.pk)
    if exception.state != ClockException.State.ASKED:
        raise Refused(_("Somebody has decided this already."))
    return ticket, clock, exception


def _check_clock(clock: Clock) -> None:
    if clock.state in (State.CANCELLED, State.EXEMPT):
        raise Refused(_("This clock does not count any more: there is nothing to except."))


def _dry_run(clock: Clock, exception: ClockException, *, now: datetime) -> None:
    """Refuse what could not take effect."""
    try:
        sla.exemption(clock, exception=exception, now=now)
    except ValueError as error:
        if "later" in str(error):
            raise Refused(_("The deadline would not come later: this exception would change nothing.")) from error
        raise Refused(_("Fill in what this effect needs.")) from error
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
