"""What staff hear of response-time exceptions: who may approve one, that it waits; who asked, what became of it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from helpdesk.accounts.models import StaffRole, User
from helpdesk.accounts.readers import reader_of
from helpdesk.notifications.services import Telling
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets.models import Ticket


def deciders(ticket: Ticket, *, without: User) -> QuerySet[User]:
    """The leads of the ticket's team and the managers; where there is none besides `without`, the administrators."""
    staff = User.objects.filter(is_active=True).exclude(pk=without.pk)
    leads = Q(staff_role=StaffRole.TEAM_LEAD, team_memberships__team=ticket.team_id, team_memberships__is_lead=True)
    found = staff.filter(Q(staff_role=StaffRole.MANAGER) | leads).distinct()
    return found if found.exists() else staff.filter(staff_role=StaffRole.ADMINISTRATOR)


def asked(exception: ClockException, *, ticket: Ticket) -> Telling:
    """Those who may approve an exception hear that it waits."""
    url = reverse("admin:helpdesk_clockexception_change", args=[exception.pk])
    people = deciders(ticket, without=exception.requested_by)
    return Telling(
        key=f"exception/{exception.pk}/asked",
        kind="exception_asked",
        context={**_values(exception, ticket, exception.clock), "url": settings.SITE_URL + url},
        url=url,
        readers=[reader_of(person, now=exception.requested_at) for person in people],
        may_wait=not exception.is_guaranteed,
    )


def decided(exception: ClockException, *, ticket: Ticket, clock: Clock) -> Telling:
    """Who asked hears what became of it, unless they decided it themselves. `clock` is as the decision left it."""
    url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
    asker = exception.requested_by
    hears = asker.is_active and asker.pk != exception.decided_by_id
    return Telling(
        key=f"exception/{exception.pk}/decided",
        kind="exception_decided",
        context={
            **_values(exception, ticket, clock),
            "state": exception.state,
            "decided_by": exception.decided_by.full_name,
            "decided_at": _written(exception.decided_at),
            "note": exception.decision_note,
            "url": settings.SITE_URL + url,
        },
        url=url,
        readers=[reader_of(asker, now=exception.decided_at)] if hears else [],
        may_wait=not exception.is_guaranteed,
    )


def _values(exception: ClockException, ticket: Ticket, clock: Clock) -> dict[str, Any]:
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "metric": clock.metric,
        "is_guaranteed": clock.is_guaranteed,
        "due_at": _written(clock.breached_at or clock.due_at),
        "code": exception.code.name,
        "code_ja": exception.code.name_ja or exception.code.name,
        "effect": exception.effect,
        "from_at": _written(exception.out_from),
        "until_at": _written(exception.out_until),
        "since_at": _written(exception.since),
        "target_seconds": exception.target_seconds,
        "target_business_days": exception.target_business_days,
        "evidence": exception.evidence,
        "requested_by": exception.requested_by.full_name,
        "requested_at": _written(exception.requested_at),
    }


def _written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
