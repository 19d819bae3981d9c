"""Verbs of escalations."""

from datetime import datetime

from django.db import transaction

from helpdesk.accounts.models import User
from helpdesk.escalation.models import Escalation
from helpdesk.sla.models import Clock
from helpdesk.sla.services import check_after


@transaction.atomic
def acknowledge(*, escalation: Escalation, actor: User, now: datetime) -> bool:
    """Say "I have it": stops the reminders of this step, not the breach (SPEC 2.5). False: somebody was first."""
    clock = (
        Clock.objects.select_related("policy_version", "calendar_version")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=escalation.clock_id)
    )
    first = Escalation.objects.filter(
        clock=clock, deadline_version=escalation.deadline_version, percent=escalation.percent, acknowledged_at=None
    ).update(acknowledged_at=now, acknowledged_by=actor)
    repeats = clock.policy_version.terms.steps[-1:]
    if clock.version == escalation.deadline_version and any(step.percent == escalation.percent for step in repeats):
        clock.acknowledged_version = clock.version
        if clock.next_check_at is not None:
            clock.next_check_at = check_after(clock, since=clock.next_check_at)
        clock.save(update_fields=["acknowledged_version", "next_check_at"])
    return bool(first)
