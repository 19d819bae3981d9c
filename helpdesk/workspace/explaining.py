"""*Explain this deadline* for staff: every clock of a ticket, one of them in full (SPEC 2.2)."""

import csv
import io
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.core.zones import zone_of
from helpdesk.escalation.models import Escalation
from helpdesk.reports.export import BOM, harmless
from helpdesk.sla.ladder import Rung, rungs
from helpdesk.sla.models import EVENT_KINDS, METRICS, PROMISES, Clock, ClockEvent, ClockException
from helpdesk.sla.terms import Recipient
from helpdesk.tickets.explained import Showing, Told, chosen_clock, clocks_of, effect_words, read
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.policy_words import RECIPIENTS
from helpdesk.workspace.rights import Act, may

WIDTH = 1320  # of a drawing
PICTURES = 4  # of the other clocks; the rest are named, with a link
MOST_REMINDERS = 6
MOST_PAUSES = 3  # that are named in the warning


def page_context(*, request: HttpRequest, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What the page shows. A fixed number of queries, whatever the number of clocks and of their events."""
    clocks = clocks_of(ticket)
    chosen = chosen_clock(clocks, request.GET.get("clock"))
    others = [clock for clock in clocks if clock is not chosen]
    context = {"ticket": ticket, "now": now, "chosen": chosen, "clocks": clocks}
    if request.GET.get("as") == "customer":
        return context | {"preview": _as_customer(ticket, [chosen, *others] if chosen else [], now=now)}
    showing = Showing(now=now, internal=True, width=WIDTH, whole="whole" in request.GET)
    told = list(read([chosen, *others[:PICTURES]] if chosen else [], showing))
    full = next((row for row in told if row.clock is chosen), None)
    return context | {
        "told": full,
        "others": [row for row in told if row is not full],
        "named": others[PICTURES:],
        "rules": _rules(full, ticket, request.user) if full else None,
        "escalations": _escalations(chosen) if chosen else None,
    }


def _as_customer(ticket: Ticket, clocks: list[Clock], *, now: datetime) -> SafeString:
    """The customer's page as they read it: in their language, at their time, without what is internal."""
    reader = ticket.requester
    with translation.override(reader.language), timezone.override(zone_of(reader.time_zone)):
        told = list(read(clocks[: 1 + PICTURES], Showing(now=now, internal=False, width=WIDTH)))
        context = {"told": told[0] if told else None, "others": told[1:], "link": "as=customer&"}
        return render_to_string("explained/_customer.html", context)


def _rules(told: Told, ticket: Ticket, reader: User) -> dict[str, Any]:
    """By which rules the deadline was reckoned, who changed it, and what comes next."""
    clock, made = told.clock, told.made.clock
    policy, calendar = clock.policy_version.policy, clock.calendar_version
    under = [event for event in told.teller.events if "policy_version" in event.data]
    questioned = [event.at for event in told.teller.events if event.data.get("questioned")]
    rung = _next_rung(clock, now=told.now)
    return {
        "policy_url": reverse("admin:helpdesk_policy_change", args=[policy.pk])
        if may(reader, Act.VIEW, "policy")
        else "",
        "calendar_url": reverse("admin:helpdesk_calendar_change", args=[calendar.calendar_id])
        if calendar and may(reader, Act.VIEW, "calendar")
        else "",
        "since": under[-1].at if under else clock.started_at,
        "exceptions": [_exception(row) for row in told.exceptions],
        "next": rung,
        "next_told": _recipients(rung, ticket) if rung else "",
        "gross_due": made.gross_due_at if made.gross_basis and made.gross_due_at != made.due_at else None,
        "gross_missed": made.gross_breached_at if made.breached_at is None else None,
        "questioned": questioned[:MOST_PAUSES],
        "more_questioned": len(questioned) - MOST_PAUSES,
    }


def _exception(row: ClockException) -> dict[str, Any]:
    return {"row": row, "effect": effect_words(row.effect), "is_decided": row.state != ClockException.State.ASKED}


def _next_rung(clock: Clock, *, now: datetime) -> Rung | None:
    """The step of the ladder that comes next, unless it is stopped; None where the policy cannot be read."""
    try:
        terms, hours = clock.policy_version.terms, clock.hours
    except ValueError:
        return None
    reminders = clock.acknowledged_version != clock.version
    steps = rungs(clock.folded(), terms=terms, calendar=hours, since=now, reminders=reminders)
    return next(steps, None)


def _recipients(rung: Rung, ticket: Ticket) -> str:
    """Who will be told: by role, the owner and the team by name."""
    names = {Recipient.OWNER: ticket.owner, Recipient.TEAM: ticket.team}
    said = [
        f"{RECIPIENTS.get(who, who.value)} ({names[who]})" if names.get(who) else str(RECIPIENTS.get(who, who.value))
        for who in rung.step.recipients
    ]
    return ", ".join(said)


def _escalations(clock: Clock) -> dict[str, Any]:
    """The steps, and the latest reminders that fired, with the names of those who were told. Four queries."""
    fired = Escalation.State.FIRED
    every = clock.escalations.select_related("acknowledged_by").order_by("-due_at", "-id")
    reminders = list(every.filter(reminder__gt=0, state=fired)[:MOST_REMINDERS])
    rows = reminders + list(every.filter(reminder=0))
    people = User.objects.filter(pk__in={pk for row in rows for pk in row.told}).only("full_name", "email")
    names = {person.pk: str(person) for person in people}
    for row in rows:
        row.told_names = ", ".join(names.get(pk, "–") for pk in row.told)
    counts = clock.escalations.filter(reminder__gt=0).aggregate(
        fired=Count("pk", filter=Q(state=fired)), superseded=Count("pk", filter=~Q(state=fired))
    )
    return {"rows": rows, "older": counts["fired"] - len(reminders), "superseded": counts["superseded"]}


def events_csv(ticket: Ticket, *, zone: ZoneInfo) -> str:
    """All events of a ticket's clocks: times in ISO 8601 with the zone's offset, what an event carries as JSON."""
    rows = ClockEvent.objects.filter(clock__ticket=ticket).select_related("clock", "actor")
    lines = [
        [
            ticket.reference,
            str(dict(METRICS)[event.clock.metric]),
            event.clock.cycle,
            str(dict(PROMISES)[event.clock.promise]),
            event.number,
            str(dict(EVENT_KINDS)[event.kind]),
            event.at.astimezone(zone).isoformat(),
            event.recorded_at.astimezone(zone).isoformat(),
            harmless(str(event.actor or "")),
            harmless(str(event.data.get("due_at", ""))),
            harmless(str(event.data.get("reason", ""))),
            harmless(_json(event.data)),
        ]
        for event in rows.order_by("clock__started_at", "clock_id", "number")
    ]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([_heading(), *lines])
    return BOM + buffer.getvalue()


def _heading() -> list[str]:
    return [
        _("Ticket"),
        _("Metric"),
        _("Cycle"),
        _("Promise"),
        _("Number"),
        _("Event"),
        _("Took effect"),
        _("Written"),
        _("By"),
        _("Due"),
        _("Reason"),
        _("Values"),
    ]


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
