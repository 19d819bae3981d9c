"""What the ticket's page shows beside the conversation. A fixed number of queries, whatever the ticket holds."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime

from helpdesk.accounts import presence
from helpdesk.core import moments
from helpdesk.core.channels import Channel
from helpdesk.core.durations import target_words
from helpdesk.core.zones import zone_of
from helpdesk.sla.clock import OPEN
from helpdesk.sla.models import Clock, ClockException
from helpdesk.subscriptions.models import Tier
from helpdesk.tickets import services
from helpdesk.tickets.claims import answers
from helpdesk.tickets.models import Claim, Ticket
from helpdesk.workspace import calls, queue_views
from helpdesk.workspace.around import Around, organised, read_around
from helpdesk.workspace.conversation import answerable, conversation
from helpdesk.workspace.exception_words import effect_words, gross_reading, standing
from helpdesk.workspace.faces import Faces
from helpdesk.workspace.history import latest
from helpdesk.workspace.queue_filters import narrow_all
from helpdesk.workspace.queue_saved import working_list
from helpdesk.workspace.queue_views import onlooker
from helpdesk.workspace.rights import Act, may

IN_STRIP = 20
MOST_EXCEPTIONS = 20


def page_context(
    *, request: HttpRequest, ticket: Ticket, everything: bool, refused: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything of the page but its forms. `refused`: what could not be done to put it in order, by its form."""
    viewer = onlooker(request)
    faces = Faces(now=viewer.now)
    around = read_around(ticket, user=request.user)
    strip = _strip(request, ticket)
    clocks = _clocks(ticket, around, strip["tickets"], faces)
    exceptions = _exceptions(request, ticket)
    codes = {row["exception"].code_id: str(row["exception"].code) for row in exceptions}
    talk = conversation(ticket=ticket, clocks=clocks, reader=request.user, codes=codes, everything=everything)
    owed = answerable(clocks)
    asked = {row["exception"].clock_id for row in exceptions if row["waits"]}
    people = presence.around([ticket.pk]).get(ticket.pk, [])
    return {
        "ticket": ticket,
        "people_here": json.dumps([one.as_json() for one in people], ensure_ascii=False),
        "others_here": [one.name for one in people if one.user_id != request.user.pk],
        "now": viewer.now,
        "talk": talk,
        "clocks": [_clock_row(faces, clock, talk.explained.get(clock.pk, []), asked) for clock in clocks],
        "exceptions": exceptions,
        "may_see_exceptions": may(request.user, Act.VIEW, "clockexception"),
        "owed": faces.of(owed) if owed else None,
        "around": around,
        "latest": latest(talk),
        # Only a phone ticket has a call, or one that took another ticket in.
        **(
            calls.context_of_ticket(ticket, user=request.user, now=viewer.now)
            if ticket.channel == Channel.PHONE or around.absorbed
            else {}
        ),
        **organised(ticket, user=request.user, refused=refused),
        "customer": _customer(ticket, now=viewer.now),
        "claim": _claim(ticket),
        "strip": strip,
        "query": f"?{request.GET.urlencode()}" if request.GET else "",
    }


def _clock_row(faces: Faces, clock: Clock, lines: list[Any], asked: set[int]) -> dict[str, Any]:
    target = target_words(seconds=clock.target_seconds, business_days=clock.target_business_days)
    may_ask = clock.pk not in asked and services.can_be_excepted(clock)
    gross = gross_reading(clock, now=faces.now)
    return {
        "face": faces.of(clock),
        "clock": clock,
        "target": target,
        "lines": lines,
        "may_ask": may_ask,
        "gross": gross,
    }


def _exceptions(request: HttpRequest, ticket: Ticket) -> list[dict[str, Any]]:
    """What was asked for on the ticket's clocks, what waits for a decision first, with what this person may do."""
    related = ("code", "requested_by", "decided_by", "clock")
    found = ClockException.objects.filter(clock__ticket=ticket).select_related(*related).order_by("-id")
    rows = list(found[:MOST_EXCEPTIONS])
    may_decide = bool(rows) and services.may_decide(request.user, ticket, led=onlooker(request).led_ids)
    return sorted(
        (
            {"exception": row, "does": effect_words(row), **standing(row, request.user, may_decide=may_decide)}
            for row in rows
        ),
        key=lambda row: not row["waits"],
    )


def _customer(ticket: Ticket, *, now: datetime) -> dict[str, Any]:
    """The person, and the entitlement as it was when the ticket was created."""
    entitled = ticket.entitlement
    channels = dict(Channel.choices)
    return {
        "person": ticket.requester,
        # As text: a template would turn it into the reader's time again.
        "local": f"{now.astimezone(zone_of(ticket.requester.time_zone)):%H:%M}",
        "zone": moments.city(ticket.requester.time_zone),
        "tier": dict(Tier.choices).get(entitled.get("tier", ""), ""),
        "until": parse_date(entitled.get("ends_on") or ""),
        "channels": [channels[code] for code in entitled.get("channels", []) if code in channels],
    }


def _claim(ticket: Ticket) -> dict[str, Any] | None:
    """The claim with its guided facts; None where nothing was claimed."""
    if ticket.claim == Claim.NONE:
        return None
    since = parse_datetime(str(ticket.claim_facts.get("since", "")))
    facts = answers({**ticket.claim_facts, "since": ""})
    return {"facts": facts, "since": since, "is_open": ticket.claim == Claim.CLAIMED}


def next_in_view(request: HttpRequest, ticket: Ticket) -> int | None:
    """The ticket after this one in the list that one works through; the first of it where this one isn't in it."""
    _label, _view, rows = _in_hand(request)
    return _beside(list(rows.values_list("pk", flat=True)), ticket)[1]


def _in_hand(request: HttpRequest) -> tuple[str, str, QuerySet[Ticket]]:
    """What one works through, by name and by view: its first tickets, and one more to go on to."""
    name, params = working_list(request)
    view = params["view"]
    rows = narrow_all(Ticket.objects.visible_to(request.user), params, onlooker(request))
    rows = rows.order_by(*queue_views.order(view, everything=bool(params.get("q"))))
    return name, view, rows[: IN_STRIP + 1]


def _beside(keys: list[int], ticket: Ticket) -> tuple[int | None, int | None]:
    here = keys.index(ticket.pk) if ticket.pk in keys else -1
    return (keys[here - 1] if here > 0 else None), (keys[here + 1] if here + 1 < len(keys) else None)


def _strip(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """The first tickets of the list that one works through, with the ones before and after this one."""
    name, view, rows = _in_hand(request)
    fields = ("subject", "status", "language", "next_due_at", "closed_at", "account__name")
    tickets = list(rows.select_related("account").only(*fields))
    before, after = _beside([row.pk for row in tickets], ticket)
    return {
        "url": f"{reverse('admin:helpdesk_ticket_changelist')}?{urlencode(request.GET.dict() or {'view': view})}",
        "label": name or queue_views.VIEWS[view],
        "tickets": tickets[:IN_STRIP],
        "before": before,
        "after": after,
    }


def _clocks(ticket: Ticket, around: Around, strip: list[Ticket], faces: Faces) -> list[Clock]:
    """The ticket's clocks, the newest first, in one query with the open ones of the strip and of what hangs on it."""
    related = ("policy_version__policy", "calendar_version", "answered_by", "owner_at_due")
    parts = [row.pk for row in around.parts]
    shown = Clock.objects.filter(ticket__in=[ticket.pk, *(row.pk for row in strip), *parts])
    shown = shown.filter(Q(ticket=ticket) | Q(state__in=OPEN)).select_related(*related)
    clocks: dict[int, list[Clock]] = {}
    for clock in shown.order_by("-started_at", "-id"):
        clocks.setdefault(clock.ticket_id, []).append(clock)
    for row in strip:
        row.face = faces.first(clocks.get(row.pk, []))
    around.faces.update({pk: face for pk in parts if (face := faces.first(clocks.get(pk, [])))})
    return clocks.get(ticket.pk, [])
