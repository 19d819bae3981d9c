"""One clock lived again under a draft, by the engine's own transitions (decision 34). Nothing is read or written.

What people did stays: when it began, when somebody paused, answered or closed, which exceptions were approved,
when the severity changed. What follows from the rules is reckoned anew, by `sla.clock` and `sla.fold` alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from helpdesk.reports.dryrun.rules import Choice, Rules, with_severity
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Effect, Event, EventKind, Metric, Promise
from helpdesk.sla.fold import fold
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Facts, Hours, TargetTerms
from helpdesk.tickets.models import Severity
from helpdesk.tickets.services.locked import facts_of, promise_by


class Judgement(NamedTuple):
    """The severity of a ticket became another one."""

    at: datetime
    severity: str


class Asked(NamedTuple):
    """A ticket as it was asked; the first names are those of `Ticket`, for `facts_of`."""

    pk: int
    hub_id: str
    channel: str
    requester_role: str
    severity: str  # the present one
    account_id: int
    entitlement: Mapping[str, Any]
    source: str
    calendar_version_id: int
    created_at: datetime
    judgements: tuple[Judgement, ...] = ()

    def facts(self, at: datetime) -> Facts:
        """What a policy's conditions look at, with the severity of an instant."""
        return with_severity(facts_of(self), self._severity(at))

    def _severity(self, at: datetime) -> str:
        if not self.judgements:
            return self.severity
        known = [row.severity for row in self.judgements if row.at <= at]
        if known:
            return known[-1]
        was_raised = self.judgements[0].severity == Severity.CRITICAL
        return Severity.STANDARD if was_raised else Severity.CRITICAL


@dataclass(slots=True, kw_only=True)
class History:
    """A clock with all that happened to it, as it was written down."""

    clock: int
    metric: Metric
    promise: Promise
    policy_version: int  # the present ones: of events that don't name any
    calendar_version: int | None
    ticket: Asked
    events: list[Event]
    # Whose promise it was, by clock: one that was taken over from a merged ticket began there.
    origins: Mapping[int, Asked] = field(default_factory=dict)

    def asked(self, event: Event) -> Asked:
        return self.origins.get(event.data.get("copy_of"), self.ticket)

    def version(self, event: Event) -> int:
        return event.data.get("policy_version") or self.policy_version

    def calendar(self, event: Event) -> int | None:
        return event.data.get("calendar_version", self.calendar_version)

    @property
    def breached_at(self) -> datetime | None:
        return next((event.at for event in self.events if event.kind == EventKind.BREACH), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What counts at an instant. `is_own`: as it was promised then, not as the draft has it."""

    target: Target
    hours: BusinessCalendar
    calendar_version: int | None
    promise: Promise
    policy: int
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A clock as it ended, and what it had been promised when it started."""

    state: pure.Clock
    promise: Promise
    policy: int


def own(history: History, rules: Rules, *, now: datetime) -> Outcome:
    """What became of a clock in truth."""
    state = _settled(fold(history.events), now)
    begun = next(iter(history.events))
    policy = rules.policy_of[history.version(begun)]
    return Outcome(state=state, promise=history.promise, policy=policy)


def is_untouched(history: History, rules: Rules) -> bool:
    """Whether the draft has nothing to say about a clock: it stays as it was, and need not be lived again."""
    if any(event.kind == EventKind.RETARGET for event in history.events):
        return False
    begun = history.events[0]
    asked = history.asked(begun)
    if asked.judgements or history.ticket.judgements or rules.touches(history.calendar(begun)):
        return False
    given = _first(history, rules, begun)
    return given is not None and given.is_own


def replay(history: History, rules: Rules, *, now: datetime) -> Outcome | None:
    """What would have become of a clock under the draft; None where it would not have been promised."""
    begun, *later = history.events
    given = _first(history, rules, begun)
    if given is None:
        return None
    first = given
    state = fold([pure.start(at=begun.at, target=given.target, calendar=given.hours)])
    for at, event, judgement in _timeline(history, later):
        state = _settled(state, at)
        if judgement or event.kind == EventKind.RETARGET:
            state, given = _retargeted(state, given, history, rules, at=at, event=event, judgement=judgement)
        else:
            state = _happened(state, event, given.hours)
    return Outcome(state=_settled(state, now), promise=first.promise, policy=first.policy)


def _settled(state: pure.Clock, now: datetime) -> pure.Clock:
    """As every verb finds a clock: what has passed is written down (`tickets.services.locked.lock`)."""
    return fold(pure.settle(state, now=now, owner=None), state).gross_settled(now)


def _timeline(history: History, later: list[Event]) -> Iterator[tuple[datetime, Event | None, Judgement | None]]:
    """What people did, in order, with the judgements of the ticket in between: one may move a clock or not.

    A breach is none of it, nor is a pause's end that only a breach brought about.
    """
    judgements = [row for row in history.ticket.judgements if row.at > history.events[0].at]
    for index, event in enumerate(later):
        if event.kind == EventKind.BREACH or _follows_from_a_breach(later, index):
            continue
        copied = "copy_of" in event.data
        while judgements and judgements[0].at < event.at and not copied:
            judgement = judgements.pop(0)
            yield judgement.at, None, judgement
        matching = None
        if event.kind == EventKind.RETARGET:
            rows = history.asked(event).judgements
            matching = next((row for row in rows if row.at == event.at), None)
            if judgements and matching == judgements[0]:
                judgements.pop(0)
        yield event.at, event, matching
    for judgement in judgements:
        yield judgement.at, None, judgement


def _follows_from_a_breach(events: list[Event], index: int) -> bool:
    """A paused clock that a retarget breaches goes on (`clock.retarget`): that is no act of anybody's."""
    if events[index].kind != EventKind.RESUME or not 0 < index < len(events) - 1:
        return False
    before, after = events[index - 1], events[index + 1]
    return before.kind == EventKind.BREACH and after.kind == EventKind.RETARGET and after.at == events[index].at


def _first(history: History, rules: Rules, begun: Event) -> Given | None:
    """What a clock is promised when it starts."""
    asked, given = history.asked(begun), _as_it_was(history, rules, begun)
    if rules.terms is None:
        return given
    found = rules.choose(asked.facts(begun.at), as_of=asked.created_at)
    if found is None:
        return None
    choice, terms = found
    if not choice.is_draft and choice.policy == given.policy:
        return given
    promised = terms.target(history.metric)
    if promised is None:
        return None
    calendar = history.calendar(begun) or asked.calendar_version_id
    return _under(choice, promised, rules, calendar=calendar, promise=promise_by(asked.source, promised.promise))


def _as_it_was(history: History, rules: Rules, event: Event) -> Given:
    calendar = history.calendar(event)
    return Given(
        target=Target.read(event.data.get("gross_target", event.data)),
        hours=rules.calendar(calendar),
        calendar_version=calendar,
        promise=history.promise,
        policy=rules.policy_of[history.version(event)],
        is_own=True,
    )


def _under(choice: Choice, terms: TargetTerms, rules: Rules, *, calendar: int | None, promise: Promise) -> Given:
    version = calendar if terms.hours == Hours.BUSINESS else None
    return Given(
        target=terms.target,
        hours=rules.calendar(version),
        calendar_version=version,
        promise=promise,
        policy=choice.policy,
        is_own=False,
    )


def _retargeted(
    state: pure.Clock,
    given: Given,
    history: History,
    rules: Rules,
    *,
    at: datetime,
    event: Event | None,
    judgement: Judgement | None,
) -> tuple[pure.Clock, Given]:
    """A clock after the severity changed, or after new rules took over in the past."""
    if not state.is_unanswered:
        return state, given
    if judgement:
        wanted = _rechosen(state, given, history, rules, at=at, event=event, judgement=judgement)
    else:
        wanted = _taken_over(state, given, history, rules, event)
    if wanted is None:
        return state, given
    if (wanted.target, wanted.hours) == (state.promised_target, given.hours) and not (event and wanted.is_own):
        return state, wanted
    events = pure.retarget(state, at=at, target=wanted.target, calendar=wanted.hours, reason="", owner=None)
    return fold(events, state), wanted


def _rechosen(
    state: pure.Clock,
    given: Given,
    history: History,
    rules: Rules,
    *,
    at: datetime,
    event: Event | None,
    judgement: Judgement,
) -> Given | None:
    """As `critical._rechoose` chooses: by the policies of the ticket's own day. None: it stays."""
    declined = judgement.severity == Severity.STANDARD
    if declined and state.breached_at is not None:
        return None  # the breach stays, and so does its target
    asked = history.asked(event) if event else history.ticket
    found = rules.choose(with_severity(asked.facts(at), judgement.severity), as_of=asked.created_at)
    if event and given.is_own and (rules.terms is None or found is None or not found[0].is_draft):
        was = _as_it_was(history, rules, event)
        if rules.terms is None or found is None or found[0].policy == was.policy:
            return replace(was, promise=given.promise)
    if found is None:
        return None
    choice, terms = found
    promised = terms.target(history.metric)
    if promised is None or (given.promise == Promise.GUARANTEED and promised.promise != Promise.GUARANTEED):
        return None
    missed = history.breached_at
    if given.is_own and not choice.is_draft and not event and not (missed and missed <= at):
        return None  # it was left alone then, for a reason that is none of the draft's
    return _under(choice, promised, rules, calendar=asked.calendar_version_id, promise=given.promise)


def _taken_over(state: pure.Clock, given: Given, history: History, rules: Rules, event: Event) -> Given | None:
    """New rules took over for open tickets then (`tickets.services.rollouts`): never for a clock that was missed."""
    if state.breached_at is not None:
        return None
    was = _as_it_was(history, rules, event)
    if given.is_own:
        return replace(was, promise=given.promise)
    if given.calendar_version is None or was.calendar_version is None:
        return None
    return replace(given, hours=was.hours, calendar_version=was.calendar_version)


def _happened(state: pure.Clock, event: Event, hours: BusinessCalendar) -> pure.Clock:
    """What one act does, as the verbs of `sla.services` let it."""
    at, data = event.at, event.data
    match event.kind:
        case EventKind.PAUSE:
            events = pure.pause(state, at=at, questioned=bool(data.get("questioned")))
        case EventKind.RESUME:
            events = pure.resume(state, at=at, calendar=hours)
        case EventKind.FULFIL:
            state = fold(pure.resume(state, at=at, calendar=hours), state)
            events = pure.fulfil(state, at=at, by=data.get("by"), owner=None)
        case EventKind.CANCEL if "breach_stays" in data:  # closed by somebody; late or not is the deadline's to say
            state = fold(pure.resume(state, at=at, calendar=hours), state)
            events = pure.close(state, at=at, reason="", owner=None)
        case EventKind.CANCEL:
            events = pure.cancel(state, at=at, reason="")
        case _:
            events = _exempted(state, event, hours)
    return fold(events, state)


def _exempted(state: pure.Clock, event: Event, hours: BusinessCalendar) -> list[Event]:
    """An exception that was approved; nothing where it would not have moved the draft's deadline to later."""
    data = event.data
    out = since = target = None
    if "from" in data:
        out = (datetime.fromisoformat(data["from"]), datetime.fromisoformat(data["until"]))
    if "since" in data:
        since = datetime.fromisoformat(data["since"])
    if "seconds" in data or "business_days" in data:
        target = Target.read(data)
    effect = Effect(data.get("effect", Effect.VOID))
    try:
        return pure.exempt(
            state, at=event.at, effect=effect, calendar=hours, reason="", out=out, since=since, target=target
        )
    except (ValueError, OverflowError):
        return []
