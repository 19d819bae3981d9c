"""Verbs of the clock. They write in the caller's transaction, and lock the clocks they change.

The caller holds the ticket's row first: ticket, then clocks, in every service.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from django.db.models import Max

from helpdesk.accounts.models import Account, User
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.fold import fold
from helpdesk.sla.ladder import next_check
from helpdesk.sla.models import CalendarVersion, Clock, ClockEvent, ClockException, PolicyVersion
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Facts, Hours, TargetTerms, Terms

log = logging.getLogger(__name__)
Version = TypeVar("Version")


class Rules:
    """Terms and hours by the id of their version: they never change, so each is read and checked once."""

    def __init__(self) -> None:
        self._terms: dict[int, Terms] = {}
        self._hours: dict[int | None, BusinessCalendar] = {None: ALWAYS_OPEN}

    def learn(self, clocks: Iterable[Clock]) -> None:
        """Read what these clocks need and is not known yet: at most two queries."""
        clocks = list(clocks)
        if policies := {clock.policy_version_id for clock in clocks} - self._terms.keys():
            self._terms |= _readable(PolicyVersion.objects.filter(pk__in=policies), "terms")
        if calendars := {clock.calendar_version_id for clock in clocks} - self._hours.keys():
            self._hours |= _readable(CalendarVersion.objects.filter(pk__in=calendars), "hours")

    def of(self, clock: Clock) -> tuple[Terms, BusinessCalendar]:
        """KeyError when the version of its policy or calendar cannot be read."""
        return self._terms[clock.policy_version_id], self._hours[clock.calendar_version_id]


def _readable(rows: Iterable[PolicyVersion | CalendarVersion], name: str) -> dict[int, Any]:
    """What the versions say, by id; one that cannot be read (its time zone left the data, say) is left out."""
    found = {}
    for row in rows:
        try:
            found[row.pk] = getattr(row, name)
        except ValueError:
            log.exception("%s %s cannot be read", row._meta.verbose_name, row.pk)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What a policy promises for one metric, as of an instant."""

    terms: TargetTerms
    version: PolicyVersion
    calendar_version: CalendarVersion | None
    due_at: datetime

    @property
    def is_guaranteed(self) -> bool:
        return self.terms.promise == pure.Promise.GUARANTEED


def choose_policy(facts: Facts, *, as_of: datetime | None = None) -> PolicyVersion | None:
    """The first active policy, by position, whose conditions match (SPEC 2.2). One query.

    With `as_of`, by the versions of that instant: a new version is for new tickets.
    """
    versions = PolicyVersion.objects.filter(policy__is_active=True).select_related("policy")
    if as_of is None:
        versions = versions.filter(is_current=True)
    ordered = versions.order_by("policy__position", "policy_id", "number")
    groups = (list(group) for _policy, group in groupby(ordered, key=lambda version: version.policy_id))
    chosen = (in_force_at(group, as_of) for group in groups)
    found = first_match(((version, version.terms) for version in chosen), facts)
    return found[0] if found else None


def in_force_at(versions: list[PolicyVersion], as_of: datetime | None) -> PolicyVersion:
    """Of one policy's versions, in order: the newest that there was at an instant, or else the first of all."""
    there = [version for version in versions if as_of is None or version.created_at <= as_of]
    return there[-1] if there else versions[0]


def first_match(versions: Iterable[tuple[Version, Terms]], facts: Facts) -> tuple[Version, Terms] | None:
    """The first of the terms, in order, whose conditions match, with what they came with."""
    return next((row for row in versions if row[1].conditions.match(facts)), None)


def business_calendar(account: Account) -> CalendarVersion:
    """The version in force of the account's calendar, or of the standard one. One query."""
    versions = CalendarVersion.objects.filter(is_current=True).select_related("calendar")
    if account.calendar_id:
        return versions.get(calendar=account.calendar_id)
    return versions.get(calendar__is_default=True)


def promise(
    *,
    facts: Facts,
    metric: pure.Metric,
    calendar_version: CalendarVersion,
    now: datetime,
) -> Promised | None:
    """What would be promised to a ticket with these facts if it were sent at `now`."""
    version = choose_policy(facts)
    terms = version.terms.target(metric) if version else None
    if terms is None:
        return None
    return promised(terms=terms, version=version, calendar_version=calendar_version, now=now)


def promised(
    *, terms: TargetTerms, version: PolicyVersion, calendar_version: CalendarVersion, now: datetime
) -> Promised:
    """One target of a policy, with the deadline it gives to a clock started at `now`."""
    business = terms.hours == Hours.BUSINESS
    hours: BusinessCalendar = calendar_version.hours if business else ALWAYS_OPEN
    return Promised(
        terms=terms,
        version=version,
        calendar_version=calendar_version if business else None,
        due_at=terms.target.due(hours, now),
    )


def under(clock: Clock) -> dict[str, Any]:
    """Under which rules a clock counts, as its events carry it: an auditor needs nothing else to recompute it."""
    return {"policy_version": clock.policy_version_id, "calendar_version": clock.calendar_version_id}


def start(**new: Any) -> Clock:
    """Start a clock; what it takes is said at `begin`."""
    clock, event = begin(**new)
    clock.save()
    event.clock = clock
    event.save()
    return clock


def begin(
    *,
    ticket_id: int,
    promised: Promised,
    promise: pure.Promise,
    now: datetime,
    actor: User | None,
    cycle: int = 1,
    begins_at: datetime | None = None,
    clock_id: int | None = None,
) -> tuple[Clock, ClockEvent]:
    """A clock and its first event, both unsaved, for whoever writes more with them.

    `promise` may be weaker than the policy's (SPEC 2.3: tickets opened by staff or mail). With `begins_at` it
    counts from a later instant, and `promised` was reckoned from there (decision 22).
    """
    at = max(now, begins_at or now)
    clock = Clock(
        pk=clock_id,
        ticket_id=ticket_id,
        metric=promised.terms.metric.value,
        cycle=cycle,
        promise=promise.value,
        policy_version=promised.version,
        calendar_version=promised.calendar_version,
    )
    event = pure.start(at=at, target=promised.terms.target, calendar=clock.hours, under=under(clock), asked=now)
    state = fold([event])
    clock.take_state(state)
    clock.event_count = 1
    clock.next_check_at = next_check(state, terms=promised.version.terms, calendar=clock.hours, since=at)
    return clock, _row(clock, event, number=1, now=now, actor=actor)


def next_cycle(*, ticket_id: int, metric: pure.Metric) -> int:
    """The number of a metric's next cycle on a ticket. Needs the ticket locked."""
    return (Clock.objects.filter(ticket_id=ticket_id, metric=metric).aggregate(last=Max("cycle"))["last"] or 0) + 1


def take_over(clock: Clock, *, ticket_id: int, now: datetime, owner_id: int | None) -> Clock:
    """A clock as it was before it was cancelled, if it was, in a cycle of its own on a ticket that keeps its promise.

    Its events are written down again, each by its own actor and as of its own instant, so that nothing of
    it is lost: start, pauses, exceptions, a breach and its cause (SPEC 2.3: merged, not spam after all).
    """
    events = list(clock.events.exclude(kind=pure.EventKind.CANCEL).order_by("number"))
    state = fold(event.folded() for event in events)
    heir = Clock(
        ticket_id=ticket_id,
        metric=clock.metric,
        cycle=next_cycle(ticket_id=ticket_id, metric=pure.Metric(clock.metric)),
        promise=clock.promise,
        policy_version=clock.policy_version,
        calendar_version=clock.calendar_version,
        event_count=len(events),
        cause=clock.cause,
        cause_note=clock.cause_note,
    )
    heir.take_state(state)
    heir.next_check_at = check_after(heir, since=now)
    heir.save()
    ClockEvent.objects.bulk_create(
        ClockEvent(
            clock=heir,
            number=event.number,
            kind=event.kind,
            at=event.at,
            recorded_at=now,
            actor_id=event.actor_id,
            data=event.data | {"copy_of": clock.pk},
        )
        for event in events
    )
    settle([heir], now=now, owner_id=owner_id)
    return heir


def promised_by(clock: Clock) -> Promised:
    """What a clock promises, as its policy said it."""
    terms = TargetTerms(
        metric=pure.Metric(clock.metric),
        promise=pure.Promise(clock.promise),
        target=clock.folded().promised_target,
        hours=Hours.ALWAYS if clock.calendar_version_id is None else Hours.BUSINESS,
    )
    return Promised(
        terms=terms, version=clock.policy_version, calendar_version=clock.calendar_version, due_at=clock.due_at
    )


def lock_unanswered(*, ticket_id: int) -> list[Clock]:
    """The ticket's clocks that wait for an answer, void ones too, locked until the transaction ends."""
    return list(
        Clock.objects.unanswered()
        .filter(ticket_id=ticket_id)
        .select_related("policy_version", "calendar_version")
        .order_by("id")
        .select_for_update(of=("self",), no_key=True)
    )


def lock(clock_id: int) -> Clock:
    """One clock in any state, locked until the transaction ends. The caller holds its ticket."""
    related = ("policy_version", "calendar_version")
    return Clock.objects.select_related(*related).select_for_update(of=("self",), no_key=True).get(pk=clock_id)


def settle(clocks: Iterable[Clock], *, now: datetime, owner_id: int | None) -> None:
    """Write down deadlines that have passed, before the ticket changes (its owner above all)."""
    for clock in clocks:
        _record(clock, pure.settle(clock.folded(), now=now, owner=owner_id), now=now, actor=None)


def fulfil(clock: Clock, *, now: datetime, actor: User, owner_id: int | None) -> None:
    """The answer: verdict and event, in the transaction of the reply itself.

    A paused clock runs on first, so that it ends with the deadline it was answered against.
    """
    resume(clock, now=now, actor=actor)
    _record(clock, pure.fulfil(clock.folded(), at=now, by=actor.pk, owner=owner_id), now=now, actor=actor)


def cancel(clock: Clock, *, now: datetime, actor: User | None, reason: str) -> None:
    _record(clock, pure.cancel(clock.folded(), at=now, reason=reason), now=now, actor=actor)


def close(clock: Clock, *, now: datetime, actor: User, owner_id: int | None, reason: str) -> None:
    """End without an answer: cancelled before the deadline, a breach after it."""
    resume(clock, now=now, actor=actor)
    _record(clock, pure.close(clock.folded(), at=now, reason=reason, owner=owner_id), now=now, actor=actor)


def pause(clock: Clock, *, now: datetime, actor: User | None, questioned: bool) -> None:
    """`questioned`: a message of the customer is unanswered, so that the pause is flagged (SPEC 2.2)."""
    _record(clock, pure.pause(clock.folded(), at=now, questioned=questioned), now=now, actor=actor)


def resume(clock: Clock, *, now: datetime, actor: User | None) -> None:
    _record(clock, pure.resume(clock.folded(), at=now, calendar=clock.hours), now=now, actor=actor)


def retarget(
    clock: Clock,
    *,
    promised: Promised,
    now: datetime,
    actor: User | None,
    owner_id: int | None,
    reason: str,
) -> None:
    """Move an unanswered clock to another target, on that target's calendar and policy (see `clock.retarget`)."""
    clock.policy_version = promised.version
    clock.calendar_version = promised.calendar_version
    events = pure.retarget(
        clock.folded(),
        at=now,
        target=promised.terms.target,
        calendar=clock.hours,
        reason=reason,
        owner=owner_id,
        under=under(clock),
    )
    _record(clock, events, now=now, actor=actor, also=("policy_version", "calendar_version"))


def exempt(clock: Clock, *, exception: ClockException, now: datetime, actor: User) -> None:
    """Let an approved exception take effect. ValueError as in `clock.exempt`."""
    _record(clock, exemption(clock, exception=exception, now=now), now=now, actor=actor)


def exemption(clock: Clock, *, exception: ClockException, now: datetime) -> list[pure.Event]:
    """The events that an exception would write; nothing is written. ValueError as in `clock.exempt`."""
    seconds, days = exception.target_seconds, exception.target_business_days
    return pure.exempt(
        clock.folded(),
        at=now,
        effect=pure.Effect(exception.effect),
        calendar=clock.hours,
        reason=exception.code_id,
        out=(exception.out_from, exception.out_until) if exception.out_from and exception.out_until else None,
        since=exception.since,
        target=Target(seconds=seconds, business_days=days) if seconds or days else None,
        under={"exception": exception.pk},
    )


def rebuild(clock: Clock, *, now: datetime) -> bool:
    """Make the columns again from the events; True when they differed. Needs the clock locked."""
    events = list(clock.events.order_by("number"))
    state = fold(event.folded() for event in events)
    if (state, len(events)) == (clock.folded(), clock.event_count):
        return False
    clock.take_state(state)
    clock.event_count = len(events)
    clock.next_check_at = check_after(clock, since=min(now, clock.next_check_at or now))
    clock.save(update_fields=[*Clock.FOLDED, "event_count", "next_check_at"])
    return True


def _record(
    clock: Clock, events: list[pure.Event], *, now: datetime, actor: User | None, also: tuple[str, ...] = ()
) -> None:
    """Append events, and bring the columns up to date with them."""
    if not events:
        return
    before, state = clock.version, fold(events, clock.folded())
    _insert(clock, events, first=clock.event_count + 1, now=now, actor=actor)
    clock.take_state(state)
    clock.event_count += len(events)
    # Under a new deadline only the steps ahead fire. Under the same one, a step whose time has come
    # and that no sweep has seen yet is still owed.
    owed = clock.next_check_at is not None and state.version == before
    since = min(now, clock.next_check_at) if owed else now
    clock.next_check_at = check_after(clock, since=since)
    clock.save(update_fields=[*Clock.FOLDED, "event_count", "next_check_at", *also])


def check_after(clock: Clock, *, since: datetime) -> datetime | None:
    """The first instant from `since` on at which the sweep has something to do for this clock."""
    return next_check(
        clock.folded(),
        terms=clock.policy_version.terms,
        calendar=clock.hours,
        since=since,
        reminders=clock.acknowledged_version != clock.version,
    )


def _insert(clock: Clock, events: list[pure.Event], *, first: int, now: datetime, actor: User | None) -> None:
    ClockEvent.objects.bulk_create(
        _row(clock, event, number=first + index, now=now, actor=actor) for index, event in enumerate(events)
    )


def _row(clock: Clock, event: pure.Event, *, number: int, now: datetime, actor: User | None) -> ClockEvent:
    return ClockEvent(
        clock=clock,
        number=number,
        kind=event.kind.value,
        at=event.at,
        recorded_at=now,
        actor=actor,
        data=dict(event.data),
    )
