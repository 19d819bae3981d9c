"""Response-time exceptions in words: what one does, and a clock before and after it, net and gross."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from helpdesk.accounts.models import User
from helpdesk.core.durations import compact, target_words
from helpdesk.core.moments import clock as time_of_day
from helpdesk.core.moments import is_same_day
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Effect, State
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets import services
from helpdesk.workspace.faces import SIGNS
from helpdesk.workspace.wording import instant

SHORT_EFFECTS = {
    Effect.VOID.value: pgettext_lazy("effect of an exception", "Void"),
    Effect.PAUSE.value: pgettext_lazy("effect of an exception", "Pause"),
    Effect.RESTART.value: pgettext_lazy("effect of an exception", "Restart"),
    Effect.RETARGET.value: pgettext_lazy("effect of an exception", "Another target"),
}


def effect_words(exception: ClockException) -> str:
    """What it does, with its values: `Pause: 12:10 to 12:25 does not count`."""
    match exception.effect:
        case Effect.PAUSE:
            words = {"from": instant(exception.out_from), "until": _end(exception.out_from, exception.out_until)}
            return _("Pause: %(from)s to %(until)s does not count") % words
        case Effect.RESTART:
            return _("Restart: counted from %(at)s") % {"at": instant(exception.since)}
        case Effect.RETARGET:
            seconds, days = exception.target_seconds, exception.target_business_days
            return _("Another target: %(target)s") % {"target": target_words(seconds=seconds, business_days=days)}
    return _("Void: the target does not count")


def _end(begin: datetime, end: datetime) -> str:
    """The end of a stretch; without its day where that is the day of the beginning, but not today's."""
    same = is_same_day(begin, end) and not is_same_day(end, timezone.now())
    return time_of_day(end) if same else instant(end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A clock by one of the two counts. `state` is that of a face (see `faces`)."""

    state: str
    word: str
    due_at: datetime | None

    @property
    def sign(self) -> str:
        return SIGNS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One count of a clock, before and after an exception."""

    label: str
    before: Reading
    after: Reading

    @property
    def changes(self) -> bool:
        return self.before != self.after


def compared(outlook: services.Outlook, *, hours: BusinessCalendar, now: datetime) -> list[Comparison]:
    """Net first, then gross, which no exception changes."""
    return [
        Comparison(
            label=label,
            before=reading(outlook.before, hours=hours, now=now, gross=gross),
            after=reading(outlook.after, hours=hours, now=now, gross=gross),
        )
        for label, gross in ((_("Net"), False), (_("Gross"), True))
    ]


def reading(clock: pure.Clock, *, hours: BusinessCalendar, now: datetime, gross: bool) -> Reading:
    """What a clock says by the net or by the gross count."""
    due = clock.gross_due_at if gross else clock.due_at
    breach = clock.gross_breached_at if gross else clock.breached_at
    answered = clock.ended_at is not None and clock.answered_by is not None
    if clock.state == State.CANCELLED or (clock.state == State.EXEMPT and not gross):
        return Reading(state="void", word=_("does not count"), due_at=None)
    if breach is None and due is not None and due < (clock.ended_at or now):
        breach = due
    if breach is not None:
        return Reading(state="breach", word=_late(clock, breach, now=now, answered=answered), due_at=breach)
    if answered:
        return Reading(state="met", word=_("met"), due_at=due)
    if clock.paused_at is not None:
        left = _if_it_went_on(clock, hours=hours, now=now, gross=gross) - now
        words = {"time": compact(left.total_seconds())}
        return Reading(state="paused", word=_("paused, %(time)s left") % words, due_at=None)
    if clock.ended_at is not None:
        return Reading(state="void", word=_("closed before it was due"), due_at=due)
    return Reading(state="ok", word=_("%(time)s left") % {"time": compact((due - now).total_seconds())}, due_at=due)


def _if_it_went_on(clock: pure.Clock, *, hours: BusinessCalendar, now: datetime, gross: bool) -> datetime:
    """The deadline that a paused clock would have if it went on now."""
    until_now = (clock.paused_at, now)
    if gross and clock.gross_basis:
        target, since = clock.gross_basis
        return target.due(hours, since, (*clock.pauses, until_now))
    return clock.target.due(hours, clock.counted_from, (*clock.stretches_out, until_now))


def _late(clock: pure.Clock, breach: datetime, *, now: datetime, answered: bool) -> str:
    words = {"time": compact(((clock.ended_at or now) - breach).total_seconds())}
    if answered:
        return _("answered %(time)s late") % words
    if clock.ended_at is not None:
        return _("closed unanswered, %(time)s late") % words
    return _("unanswered, %(time)s late") % words


def gross_reading(clock: Clock, *, now: datetime) -> Reading | None:
    """What a clock would say without its exceptions; None where it has none."""
    if clock.gross_basis is None and clock.state != State.EXEMPT:
        return None
    return reading(clock.folded(), hours=clock.hours, now=now, gross=True)


def standing(exception: ClockException, user: User, *, may_decide: bool) -> dict[str, bool]:
    """What a person may do with an exception, and whether only their own asking is in the way."""
    waits = exception.state == ClockException.State.ASKED
    own = exception.requested_by_id == user.pk
    needs = services.needs_another(exception, user)
    return {
        "waits": waits,
        "may_withdraw": waits and own,
        "may_approve": waits and may_decide and not needs,
        "may_refuse": waits and may_decide and not own,
        "needs_another": waits and may_decide and needs,
    }
