"""What is promised to a person before they send: per hub and severity (SPEC 1, 2.2, 2.7)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account, Membership, RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.core.durations import target_words
from helpdesk.portal.access import Visitor
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import CalendarVersion
from helpdesk.sla.terms import Facts
from helpdesk.sla.wording import business_hours
from helpdesk.tickets.models import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The first reply that an e-mail ticket would be promised if it were sent at `asked_at`."""

    asked_at: datetime
    due_at: datetime
    is_guaranteed: bool
    within: str
    seconds: int | None
    amount: int
    unit: str
    hours: str  # the business hours it is counted in; empty when it runs day and night


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Both severities; `critical` only for a person who may claim it."""

    critical: Offer | None
    standard: Offer | None


def offers(*, visitor: Visitor, hub_code: str) -> Offers:
    """What this person would be promised now for a hub. Three queries at most."""
    membership = visitor.membership
    calendar = sla.business_calendar(visitor.account)
    plan = next((row.tier for row in visitor.entitlements if row.hub.pk == hub_code), "")
    roles = {"role": membership.requester_role, "account": visitor.account, "hub_code": hub_code, "plan": plan}
    return Offers(
        critical=offer(severity=Severity.CRITICAL, calendar=calendar, now=visitor.now, **roles)
        if may_claim(membership)
        else None,
        standard=offer(severity=Severity.STANDARD, calendar=calendar, now=visitor.now, **roles),
    )


def may_claim(membership: Membership) -> bool:
    """Only a designated super admin can claim business-critical (SPEC 1)."""
    return membership.requester_role == RequesterRole.DESIGNATED


def offer(
    *,
    role: RequesterRole,
    account: Account,
    hub_code: str,
    plan: str,
    severity: Severity,
    calendar: CalendarVersion,
    now: datetime,
) -> Offer | None:
    """The promise of one first reply by e-mail; None where the policies promise nothing. One query."""
    facts = Facts(hub=hub_code, channel=Channel.EMAIL, role=role, severity=severity, account=account.pk, plan=plan)
    promised = sla.promise(facts=facts, metric=Metric.FIRST_RESPONSE, calendar_version=calendar, now=now)
    if promised is None:
        return None
    target = promised.terms.target
    amount, unit = _amount(seconds=target.seconds, business_days=target.business_days)
    return Offer(
        asked_at=now,
        due_at=promised.due_at,
        is_guaranteed=promised.is_guaranteed,
        within=target_words(seconds=target.seconds, business_days=target.business_days),
        seconds=target.seconds,
        amount=amount,
        unit=unit,
        hours=business_hours(calendar.definition) if promised.calendar_version else "",
    )


def _amount(*, seconds: int | None, business_days: int | None) -> tuple[int, str]:
    """A target for a big figure: the number, and its unit beside it."""
    if business_days:
        return business_days, _("business day") if business_days == 1 else _("business days")
    if seconds % 3600 == 0:
        return seconds // 3600, _("hour") if seconds == 3600 else _("hours")
    return seconds // 60, _("min")
