"""What one version of a policy says: to whom it applies, its targets, its escalation steps.

Terms are a document that never changes once it is in use: read from and written to JSON, checked
on the way in, and pure, so that a deadline can be explained and replayed without the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from helpdesk.sla.clock import Metric, Promise, Target


class Hours(StrEnum):
    """Which calendar a target is counted on."""

    ALWAYS = "always"
    BUSINESS = "business"


class Recipient(StrEnum):
    """Who hears of an escalation (SPEC 2.5)."""

    OWNER = "owner"  # the team, while there is no owner
    TEAM = "team"
    TEAM_LEAD = "team_lead"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a policy's conditions look at."""

    hub: str
    channel: str
    role: str
    severity: str
    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Empty means any; every condition given must hold."""

    hubs: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()

    def match(self, facts: Facts) -> bool:
        return all(
            not allowed or value in allowed
            for allowed, value in (
                (self.hubs, facts.hub),
                (self.channels, facts.channel),
                (self.roles, facts.role),
                (self.severities, facts.severity),
                (self.accounts, facts.account),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTerms:
    """One target of a policy."""

    metric: Metric
    promise: Promise
    target: Target
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """At `percent` of the target's time, tell `recipients`."""

    percent: int
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of a policy. `repeat_minutes`: the last step again, that often, while unanswered (0: never)."""

    conditions: Conditions
    targets: tuple[TargetTerms, ...]
    steps: tuple[Step, ...]
    repeat_minutes: int = 30

    def target(self, metric: Metric) -> TargetTerms | None:
        return next((target for target in self.targets if target.metric == metric), None)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Terms":
        """Read terms. Raises ValueError that names the field."""
        if not isinstance(data, Mapping):
            raise ValueError("terms: must be a mapping")
        unknown = set(data) - {"conditions", "targets", "steps", "repeat_minutes"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]}: not known")
        terms = cls(
            conditions=_conditions(data.get("conditions", {})),
            targets=tuple(_target(index, row) for index, row in enumerate(_list(data, "targets"))),
            steps=tuple(_step(index, row) for index, row in enumerate(_list(data, "steps"))),
            repeat_minutes=data.get("repeat_minutes", 30),
        )
        percents = [step.percent for step in terms.steps]
        if percents != sorted(set(percents)):
            raise ValueError("steps: must rise, each percentage once")
        metrics = [target.metric for target in terms.targets]
        if len(metrics) != len(set(metrics)):
            raise ValueError("targets: one for each metric")
        if not _is_whole(terms.repeat_minutes) or terms.repeat_minutes < 0:
            raise ValueError("repeat_minutes: a whole number, 0 for never")
        return terms

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        return {
            "conditions": {
                name: sorted(values)
                for name in ("hubs", "channels", "roles", "severities", "accounts")
                if (values := getattr(self.conditions, name))
            },
            "targets": [
                {
                    "metric": row.metric.value,
                    "promise": row.promise.value,
                    "hours": row.hours.value,
                    **(
                        {"seconds": row.target.seconds}
                        if row.target.seconds is not None
                        else {"business_days": row.target.business_days}
                    ),
                }
                for row in self.targets
            ],
            "steps": [
                {"percent": step.percent, "recipients": [who.value for who in step.recipients]} for step in self.steps
            ],
            "repeat_minutes": self.repeat_minutes,
        }


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    rows = data.get(name, [])
    if not isinstance(rows, list | tuple):
        raise ValueError(f"{name}: must be a list")
    return list(rows)


def _conditions(data: Mapping[str, Any]) -> Conditions:
    try:
        return Conditions(**{name: frozenset(values) for name, values in data.items()})
    except (AttributeError, TypeError) as error:
        raise ValueError(f"conditions: {error}") from None


def _target(index: int, row: Mapping[str, Any]) -> TargetTerms:
    try:
        terms = TargetTerms(
            metric=Metric(row["metric"]),
            promise=Promise(row["promise"]),
            hours=Hours(row["hours"]),
            target=Target(seconds=row.get("seconds"), business_days=row.get("business_days")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"targets.{index}: {error}") from None
    if terms.promise == Promise.GUARANTEED and terms.hours != Hours.ALWAYS:
        raise ValueError(f"targets.{index}: a guarantee runs on a calendar that is always open")
    return terms


def _step(index: int, row: Mapping[str, Any]) -> Step:
    try:
        step = Step(percent=int(row["percent"]), recipients=tuple(Recipient(who) for who in row["recipients"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"steps.{index}: {error}") from None
    if step.percent <= 0 or not step.recipients:
        raise ValueError(f"steps.{index}: needs a percentage above 0 and somebody to tell")
    return step
