"""What a step's recipients hear."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from helpdesk.escalation.recipients import Directory, Hearing
from helpdesk.notifications.services import Telling
from helpdesk.sla.ladder import Rung
from helpdesk.sla.models import Clock
from helpdesk.sla.terms import Way

KIND = "escalation"


def telling(clock: Clock, rung: Rung, *, directory: Directory, hearing: Hearing, now: datetime) -> Telling:
    """A step's notices and mails. Quiet hours hold mails about objectives only (SPEC 2.5)."""
    ticket = clock.ticket
    url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
    due_at = clock.due_at.isoformat()
    context = {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "hub": ticket.hub.name,
        "requester": ticket.requester.full_name,
        "requester_role": ticket.requester_role,
        "severity": ticket.severity,
        "owner": directory.people[ticket.owner_id].full_name if ticket.owner_id in directory.people else "",
        "metric": clock.metric,
        "is_guaranteed": clock.is_guaranteed,
        "target_seconds": clock.target_seconds,
        "target_business_days": clock.target_business_days,
        "percent": rung.step.percent,
        "reminder": rung.reminder,
        "due_at": due_at,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
        "step_due_at": rung.at.isoformat(),
        "detected_at": now.isoformat(),
        "url": settings.SITE_URL + url,
        # The order in a digest: guarantees first, then by deadline.
        "rank": f"{0 if clock.is_guaranteed else 1} {due_at}",
    }
    return Telling(
        key=f"{KIND}/{clock.pk}/{clock.version}/{rung.step.percent}/{rung.reminder}",
        kind=KIND,
        context=context,
        url=url,
        readers=hearing.readers,
        on_screen=Way.IN_APP in rung.step.ways,
        by_mail=Way.EMAIL in rung.step.ways,
        may_wait=not clock.is_guaranteed,
    )
