"""A ticket as its customer reads it: the conversation with its outcomes, and how a promised time came about.

Nothing internal is in here: no notes, no assignments, of the staff only the names of those who
wrote to the customer or judged their claim (SPEC 2.2, 2.7).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.core import durations, moments
from helpdesk.portal.board import Badge, missed_badge
from helpdesk.sla.clock import Effect, EventKind, Metric, State
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.tickets.claims import answers
from helpdesk.tickets.explained import public_reason
from helpdesk.tickets.models import Claim, Message, Source, Status, Ticket, TicketEvent

SHOWN_EVENTS = (
    TicketEvent.Kind.CONFIRMED,
    TicketEvent.Kind.DECLINED,
    TicketEvent.Kind.REOPENED,
    TicketEvent.Kind.STATUS,
    TicketEvent.Kind.RAISED,
    TicketEvent.Kind.CUSTOMER_ESCALATED,
    TicketEvent.Kind.ESCALATION_ANSWERED,
    TicketEvent.Kind.CALLED,
    TicketEvent.Kind.CALL_GIVEN_UP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the conversation: a message, or something that happened in between."""

    at: datetime
    message: Message | None = None
    outcome: Badge | None = None  # of a reply that answered a promise
    head: str = ""
    said: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step in how a promised time came about."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything a ticket's page shows. Seven queries, however long the conversation."""

    ticket: Ticket
    entries: list[Entry]
    running: Clock | None  # the promise that is still ahead
    paused: Clock | None
    first: Clock | None
    lines: list[Line]  # how the first reply's time came about
    facts: list[tuple[str, str]]  # what was answered when it was claimed business critical


def read(ticket: Ticket, *, now: datetime) -> Story:
    """The story of a ticket. `ticket` has been fetched through `visible_to`."""
    clocks = list(ticket.clocks.order_by("started_at", "id"))
    first = next((clock for clock in clocks if clock.metric == Metric.FIRST_RESPONSE), None)
    steps = list(first.events.order_by("number")) if first else []
    ahead = [clock for clock in clocks if clock.state == State.RUNNING and clock.due_at >= now]
    messages = ticket.messages.exclude(kind=Message.Kind.NOTE).select_related("author").prefetch_related("attachments")
    entries = [_message_entry(message, clocks) for message in messages]
    happened = _shown_events(ticket).select_related("actor")
    entries += [entry for event in happened if (entry := _event_entry(event, ticket, steps))]
    return Story(
        ticket=ticket,
        entries=sorted(entries, key=lambda entry: entry.at),
        running=min(ahead, key=lambda clock: clock.due_at, default=None),
        paused=next((clock for clock in clocks if clock.state == State.PAUSED), None),
        first=first,
        lines=[line for step in steps if (line := _line(step, ticket, first))],
        facts=_facts(ticket, now=now),
    )


def stamp(ticket: Ticket) -> str:
    """Names the state that a customer can see: it changes with a public message, an event that is shown, a deadline.

    The last public message comes first in it.
    """
    last = ticket.messages.exclude(kind=Message.Kind.NOTE).aggregate(last=Max("pk"))["last"]
    event = _shown_events(ticket).aggregate(last=Max("pk"))["last"]
    due = int(ticket.next_due_at.timestamp()) if ticket.next_due_at else 0
    return f"{last}-{ticket.status}-{ticket.claim}-{event or 0}-{due}"


def _shown_events(ticket: Ticket) -> QuerySet[TicketEvent]:
    """What happened to it that a customer may know."""
    to_staff = Q(kind=TicketEvent.Kind.ESCALATION_ANSWERED) & ~Q(data__internal=False)
    return ticket.events.filter(kind__in=SHOWN_EVENTS).exclude(to_staff)


def _facts(ticket: Ticket, *, now: datetime) -> list[tuple[str, str]]:
    facts = dict(ticket.claim_facts)
    if since := parse_datetime(str(facts.get("since", ""))):
        facts["since"] = moments.moment(since, now)
    return answers(facts)


def is_late(clock: Clock, now: datetime) -> bool:
    """Missed, whether or not the sweep has written it down yet."""
    return clock.breached_at is not None or (clock.state == State.RUNNING and clock.due_at < now)


def _message_entry(message: Message, clocks: list[Clock]) -> Entry:
    answered = next(
        (clock for clock in clocks if clock.metric == Metric.FIRST_RESPONSE and clock.ended_at == message.created_at),
        None,
    )
    if answered is None or message.kind != Message.Kind.REPLY or answered.state != State.FULFILLED:
        return Entry(at=message.created_at, message=message)
    return Entry(at=message.created_at, message=message, outcome=_outcome(answered))


def _outcome(clock: Clock) -> Badge:
    due = clock.breached_at or clock.due_at
    words = {"time": durations.spoken((clock.ended_at - due).total_seconds())}
    if clock.breached_at:
        return Badge(css=missed_badge(clock).css, icon="late", text=_("First reply, %(time)s late") % words)
    if clock.is_guaranteed:
        return Badge(css="kind", icon="seal", text=_("First reply, %(time)s before the promise") % words)
    return Badge(css="kind kind-a", icon="aim", text=_("First reply, %(time)s before the aim") % words)


# What was said in public: the words over it, and which value of the event holds it.
_SPOKEN = {
    TicketEvent.Kind.CONFIRMED: (gettext_lazy("Business critical was confirmed by %(name)s at %(time)s"), "reason"),
    TicketEvent.Kind.DECLINED: (gettext_lazy("Business critical was declined by %(name)s at %(time)s"), "reason"),
    TicketEvent.Kind.RAISED: (gettext_lazy("Raised to business critical by %(name)s at %(time)s"), "reason"),
    TicketEvent.Kind.CUSTOMER_ESCALATED: (gettext_lazy("%(name)s asked for a manager at %(time)s"), "reason"),
    TicketEvent.Kind.ESCALATION_ANSWERED: (
        gettext_lazy("%(name)s, for our managers, answered at %(time)s"),
        "answer",
    ),
}


def _event_entry(event: TicketEvent, ticket: Ticket, steps: list[ClockEvent]) -> Entry | None:
    words = {"name": event.actor.full_name if event.actor else "", "time": moments.moment(event.at, event.at)}
    if event.kind == TicketEvent.Kind.RAISED and event.data.get("claim") == Claim.CLAIMED:
        return Entry(at=event.at, head=_("%(name)s asked for business critical at %(time)s") % words)
    if event.kind in _SPOKEN:
        head, said = _SPOKEN[event.kind]
        note = _changed_promise(event, steps) if event.kind == TicketEvent.Kind.DECLINED else ""
        return Entry(at=event.at, head=head % words, said=event.data.get(said, ""), note=note)
    match event.kind:
        case TicketEvent.Kind.CALLED if event.data.get("connected"):  # its note is internal
            return Entry(at=event.at, head=_("%(name)s spoke with you on the phone at %(time)s") % words)
        case TicketEvent.Kind.CALL_GIVEN_UP:
            return Entry(at=event.at, head=_("We called you, and didn't reach you"))
        case TicketEvent.Kind.REOPENED:
            return Entry(at=event.at, head=_("Opened again"))
        case TicketEvent.Kind.STATUS if event.data.get("after") == Status.SOLVED and event.actor_id:
            return Entry(at=event.at, head=_("Marked as solved by %(name)s") % words)
        case TicketEvent.Kind.STATUS if event.data.get("after") == Status.CLOSED:
            return Entry(at=event.at, head=_("Closed by %(name)s") % words if event.actor else _("Closed"))
    return None


def _changed_promise(event: TicketEvent, steps: list[ClockEvent]) -> str:
    """How the judgement moved the deadline, if it did."""
    before = None
    for step in steps:
        if step.kind == EventKind.RETARGET and step.at == event.at and before is not None:
            due = _due(step)
            words = {
                "before": moments.moment(before, event.at),
                "after": moments.moment(due, event.at),
                "target": _target(step),
            }
            return _("The promise changed from %(before)s to %(after)s: %(target)s from the start.") % words
        before = _due(step) or before
    return ""


def _line(step: ClockEvent, ticket: Ticket, clock: Clock) -> Line | None:
    texts = {
        EventKind.START: _started,
        EventKind.RETARGET: _retargeted,
        EventKind.PAUSE: lambda *_args: _("Paused: the time stands still."),
        EventKind.RESUME: lambda step, *_args: _("Running again. New time: %(due)s.") % {"due": _due_words(step)},
        EventKind.FULFIL: _fulfilled,
        EventKind.BREACH: lambda *_args: _("The time passed without a reply."),
        EventKind.CANCEL: _cancelled,
        EventKind.EXEMPT: _exempted,
    }
    text = texts[EventKind(step.kind)](step, ticket, clock)
    return Line(at=step.at, text=text) if text else None


def _started(step: ClockEvent, ticket: Ticket, clock: Clock) -> str:
    words = {
        "name": ticket.requester.full_name,
        "role": ticket.get_requester_role_display(),
        "target": _target(step),
        "due": _due_words(step),
    }
    if ticket.source not in Source.guaranteed():
        opened = _("The ticket came in by another way than the form, which is not guaranteed.")
    elif ticket.claim != Claim.NONE:
        opened = _("%(name)s (%(role)s) sent the ticket, marked business critical.") % words
    else:
        opened = _("%(name)s (%(role)s) sent the ticket.") % words
    if clock.is_guaranteed:
        return opened + " " + _("Promise: %(target)s, %(due)s.") % words
    counted = " " + _("Counted in business hours.") if clock.calendar_version_id else ""
    return opened + " " + _("Aim: %(target)s, %(due)s.") % words + counted


def _retargeted(step: ClockEvent, _ticket: Ticket, _clock: Clock) -> str:
    reason = step.data.get("reason", "")
    words = {"target": _target(step), "due": _due_words(step), "why": public_reason(reason)}
    if reason == "claim declined":
        return _("Declined as business critical. Promise: %(target)s from the start, %(due)s.") % words
    if words["why"]:
        return _("%(why)s. New time: %(due)s, %(target)s.") % words
    return _("Changed. New time: %(due)s, %(target)s.") % words


def _exempted(step: ClockEvent, _ticket: Ticket, _clock: Clock) -> str:
    """What an approved exception did; the effect decides."""
    data, words = step.data, {"due": _due_words(step), "target": _target(step)}
    match data.get("effect", Effect.VOID):
        case Effect.PAUSE:
            begin, end = (datetime.fromisoformat(data[name]) for name in ("from", "until"))
            words |= {"begin": moments.moment(begin, step.at), "end": moments.moment(end, step.at)}
            return _("By an approved exception, %(begin)s to %(end)s does not count. New time: %(due)s.") % words
        case Effect.RESTART:
            words["since"] = moments.moment(datetime.fromisoformat(data["since"]), step.at)
            return _("By an approved exception, it counts from %(since)s. New time: %(due)s.") % words
        case Effect.RETARGET:
            return _("By an approved exception, it is %(target)s. New time: %(due)s.") % words
    return _("Taken out by an approved exception.")


def _fulfilled(step: ClockEvent, _ticket: Ticket, clock: Clock) -> str:
    taken = {"time": durations.spoken((step.at - clock.started_at).total_seconds())}
    if clock.pauses:
        return _("A specialist's first reply, after %(time)s with the pauses.") % taken
    if clock.calendar_version_id:
        return _("A specialist's first reply, after %(time)s.") % taken
    return _("A specialist's first reply. All of the %(time)s counted, nothing was paused.") % taken


def _cancelled(step: ClockEvent, _ticket: Ticket, _clock: Clock) -> str:
    if step.data.get("breach_stays"):
        return _("The ticket ended without a reply.")
    return _("The ticket was closed before a reply was due.")


def _target(step: ClockEvent) -> str:
    return durations.target_words(seconds=step.data.get("seconds"), business_days=step.data.get("business_days"))


def _due(step: ClockEvent) -> datetime | None:
    value = step.data.get("due_at")
    return datetime.fromisoformat(value) if value else None


def _due_words(step: ClockEvent) -> str:
    due = _due(step)
    return moments.moment(due, step.at) if due else ""
