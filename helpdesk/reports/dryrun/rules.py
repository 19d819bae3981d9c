"""The rules of a dry run: those of the past, with one draft in the place of what it would replace (decision 34)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from helpdesk.sla import services as sla
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.models import CalendarVersion, Policy, PolicyVersion
from helpdesk.sla.terms import Facts, Terms


class Choice(NamedTuple):
    """A policy as it would have been chosen; 0 is a policy that isn't saved yet."""

    policy: int
    is_draft: bool


@dataclass(slots=True, kw_only=True)
class Rules:
    """Read once for a run. `terms` are a draft of `policy_id` at `place`, `hours` one of `calendar_id`.

    The other policies are the active ones in today's order, each in the version that a ticket found when it
    was created (as in `sla.choose_policy`), so that the difference is the draft's and nobody else's.
    """

    policy_id: int | None = None  # 0: of a policy that isn't saved yet
    terms: Terms | None = None
    place: int = 0
    calendar_id: int | None = None
    hours: BusinessCalendar | None = None
    names: dict[int, str] = field(default_factory=dict)  # of policies
    policy_of: dict[int, int] = field(default_factory=dict)  # by version
    current: set[int] = field(default_factory=set)  # versions of policies that are in force
    current_calendars: set[int] = field(default_factory=set)
    _order: list[list[PolicyVersion] | None] = field(default_factory=list)  # None: the draft's place
    _changes: list[datetime] = field(default_factory=list)
    _as_of: dict[int, list[tuple[Choice, Terms]]] = field(default_factory=dict)
    _calendars: dict[int, CalendarVersion] = field(default_factory=dict)
    _hours: dict[int | None, BusinessCalendar] = field(default_factory=lambda: {None: ALWAYS_OPEN})

    @classmethod
    def read(
        cls,
        *,
        policy_id: int | None = None,
        terms: Terms | None = None,
        place: int = 0,
        calendar_id: int | None = None,
        hours: BusinessCalendar | None = None,
    ) -> "Rules":
        """Three queries."""
        rules = cls(policy_id=policy_id, terms=terms, place=place, calendar_id=calendar_id, hours=hours)
        versions = list(PolicyVersion.objects.select_related("policy").order_by("policy_id", "number"))
        rules.policy_of = {version.pk: version.policy_id for version in versions}
        rules.current = {version.pk for version in versions if version.is_current}
        rules._changes = sorted({version.created_at for version in versions})
        grouped = {pk: list(rows) for pk, rows in groupby(versions, key=lambda version: version.policy_id)}
        policies = list(Policy.objects.order_by("position", "id"))
        rules.names = {policy.pk: policy.name for policy in policies}
        others = [policy for policy in policies if policy.pk != policy_id or terms is None]
        rules._order = [grouped.get(policy.pk, []) if policy.is_active else [] for policy in others]
        if terms is not None:
            rules._order.insert(place, None)
        rules._calendars = {version.pk: version for version in CalendarVersion.objects.all()}
        rules.current_calendars = {pk for pk, version in rules._calendars.items() if version.is_current}
        return rules

    def choose(self, facts: Facts, *, as_of: datetime) -> tuple[Choice, Terms] | None:
        """The first policy that matches a ticket of that instant."""
        moment = bisect_right(self._changes, as_of)
        if moment not in self._as_of:
            self._as_of[moment] = list(self._there(as_of))
        return sla.first_match(self._as_of[moment], facts)

    def _there(self, as_of: datetime) -> Iterator[tuple[Choice, Terms]]:
        for versions in self._order:
            if versions is None:
                yield Choice(self.policy_id or 0, is_draft=True), self.terms
            elif versions:
                version = sla.in_force_at(versions, as_of)
                yield Choice(version.policy_id, is_draft=False), version.terms

    def calendar(self, version_id: int | None) -> BusinessCalendar:
        """The hours of a version, or the draft's where it would take that calendar's place; None: always open."""
        if version_id not in self._hours:
            version = self._calendars[version_id]
            replaced = self.hours is not None and version.calendar_id == self.calendar_id
            self._hours[version_id] = self.hours if replaced else version.hours
        return self._hours[version_id]

    def touches(self, version_id: int | None) -> bool:
        """Whether the draft stands in for a version of a calendar."""
        if version_id is None or self.hours is None:
            return False
        return self._calendars[version_id].calendar_id == self.calendar_id

    def is_older(self, *, policy_version: int, calendar_version: int | None) -> bool:
        """Whether a clock was promised by an older version of what is drafted than the one in force now."""
        if self.touches(calendar_version):
            return calendar_version not in self.current_calendars
        ours = self.terms is not None and self.policy_of[policy_version] == self.policy_id
        return ours and policy_version not in self.current


def with_severity(facts: Facts, severity: str) -> Facts:
    return facts if facts.severity == severity else replace(facts, severity=severity)
