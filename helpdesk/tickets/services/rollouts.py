"""New rules taking over for open tickets, in chunks, in the background (SPEC 2.2, 2.3).

What a preview counts is what a rollout then does: both plan with `Rules.plan`. Only clocks that are
open and not breached move; a closed one never does. A promise keeps its kind, and a guarantee that was
given is not taken back: where the rules now in force guarantee nothing, it stays as it was promised.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.core.jobs import kick
from helpdesk.sla import clock as pure
from helpdesk.sla import services as sla
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import Calendar, CalendarVersion, Clock, Policy, PolicyVersion, Rollout
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Hours, Terms
from helpdesk.tickets.models import Ticket, TicketEvent
from helpdesk.tickets.services.locked import facts_of, happened, lock, touch

log = logging.getLogger(__name__)
CHUNK = 50  # tickets in one transaction: nobody who works on one of them waits longer than that takes
LIST_OF_LATE = 20
TASK = "helpdesk.tasks.roll_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where a clock goes: another target, another version of the rules. None as target: nothing promises it now."""

    version: PolicyVersion | None
    calendar_version: CalendarVersion | None
    hours: BusinessCalendar
    target: Target | None
    due_at: datetime | None  # None while paused, and without a target

    def is_late(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at < now


@dataclass(slots=True, kw_only=True)
class Preview:
    """What would become of the open tickets: counts of clocks, and the first tickets that would be late at once."""

    open: int = 0
    changed: int = 0
    sooner: int = 0
    later: int = 0
    late: int = 0
    withdrawn: int = 0
    late_tickets: list[Ticket] = field(default_factory=list)


@dataclass(slots=True)
class Rules:
    """The rules in force, or those that a draft would put in force; read once for a whole run."""

    policies: list[tuple[PolicyVersion, Terms]]
    calendars: dict[int, tuple[CalendarVersion, BusinessCalendar]]  # by calendar
    policy_id: int | None = None  # whose clocks move; None: those of a calendar
    calendar_id: int | None = None
    _of_version: dict[int | None, BusinessCalendar] = field(default_factory=lambda: {None: ALWAYS_OPEN})

    @classmethod
    def in_force(cls, *, policy: Policy | None = None, calendar: Calendar | None = None) -> "Rules":
        versions = PolicyVersion.objects.filter(policy__is_active=True, is_current=True).select_related("policy")
        ordered = versions.order_by("policy__position", "policy_id")
        return cls(
            policies=[(version, version.terms) for version in ordered],
            calendars={
                version.calendar_id: (version, version.hours)
                for version in CalendarVersion.objects.filter(is_current=True, calendar=calendar)
            },
            policy_id=policy.pk if policy else None,
            calendar_id=calendar.pk if calendar else None,
        )

    def clocks(self) -> QuerySet[Clock]:
        """The open clocks that these rules would look at."""
        if self.policy_id is not None:
            return Clock.objects.open().filter(policy_version__policy=self.policy_id, breached_at=None)
        return Clock.objects.open().filter(calendar_version__calendar=self.calendar_id, breached_at=None)

    def plan(self, clock: Clock, ticket: Ticket, *, now: datetime) -> Move | None:
        """Where a clock goes under these rules; None where it stays."""
        move = self._chosen(clock, ticket) if self.policy_id is not None else self._recounted(clock)
        if move is None:
            return None
        same = (move.version, move.calendar_version) == (clock.policy_version, clock.calendar_version)
        if same and move.target == clock.folded().promised_target and move.hours == self._hours(clock):
            return None
        return replace(move, due_at=_due(clock.folded(), move, now=now))

    def _recounted(self, clock: Clock) -> Move:
        version, hours = self.calendars[self.calendar_id]
        target = clock.folded().promised_target
        return Move(version=clock.policy_version, calendar_version=version, hours=hours, target=target, due_at=None)

    def _chosen(self, clock: Clock, ticket: Ticket) -> Move | None:
        found = sla.first_match(self.policies, facts_of(ticket))
        terms = found[1].target(Metric(clock.metric)) if found else None
        if clock.is_guaranteed and (terms is None or terms.promise != Promise.GUARANTEED):
            return None
        if terms is None:
            return Move(version=None, calendar_version=None, hours=ALWAYS_OPEN, target=None, due_at=None)
        calendar, hours = None, ALWAYS_OPEN
        if terms.hours == Hours.BUSINESS:
            calendar = clock.calendar_version or ticket.calendar_version
            hours = self._read(calendar)
        return Move(version=found[0], calendar_version=calendar, hours=hours, target=terms.target, due_at=None)

    def _hours(self, clock: Clock) -> BusinessCalendar:
        return self._read(clock.calendar_version) if clock.calendar_version_id else ALWAYS_OPEN

    def _read(self, version: CalendarVersion) -> BusinessCalendar:
        if version.pk not in self._of_version:
            self._of_version[version.pk] = version.hours
        return self._of_version[version.pk]


def _due(clock: pure.Clock, move: Move, *, now: datetime) -> datetime | None:
    if move.target is None or clock.state != pure.State.RUNNING:
        return None
    return pure.due_under(clock, at=now, target=move.target, calendar=move.hours)


def preview_policy(*, policy: Policy | None, terms: Terms | None, now: datetime) -> Preview:
    """What new terms of a policy would do to the open tickets on it; None: what taking it out of force would do."""
    if policy is None:
        return Preview()
    rules = Rules.in_force(policy=policy)
    drafted = PolicyVersion(policy=policy, number=0)
    rules.policies = [
        (drafted, terms) if version.policy_id == policy.pk else (version, other)
        for version, other in rules.policies
        if version.policy_id != policy.pk or terms is not None
    ]
    return _preview(rules, now=now)


def preview_calendar(*, calendar: Calendar | None, definition: dict[str, Any], now: datetime) -> Preview:
    """What new hours would do to the open tickets on a calendar. ValueError as in `BusinessCalendar.from_dict`."""
    hours = BusinessCalendar.from_dict(definition)
    if calendar is None:
        return Preview()
    rules = Rules.in_force(calendar=calendar)
    rules.calendars[calendar.pk] = (CalendarVersion(calendar=calendar, number=0, definition=definition), hours)
    return _preview(rules, now=now)


def _preview(rules: Rules, *, now: datetime) -> Preview:
    preview = Preview()
    related = ("policy_version", "calendar_version", "ticket__calendar_version")
    late: dict[int, Ticket] = {}
    for clock in rules.clocks().select_related(*related).order_by("due_at").iterator(2000):
        if clock.due_at is not None and clock.due_at < now:
            continue  # missed, though no sweep has written it down yet: it stays as it is
        preview.open += 1
        move = rules.plan(clock, clock.ticket, now=now)
        if move is None:
            continue
        if move.target is None:
            preview.withdrawn += 1
        if move.due_at != clock.due_at:
            preview.changed += 1
        if move.due_at and clock.due_at:
            preview.sooner += move.due_at < clock.due_at
            preview.later += move.due_at > clock.due_at
            if move.is_late(now) and clock.due_at >= now:
                preview.late += 1
                late.setdefault(clock.ticket_id, clock.ticket)
    preview.late_tickets = list(late.values())[:LIST_OF_LATE]
    return preview


@transaction.atomic
def start_rollout(
    *,
    policy: Policy | None = None,
    calendar: Calendar | None = None,
    reason: str,
    actor: User | None,
    now: datetime,
) -> Rollout:
    """Let the rules in force take over for the open tickets of a policy or a calendar. One at a time for each."""
    if policy:
        Policy.objects.select_for_update().get(pk=policy.pk)
    else:
        Calendar.objects.select_for_update().get(pk=calendar.pk)
    same = Rollout.objects.filter(policy=policy, calendar=calendar, state__in=Rollout.State.unfinished())
    same.update(state=Rollout.State.STOPPED, finished_at=now)  # what is in force now is newer than what it was to bring
    tickets = Rules.in_force(policy=policy, calendar=calendar).clocks().values("ticket").distinct().count()
    rollout = Rollout.objects.create(
        policy=policy, calendar=calendar, reason=reason, total=tickets, created_at=now, created_by=actor
    )
    kick(TASK)
    return rollout


def stop_rollout(*, rollout: Rollout, actor: User, now: datetime) -> bool:
    """Stop after the chunk that is under way; what has moved stays moved. False when it was over already."""
    unfinished = Rollout.objects.filter(pk=rollout.pk, state__in=Rollout.State.unfinished())
    stopped = bool(unfinished.update(state=Rollout.State.STOPPED, finished_at=now))
    if stopped:
        log.warning("rollout %s was stopped by %s", rollout.pk, actor.pk)
    return stopped


def advance_rollouts(*, now: datetime, seconds: float = 20.0) -> dict[str, int]:
    """Go on with what is unfinished, for about so many seconds; counts of chunks and of deadlines that changed.

    A chunk is one transaction with its place in the run, so that a kill loses nothing and repeats
    nothing. Workers side by side never hold the same rollout.
    """
    done = {"chunks": 0, "changed": 0}
    begun = monotonic()
    while monotonic() - begun < seconds:
        changed = _chunk(now=now)
        if changed is None:
            break
        done["chunks"] += 1
        done["changed"] += changed
    return done


@transaction.atomic
def _chunk(*, now: datetime) -> int | None:
    """The next tickets of the oldest rollout that nobody else is working on; None when there is none."""
    rollout = (
        Rollout.objects.filter(state__in=Rollout.State.unfinished())
        .select_related("policy", "calendar", "created_by")
        .order_by("id")
        .select_for_update(of=("self",), skip_locked=True)
        .first()
    )
    if rollout is None:
        return None
    rules = Rules.in_force(policy=rollout.policy, calendar=rollout.calendar)
    ahead = rules.clocks().filter(ticket_id__gt=rollout.last_ticket)
    keys = list(ahead.order_by("ticket_id").values_list("ticket_id", flat=True).distinct()[:CHUNK])
    changed = 0
    for key in keys:
        try:
            with transaction.atomic():
                moved, late = _roll_ticket(Ticket(pk=key), rules, rollout, now=now)
        except Exception:
            log.exception("rollout %s: ticket %s cannot be reckoned", rollout.pk, key)
            rollout.failed += 1
        else:
            changed += moved
            rollout.late += late
    rollout.seen += len(keys)
    rollout.changed += changed
    rollout.last_ticket = keys[-1] if keys else rollout.last_ticket
    rollout.state = Rollout.State.RUNNING if len(keys) == CHUNK else Rollout.State.DONE
    rollout.finished_at = None if len(keys) == CHUNK else now
    rollout.save(update_fields=["seen", "changed", "late", "failed", "last_ticket", "state", "finished_at"])
    return changed


def _roll_ticket(ticket: Ticket, rules: Rules, rollout: Rollout, *, now: datetime) -> tuple[int, int]:
    """Move one ticket's clocks; how many deadlines changed, and how many of them are late at once."""
    ticket, clocks = lock(ticket, now=now)
    touched, moved, late, versions = False, 0, 0, set()
    for clock in _in_scope(clocks, rules):
        move = rules.plan(clock, ticket, now=now)
        if move is None:
            continue
        touched = True
        moved += move.due_at != clock.due_at  # as the preview counts, whatever time is renewed after a breach
        late += move.is_late(now)
        if move.target is None:
            sla.cancel(clock, now=now, actor=rollout.created_by, reason="no policy promises it any more")
        else:
            _move(clock, move, ticket=ticket, rollout=rollout, now=now)
            versions.add(move.version)
    if versions and rollout.policy_id:
        ticket.policy_version = next(iter(versions))
    elif versions:
        ticket.calendar_version = rules.calendars[rollout.calendar_id][0]
    if touched:
        values = {"rollout": rollout.pk, "deadlines": moved, "reason": rollout.reason}
        happened(ticket, TicketEvent.Kind.RULES, now, rollout.created_by, **values).save()
        touch(ticket, now, "policy_version", "calendar_version")
    return moved, late


def _in_scope(clocks: Iterable[Clock], rules: Rules) -> Iterator[Clock]:
    for clock in clocks:
        if not clock.is_open or clock.breached_at is not None:
            continue
        if rules.policy_id is not None:
            if clock.policy_version.policy_id == rules.policy_id:
                yield clock
        elif clock.calendar_version and clock.calendar_version.calendar_id == rules.calendar_id:
            yield clock


def _move(clock: Clock, move: Move, *, ticket: Ticket, rollout: Rollout, now: datetime) -> None:
    terms = replace(
        sla.promised_by(clock).terms,
        target=move.target,
        hours=Hours.ALWAYS if move.calendar_version is None else Hours.BUSINESS,
    )
    promised = sla.Promised(
        terms=terms, version=move.version, calendar_version=move.calendar_version, due_at=move.due_at
    )
    sla.retarget(
        clock,
        promised=promised,
        now=now,
        actor=rollout.created_by,
        owner_id=ticket.owner_id,
        reason=rollout.reason or _("new rules"),
    )
