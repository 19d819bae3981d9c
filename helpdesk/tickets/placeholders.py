"""Placeholders of canned replies and macros: `{{ requester.first_name }}`. A table of names; nothing is run."""

import re
from collections.abc import Callable, Mapping

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import User
from helpdesk.core.moments import full_moment
from helpdesk.core.zones import zone_of
from helpdesk.sla.clock import Metric
from helpdesk.tickets.models import Ticket

MARK = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
NOTHING = "–"  # what a placeholder becomes that has nothing to say here
RESPONSES = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)


def _first_name(user: User) -> str:
    return (user.full_name.split() or [user.email])[0]


def _due(ticket: Ticket, language: str) -> str:
    """The deadline that a reply would answer, in the requester's time zone; one query."""
    waiting = ticket.clocks.filter(metric__in=RESPONSES, state="running").order_by("due_at")
    due = waiting.values_list("due_at", flat=True).first()
    if due is None:
        return NOTHING
    with translation.override(language), timezone.override(zone_of(ticket.requester.time_zone)):
        return full_moment(due.replace(microsecond=0)).removesuffix(":00")


PLACEHOLDERS: Mapping[str, tuple[str, Callable[[Ticket, User, str], str]]] = {
    "requester.first_name": (_("First name of who asked"), lambda ticket, _agent, _lang: _first_name(ticket.requester)),
    "requester.name": (_("Name of who asked"), lambda ticket, _agent, _lang: str(ticket.requester)),
    "ticket.reference": (_("Number of the ticket"), lambda ticket, _agent, _lang: ticket.reference),
    "ticket.subject": (_("Subject of the ticket"), lambda ticket, _agent, _lang: ticket.subject),
    "account.name": (_("Name of the account"), lambda ticket, _agent, _lang: ticket.account.name),
    "agent.name": (_("Your name"), lambda _ticket, agent, _lang: str(agent)),
    "hub.name": (_("Name of the hub"), lambda ticket, _agent, _lang: ticket.hub.name),
    "due": (
        _("Deadline that a reply answers, in the requester’s time"),
        lambda ticket, _agent, lang: _due(ticket, lang),
    ),
}


def unknown(text: str) -> list[str]:
    """What stands in double braces in a text and is no placeholder, in order."""
    found = [name.strip() for name in MARK.findall(text)]
    return list(dict.fromkeys(name for name in found if name not in PLACEHOLDERS))


def fill(text: str, *, ticket: Ticket, agent: User, language: str) -> str:
    """The text for this ticket. What is filled in is never looked through again; an unknown name stays as it is."""
    values: dict[str, str] = {}

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in PLACEHOLDERS:
            return match[0]
        if name not in values:
            values[name] = PLACEHOLDERS[name][1](ticket, agent, language)
        return values[name]

    return MARK.sub(value, text)
