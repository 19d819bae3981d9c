"""Policies and calendars as the model knows them: plain documents, read by its own way (SPEC 2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from helpdesk.sla.longhand import AlwaysOpen, Hours, Length

ALWAYS = AlwaysOpen()


class Promise(NamedTuple):
    """One target of one version of a policy."""

    policy: int  # the version's id
    kind: str  # guaranteed or objective
    length: Length
    calendar: int | None  # the version's id, None: always open


@dataclass(slots=True)
class Policy:
    """A policy with its versions, oldest first: (id, when it was made, document)."""

    pk: int
    position: int
    is_active: bool = True
    versions: list[tuple[int, datetime, Mapping[str, Any]]] = field(default_factory=list)

    def version(self, as_of: datetime | None) -> tuple[int, Mapping[str, Any]]:
        """The newest, or the newest that there was at an instant (else the first of all)."""
        there = [row for row in self.versions if as_of is None or row[1] <= as_of]
        row = there[-1] if there else self.versions[0]
        return row[0], row[2]


@dataclass(slots=True)
class Rulebook:
    """All rules; what is in force for whom."""

    policies: dict[int, Policy] = field(default_factory=dict)
    documents: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by id of the policy's version
    calendars: dict[int, list[int]] = field(default_factory=dict)  # ids of a calendar's versions
    definitions: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    _hours: dict[int, Hours] = field(default_factory=dict)

    def choose(self, facts: Mapping[str, Any], *, as_of: datetime | None = None) -> int | None:
        """The first policy, in order, whose every condition holds."""
        for policy in sorted(self.policies.values(), key=lambda row: (row.position, row.pk)):
            if policy.is_active:
                pk, document = policy.version(as_of)
                conditions = document.get("conditions", {})
                if all(facts[name] in allowed for name, allowed in conditions.items() if allowed):
                    return pk
        return None

    def promise(self, version: int | None, metric: str, *, calendar: int) -> Promise | None:
        """What a policy's version says about a metric, on the business hours of a calendar's version."""
        for row in self.documents[version]["targets"] if version else ():
            if row["metric"] == metric:
                hours = calendar if row["hours"] == "business" else None
                return Promise(version, row["promise"], Length.read(row), hours)
        return None

    def hours(self, calendar: int | None) -> AlwaysOpen | Hours:
        if calendar is None:
            return ALWAYS
        if calendar not in self._hours:
            self._hours[calendar] = Hours(self.definitions[calendar])
        return self._hours[calendar]

    def steps(self, version: int) -> list[Mapping[str, Any]]:
        return self.documents[version]["steps"]

    def repeat(self, version: int) -> tuple[int, list[str]]:
        """Minutes between reminders, and who gets them."""
        document = self.documents[version]
        told = document.get("repeat_recipients") or document["steps"][-1]["recipients"]
        return document["repeat_minutes"], told
