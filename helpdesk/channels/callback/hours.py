"""When a call can be had: now, or in windows of an hour (decision 22).

A window lies in the operator's phone hours and in the hours that the call's target is counted in, both as
instants; it begins on the whole hour of the zone that it is chosen in. So a day on which clocks change has
an hour more or less of them, and none is offered twice or lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from helpdesk.accounts.models import Membership
from helpdesk.core.channels import Channel
from helpdesk.sla import services as sla
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import CalendarVersion
from helpdesk.sla.target import Interval
from helpdesk.sla.terms import Facts
from helpdesk.sla.wording import business_hours
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.tickets.models import Severity

WINDOW = timedelta(hours=1)
AHEAD = timedelta(days=7)
NOTICE = timedelta(minutes=15)  # a window begins no sooner than this: before it there is *now*
MOST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneHours:
    """When calls are made for one customer, hub and instant. `due`: the promise of a call asked for now."""

    phone: BusinessCalendar
    counted: BusinessCalendar
    promised: sla.Promised | None
    calendar_version: CalendarVersion

    def can_call_now(self, now: datetime) -> bool:
        """Somebody is there, and stays long enough to keep what is promised."""
        soon = now + timedelta(minutes=1)
        is_open = all(calendar.between(now, soon) == soon - now for calendar in (self.phone, self.counted))
        return is_open and (self.promised is None or self.promised.due_at <= now + WINDOW)

    def windows(self, zone: ZoneInfo, *, now: datetime) -> list[Interval]:
        """What can be chosen within the week to come, in order, as instants."""
        found = []
        for begin, end in self._open(now, now + AHEAD):
            found += _hours(begin, end, zone)
            if len(found) >= MOST:
                break
        return found[:MOST]

    def promise_from(self, begins_at: datetime) -> sla.Promised | None:
        """What is promised to a call that counts from then; None where no policy promises one."""
        was = self.promised
        return was and sla.promised(
            terms=was.terms, version=was.version, calendar_version=self.calendar_version, now=begins_at
        )

    def _open(self, since: datetime, until: datetime) -> Iterator[Interval]:
        first = since + NOTICE
        spans = list(self.counted.open_intervals(first, until))
        for begin, end in self.phone.open_intervals(first, until):
            for other_begin, other_end in spans:
                if max(begin, other_begin) < min(end, other_end):
                    yield max(begin, other_begin), min(end, other_end)


def _hours(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Interval]:
    """The whole hours of a zone within an open stretch."""
    local = begin.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    at = begin + (WINDOW - past if past else timedelta(0))
    while at + WINDOW <= end:
        yield at, at + WINDOW
        at += WINDOW


def hours_for(*, membership: Membership, entitlement: Entitlement, now: datetime) -> PhoneHours:
    """When this person can be called about a hub, and what is promised to a call asked for now. Three queries."""
    calendar = sla.business_calendar(membership.account)
    facts = Facts(
        hub=entitlement.hub.pk,
        channel=Channel.PHONE,
        role=membership.requester_role,
        severity=Severity.STANDARD,
        account=membership.account_id,
        plan=entitlement.tier,
    )
    promised = sla.promise(facts=facts, metric=Metric.CALLBACK, calendar_version=calendar, now=now)
    always = promised is None or promised.calendar_version is None
    return PhoneHours(
        phone=operators_hours(),
        counted=ALWAYS_OPEN if always else promised.calendar_version.hours,
        promised=promised,
        calendar_version=calendar,
    )


def operators_hours() -> BusinessCalendar:
    """The calendar that PHONE_CALENDAR names; day and night without one, or where it is gone. One query."""
    version = _operators_calendar()
    return version.hours if version else ALWAYS_OPEN


def hours_in_words() -> str:
    """The operator's phone hours, for beside the premium number; empty when somebody answers day and night."""
    version = _operators_calendar()
    return business_hours(version.definition) if version else ""


def _operators_calendar() -> CalendarVersion | None:
    if not settings.PHONE_CALENDAR:
        return None
    return CalendarVersion.objects.filter(is_current=True, calendar__name=settings.PHONE_CALENDAR).first()
