"""What happened to a ticket and its clocks, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _

from helpdesk.core.durations import target_words
from helpdesk.core.moments import is_same_day, moment
from helpdesk.sla.clock import Effect, EventKind, Promise
from helpdesk.sla.models import ClockEvent
from helpdesk.tickets.models import Source, Status, TicketEvent

# Events that stand in the conversation as messages.
SPOKEN = (TicketEvent.Kind.REPLIED, TicketEvent.Kind.NOTED, TicketEvent.Kind.CUSTOMER_WROTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event: a few words for the fold, a sentence for the list. `by` is empty when the system acted."""

    at: datetime
    short: str
    text: str
    by: str = ""


def instant(at: datetime | str) -> str:
    """An instant in the reader's time zone: today's to the second, others with their day."""
    at, now = datetime.fromisoformat(at) if isinstance(at, str) else at, timezone.now()
    return date_format(timezone.localtime(at), "H:i:s") if is_same_day(at, now) else moment(at, now)


def ticket_line(event: TicketEvent) -> Line:
    write = _TICKET.get(event.kind)
    text = write(event.data) if write else event.get_kind_display()
    by = event.actor.full_name if event.actor else ""
    return Line(at=event.at, short=text.partition(":")[0], text=text, by=by)


def clock_line(event: ClockEvent) -> Line:
    metric = event.clock.get_metric_display()
    values = {"metric": metric, "due": instant(event.data["due_at"]) if "due_at" in event.data else ""}
    text = _CLOCK[EventKind(event.kind)](event, values)
    by = event.actor.full_name if event.actor else ""
    return Line(at=event.at, short=f"{metric}: {event.get_kind_display()}", text=text, by=by)


def _target(data: dict[str, Any]) -> str:
    return target_words(seconds=data.get("seconds"), business_days=data.get("business_days"))


def _started(event: ClockEvent, values: dict[str, str]) -> str:
    guaranteed = event.clock.promise == Promise.GUARANTEED
    words = values | {
        "target": _target(event.data),
        "promise": _("guaranteed") if guaranteed else _("objective"),
    }
    return _("%(metric)s started: %(target)s, %(promise)s, due %(due)s") % words


def _retargeted(event: ClockEvent, values: dict[str, str]) -> str:
    words = values | {"target": _target(event.data), "why": event.data.get("reason", "")}
    return _("%(metric)s has a new target: %(target)s, due %(due)s (%(why)s)") % words


def _breached(event: ClockEvent, values: dict[str, str]) -> str:
    return _("%(metric)s breached: was due %(due)s") % (values | {"due": instant(event.at)})


def _exempted(event: ClockEvent, values: dict[str, str]) -> str:
    """What an exception did; `why` is its code."""
    data = event.data
    words = values | {"why": data["reason"], "target": _target(data)}
    match data.get("effect", Effect.VOID):
        case Effect.PAUSE:
            words |= {"from": instant(data["from"]), "until": instant(data["until"])}
            return _("%(metric)s: %(from)s to %(until)s does not count, due %(due)s (%(why)s)") % words
        case Effect.RESTART:
            words |= {"since": instant(data["since"])}
            return _("%(metric)s counts from %(since)s, due %(due)s (%(why)s)") % words
        case Effect.RETARGET:
            return _("%(metric)s has a new target: %(target)s, due %(due)s (%(why)s)") % words
    return _("%(metric)s void: %(why)s") % words


def _resumed(event: ClockEvent, values: dict[str, str]) -> str:
    return _("%(metric)s goes on: due %(due)s") % values


_CLOCK: dict[EventKind, Callable[[ClockEvent, dict[str, str]], str]] = {
    EventKind.START: _started,
    EventKind.RETARGET: _retargeted,
    EventKind.BREACH: _breached,
    EventKind.RESUME: _resumed,
    EventKind.PAUSE: lambda event, values: _("%(metric)s paused") % values,
    EventKind.FULFIL: lambda event, values: _("%(metric)s answered") % values,
    EventKind.CANCEL: lambda event, values: _("%(metric)s ended: %(why)s") % (values | {"why": event.data["reason"]}),
    EventKind.EXEMPT: _exempted,
}


def _status(data: dict[str, Any]) -> str:
    names = dict(Status.choices)
    words = {"before": names.get(data.get("before"), "–"), "after": names.get(data.get("after"), "–")}
    return _("Status: %(before)s → %(after)s") % words


def _assigned(data: dict[str, Any]) -> str:
    team = f" ({data['team']})" if data.get("team") else ""
    if data.get("owner"):
        return _("Assigned to %(owner)s") % {"owner": data["owner"]} + team
    return _("Given back to the team") + team


def _judged(text: str, data: dict[str, Any]) -> str:
    return f"{text}: {data['reason']}" if data.get("reason") else text


def _excepted(text: str, data: dict[str, Any]) -> str:
    return f"{text}: {data['code']}" + (f", “{data['text']}”" if data.get("text") else "")


_TICKET: dict[str, Callable[[dict[str, Any]], str]] = {
    TicketEvent.Kind.OPENED: lambda data: (
        _("Opened: %(source)s") % {"source": dict(Source.choices).get(data.get("source"), "–")}
    ),
    TicketEvent.Kind.ACKNOWLEDGED: lambda data: _("Acknowledged by e-mail"),
    TicketEvent.Kind.CLAIMED: lambda data: _("Claimed business critical"),
    TicketEvent.Kind.CONFIRMED: lambda data: _judged(_("Critical confirmed"), data),
    TicketEvent.Kind.DECLINED: lambda data: _judged(_("Critical declined"), data),
    TicketEvent.Kind.ASSIGNED: _assigned,
    TicketEvent.Kind.STATUS: _status,
    TicketEvent.Kind.REOPENED: lambda data: _("Reopened"),
    TicketEvent.Kind.EXCEPTION_ASKED: lambda data: _excepted(_("Exception requested"), data),
    TicketEvent.Kind.EXCEPTION_GRANTED: lambda data: _excepted(_("Exception approved"), data),
    TicketEvent.Kind.EXCEPTION_REFUSED: lambda data: _excepted(_("Exception refused"), data),
    TicketEvent.Kind.EXCEPTION_WITHDRAWN: lambda data: _excepted(_("Exception withdrawn"), data),
}
