"""Acts of the scenarios, so that they read like the rows that they show.

The tickets are opened at 12:05 on a Tuesday; minutes are counted from there. Business hours end at 17:00.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import Clock, Policy
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Terms
from helpdesk.tickets import services

CRITICAL, STANDARD = "Business critical, designated super admins", "Standard, designated super admins"
OTHERS = "All other users"
MINUTE = timedelta(minutes=1)
OPENED = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
FACTS = {"affected": "everyone", "process": "Orders", "workaround": "none"}


def at(minutes: float) -> datetime:
    return OPENED + minutes * MINUTE


def first_response(ticket) -> Clock:
    return ticket.clocks.get(metric="first_response")


def judgements(ticket) -> list[dict]:
    """What the customer was told of *business critical*."""
    mails = OutboxMail.objects.filter(template="judgement", key__startswith=f"judgement/{ticket.pk}/").order_by("id")
    assert all(mail.to == [ticket.requester.email] for mail in mails)
    return [mail.context for mail in mails]


def decline(ticket, actor, minutes, reason="One list only."):
    return services.judge_claim(ticket=ticket, actor=actor, confirmed=False, reason=reason, now=at(minutes))


def reply(ticket, actor, minutes, **more):
    return services.reply(ticket=ticket, actor=actor, body="Here.", now=at(minutes), **more)


def write(ticket, minutes):
    return services.customer_reply(ticket=ticket, actor=ticket.requester, body="And now?", now=at(minutes))


def raised(ticket, specialist, minutes):
    return services.raise_to_critical(ticket=ticket, actor=specialist, reason="All forms are down.", now=at(minutes))


def asked(ticket, _specialist, minutes):
    return services.ask_critical(ticket=ticket, actor=ticket.requester, facts=FACTS, now=at(minutes))


def policy(name: str) -> Policy:
    return Policy.objects.get(name=name)


def with_target(of: Policy, metric: Metric, **length: int) -> Terms:
    """The terms in force with another length of one target."""
    terms = of.versions.get(is_current=True).terms
    targets = (replace(row, target=Target(**length)) if row.metric == metric else row for row in terms.targets)
    return replace(terms, targets=tuple(targets))
