"""Verbs of policies and calendars: one in use is never edited, a new version takes over (SPEC 2.2).

A new version is for new tickets; `tickets.services.rollouts` moves open ones, on request.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.models import Calendar, CalendarVersion, Policy, PolicyVersion
from helpdesk.sla.terms import Terms


class Overtaken(Exception):
    """Somebody else published a version meanwhile; the text is for the person."""


@transaction.atomic
def create_policy(
    *, name: str, terms: Terms, position: int, note: str = "", actor: User | None, now: datetime
) -> Policy:
    """A policy with its first version, at a place in the order (0 is first); those behind it move on."""
    policy = Policy.objects.create(name=name)
    PolicyVersion.objects.create(
        policy=policy, number=1, document=terms.to_dict(), note=note, created_at=now, created_by=actor
    )
    move_policy(policy=policy, position=position)
    return policy


@transaction.atomic
def publish_policy(
    *, policy: Policy, terms: Terms, note: str = "", based_on: int | None = None, actor: User | None, now: datetime
) -> PolicyVersion:
    """Put a new version in force for new tickets. Overtaken when the newest isn't number `based_on` any more."""
    policy = Policy.objects.select_for_update().get(pk=policy.pk)
    number = _next_number(policy.versions, based_on=based_on)
    policy.versions.filter(is_current=True).update(is_current=False)
    version = PolicyVersion.objects.create(
        policy=policy, number=number, document=terms.to_dict(), note=note, created_at=now, created_by=actor
    )
    save_draft(thing=policy, draft=None, actor=actor, now=now)
    return version


def set_policy_active(*, policy: Policy, active: bool) -> bool:
    """Let a policy take part in the choice, or not; False when it was so already."""
    return bool(Policy.objects.filter(pk=policy.pk, is_active=not active).update(is_active=active))


@transaction.atomic
def move_policy(*, policy: Policy, position: int) -> None:
    """Put a policy at a place in the order (0 is first). The places have no gaps afterwards."""
    locked = Policy.objects.select_for_update().order_by("id")  # by id: whoever moves one locks them in one order
    order = sorted(locked, key=lambda row: (row.position, row.pk))
    others = [row for row in order if row.pk != policy.pk]
    others.insert(max(0, position), next(row for row in order if row.pk == policy.pk))
    for place, row in enumerate(others):
        row.position = place
    Policy.objects.bulk_update(others, ["position"])


def rename_policy(*, policy: Policy, name: str) -> None:
    """Call a policy something else; its versions stay. IntegrityError when another one has the name."""
    Policy.objects.filter(pk=policy.pk).update(name=name)


@transaction.atomic
def create_calendar(
    *,
    name: str,
    definition: Mapping[str, Any],
    day_names: Mapping[str, str],
    note: str = "",
    actor: User | None,
    now: datetime,
    is_default: bool = False,
) -> Calendar:
    """A calendar with its first version. ValueError, naming the field, for a definition that cannot work."""
    definition = BusinessCalendar.from_dict(definition).to_dict()
    if is_default:
        Calendar.objects.filter(is_default=True).update(is_default=False)
    calendar = Calendar.objects.create(name=name, is_default=is_default)
    CalendarVersion.objects.create(
        calendar=calendar,
        number=1,
        definition=definition,
        day_names=dict(day_names),
        note=note,
        created_at=now,
        created_by=actor,
    )
    return calendar


@transaction.atomic
def publish_calendar(
    *,
    calendar: Calendar,
    definition: Mapping[str, Any],
    day_names: Mapping[str, str],
    note: str = "",
    based_on: int | None = None,
    actor: User | None,
    now: datetime,
) -> CalendarVersion:
    """Put a new version in force for new tickets. ValueError as in `create_calendar`, Overtaken as for a policy."""
    definition = BusinessCalendar.from_dict(definition).to_dict()
    calendar = Calendar.objects.select_for_update().get(pk=calendar.pk)
    number = _next_number(calendar.versions, based_on=based_on)
    calendar.versions.filter(is_current=True).update(is_current=False)
    version = CalendarVersion.objects.create(
        calendar=calendar,
        number=number,
        definition=definition,
        day_names=dict(day_names),
        note=note,
        created_at=now,
        created_by=actor,
    )
    save_draft(thing=calendar, draft=None, actor=actor, now=now)
    return version


@transaction.atomic
def describe_calendar(*, calendar: Calendar, name: str, is_default: bool) -> bool:
    """Name a calendar, and perhaps make it the standard one in place of the former; False when it was so already.

    These are no part of a version: deadlines don't follow from them.
    """
    calendar = Calendar.objects.select_for_update().get(pk=calendar.pk)
    if (calendar.name, calendar.is_default) == (name, calendar.is_default or is_default):
        return False
    if is_default and not calendar.is_default:
        Calendar.objects.filter(is_default=True).update(is_default=False)
    Calendar.objects.filter(pk=calendar.pk).update(name=name, is_default=calendar.is_default or is_default)
    return True


def save_draft(*, thing: Policy | Calendar, draft: Mapping[str, Any] | None, actor: User | None, now: datetime) -> None:
    """Keep what a person has drafted for the next version; None throws the draft away."""
    kept = {"draft": dict(draft), "draft_at": now, "draft_by": actor} if draft is not None else {}
    values = {"draft": None, "draft_at": None, "draft_by": None} | kept
    type(thing).objects.filter(pk=thing.pk).update(**values)


def save_policy_draft(*, policy: Policy, draft: Mapping[str, Any] | None, actor: User | None, now: datetime) -> None:
    save_draft(thing=policy, draft=draft, actor=actor, now=now)


def save_calendar_draft(
    *, calendar: Calendar, draft: Mapping[str, Any] | None, actor: User | None, now: datetime
) -> None:
    save_draft(thing=calendar, draft=draft, actor=actor, now=now)


def _next_number(versions: Any, *, based_on: int | None) -> int:
    newest = versions.aggregate(newest=Max("number"))["newest"] or 0
    if based_on is not None and based_on != newest:
        raise Overtaken(_("Version %(number)d was published meanwhile. Compare, and save again.") % {"number": newest})
    return newest + 1
