"""What happened to a ticket and its clocks, in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.core.durations import target_words
from helpdesk.core.moments import is_same_day, moment
from helpdesk.escalation import alarms
from helpdesk.notifications.models import Notice
from helpdesk.sla.clock import Effect, EventKind, Promise
from helpdesk.sla.models import METRICS, BreachCause, ClockEvent
from helpdesk.tickets.explained import effect_words, reason_words
from helpdesk.tickets.models import Claim, Priority, Source, Status, TicketEvent
from helpdesk.workspace import call_words, customer_words, organise_words

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


def step_words(*, percent: int, reminder: int) -> str:
    """A step of the ladder: `75 %`, or `100 %, reminder 2`."""
    step = _("%(percent)d %%") % {"percent": percent}
    return step + (", " + _("reminder %(number)d") % {"number": reminder} if reminder else "")


def notice_words(notice: Notice) -> str:
    """A notice on a screen, in one line."""
    said = notice.context
    if notice.kind == organise_words.WATCHED:
        return organise_words.watched_words(notice)
    if notice.kind == call_words.KIND:
        return call_words.notice_words(notice)
    if notice.kind == alarms.KIND:
        values = {"what": alarms.title(said.get("name", ""))}
        return (_("Well again: %(what)s") if said.get("until_at") else _("Alarm: %(what)s")) % values
    metric = dict(METRICS).get(said.get("metric"), "")
    ticket = f"{said.get('reference', '')} {said.get('subject', '')}"
    return " · ".join(part for part in (_told(notice), str(metric), ticket, said.get("account", "")) if part)


def _told(notice: Notice) -> str:
    """What a notice tells of a ticket, in a few words."""
    said = notice.context
    if text := customer_words.told(notice):
        return text
    if notice.kind == "exception_asked":
        return _("Exception to approve")
    if notice.kind == "exception_decided":
        return _("Exception approved") if said["state"] == "approved" else _("Exception refused")
    if notice.kind == "mentioned":
        return _("%(name)s mentions you") % {"name": said.get("author", "")}
    if notice.kind == "reply_held":
        return _("Your reply did not leave: %(why)s") % {"why": said.get("reason", "")}
    if notice.kind == "reply_crossed":
        by_customer = said.get("by_customer")
        return (
            _("The customer wrote while your reply left")
            if by_customer
            else _("A colleague wrote while your reply left")
        )
    return step_words(percent=said.get("percent", 0), reminder=said.get("reminder", 0))


def ticket_line(event: TicketEvent, codes: Mapping[str, str]) -> Line:
    """`codes`: the names of exceptions by their code."""
    write = _TICKET.get(event.kind)
    data = {**event.data, "code": codes.get(event.data.get("code"), event.data.get("code"))}
    text = write(data) if write else event.get_kind_display()
    by = event.actor.full_name if event.actor else ""
    if macro := event.data.get("macro"):
        by = _("%(name)s, macro “%(macro)s”") % {"name": by, "macro": macro}
    return Line(at=event.at, short=text.partition(":")[0], text=text, by=by)


def clock_line(event: ClockEvent, codes: Mapping[str, str]) -> Line:
    """`codes`: the names of exceptions by their code."""
    metric, reason = event.clock.get_metric_display(), event.data.get("reason", "")
    values = {
        "metric": metric,
        "due": instant(event.data["due_at"]) if "due_at" in event.data else "",
        "why": codes.get(reason) or reason_words(reason),
    }
    text = _CLOCK[EventKind(event.kind)](event, values)
    short = f"{metric}: {event.get_kind_display()}"
    return Line(at=event.at, short=short, text=text, by=event.actor.full_name if event.actor else "")


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
    words = values | {"target": _target(event.data)}
    return _("%(metric)s has a new target: %(target)s, due %(due)s (%(why)s)") % words


def _breached(event: ClockEvent, values: dict[str, str]) -> str:
    return _("%(metric)s breached: was due %(due)s") % (values | {"due": instant(event.at)})


def _resumed(event: ClockEvent, values: dict[str, str]) -> str:
    return _("%(metric)s goes on: due %(due)s") % values


def _exempted(event: ClockEvent, values: dict[str, str]) -> str:
    """What an approved exception did; the effect decides."""
    data = event.data
    match data.get("effect", Effect.VOID):
        case Effect.PAUSE:
            words = values | {"begin": instant(data["from"]), "end": instant(data["until"])}
            return _("%(metric)s: %(begin)s to %(end)s does not count, due %(due)s (%(why)s)") % words
        case Effect.RESTART:
            words = values | {"since": instant(data["since"])}
            return _("%(metric)s counts from %(since)s, due %(due)s (%(why)s)") % words
        case Effect.RETARGET:
            words = values | {"target": _target(data)}
            return _("%(metric)s has a new target: %(target)s, due %(due)s (%(why)s)") % words
    return _("%(metric)s void: %(why)s") % values


_CLOCK: dict[EventKind, Callable[[ClockEvent, dict[str, str]], str]] = {
    EventKind.START: _started,
    EventKind.RETARGET: _retargeted,
    EventKind.BREACH: _breached,
    EventKind.RESUME: _resumed,
    EventKind.PAUSE: lambda event, values: _("%(metric)s paused") % values,
    EventKind.FULFIL: lambda event, values: _("%(metric)s answered") % values,
    EventKind.CANCEL: lambda event, values: _("%(metric)s ended: %(why)s") % values,
    EventKind.EXEMPT: _exempted,
}


def _status(data: dict[str, Any]) -> str:
    names = dict(Status.choices)
    words = {"before": names.get(data.get("before"), "–"), "after": names.get(data.get("after"), "–")}
    return _said(_("Status: %(before)s → %(after)s") % words, data.get("reason"))


def _assigned(data: dict[str, Any]) -> str:
    team = f" ({data['team']})" if data.get("team") else ""
    if data.get("owner"):
        how = organise_words.chosen_how(data)
        text = _("Assigned to %(owner)s") % {"owner": data["owner"]} + team + (f", {how}" if how else "")
        return _said(text, data.get("reason"))
    return _said(_("Given back to the team") + team, data.get("reason"))


def _said(text: str, why: str | None) -> str:
    return f"{text}: {why}" if why else text


def _raised(data: dict[str, Any]) -> str:
    if data.get("claim") == Claim.CLAIMED:
        return _("Critical asked for by the customer")
    return _said(_("Raised to critical"), data.get("reason"))


def _prioritised(data: dict[str, Any]) -> str:
    names = dict(Priority.choices)
    words = {"before": names.get(data.get("before"), "–"), "after": names.get(data.get("after"), "–")}
    text = _("Priority: %(before)s → %(after)s") % words
    if "percent" not in data:
        return _said(text, data.get("reason"))
    return text + " " + _("(escalation step at %(percent)d %%)") % {"percent": data["percent"]}


def _caused(data: dict[str, Any]) -> str:
    words = {
        "metric": dict(METRICS).get(data.get("metric"), "–"),
        "cause": dict(BreachCause.choices).get(data.get("cause"), "–"),
    }
    return _said(_("Cause of the missed %(metric)s: %(cause)s") % words, data.get("reason"))


def _tagged(data: dict[str, Any]) -> str:
    """`Tags: + sync, − billing`."""
    names = [f"+ {name}" for name in data.get("added", ())] + [f"− {name}" for name in data.get("removed", ())]
    return _said(_("Tags: %(tags)s") % {"tags": ", ".join(names)}, data.get("reason"))


def _ruled(data: dict[str, Any]) -> str:
    count = data.get("deadlines", 0)
    words = ngettext("New rules, %(count)d deadline moved", "New rules, %(count)d deadlines moved", count)
    return _said(words % {"count": count}, data.get("reason"))


def _asked(text: str, data: dict[str, Any]) -> str:
    """Of an exception: `Exception approved: Declared incident, the target does not count. Status page of 10:00.`"""
    text = f"{text}: {data.get('code', '')}"
    if data.get("effect") in list(Effect):
        text += f", {effect_words(data['effect'])}"
    return f"{text}. {data['text']}" if data.get("text") else text


_TICKET: dict[str, Callable[[dict[str, Any]], str]] = (
    organise_words.LINES
    | call_words.LINES
    | customer_words.LINES
    | {
        TicketEvent.Kind.OPENED: lambda data: (
            _("Opened: %(source)s") % {"source": dict(Source.choices).get(data.get("source"), "–")}
        ),
        TicketEvent.Kind.ACKNOWLEDGED: lambda data: _("Acknowledged by e-mail"),
        TicketEvent.Kind.CLAIMED: lambda data: _("Claimed business critical"),
        TicketEvent.Kind.CONFIRMED: lambda data: _said(_("Critical confirmed"), data.get("reason")),
        TicketEvent.Kind.DECLINED: lambda data: _said(_("Critical declined"), data.get("reason")),
        TicketEvent.Kind.ASSIGNED: _assigned,
        TicketEvent.Kind.STATUS: _status,
        TicketEvent.Kind.REOPENED: lambda data: _said(_("Reopened"), data.get("reason")),
        TicketEvent.Kind.RAISED: _raised,
        TicketEvent.Kind.MERGED: lambda data: _said(
            _("Merged into %(ticket)s") % {"ticket": f"PS-{data.get('into')}"}, data.get("reason")
        ),
        TicketEvent.Kind.ABSORBED: lambda data: _said(
            _("Took in %(ticket)s") % {"ticket": f"PS-{data.get('ticket')}"}, data.get("reason")
        ),
        TicketEvent.Kind.SPAM: lambda data: _said(_("Marked as spam"), data.get("reason")),
        TicketEvent.Kind.NOT_SPAM: lambda data: _("Not spam after all: what was promised counts on"),
        TicketEvent.Kind.JOINED: lambda data: _("Joined the chat"),
        TicketEvent.Kind.PRIORITY: _prioritised,
        TicketEvent.Kind.CAUSE: _caused,
        TicketEvent.Kind.TAGS: _tagged,
        TicketEvent.Kind.RULES: _ruled,
        TicketEvent.Kind.EXCEPTION_ASKED: lambda data: _asked(_("Exception requested"), data),
        TicketEvent.Kind.EXCEPTION_GRANTED: lambda data: _asked(_("Exception approved"), data),
        TicketEvent.Kind.EXCEPTION_REFUSED: lambda data: _asked(_("Exception refused"), data),
        TicketEvent.Kind.EXCEPTION_WITHDRAWN: lambda data: _asked(_("Exception withdrawn"), data),
    }
)
