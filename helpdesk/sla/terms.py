"""What one version of a policy says: to whom it applies, its targets, its escalation steps.

Terms are a document that never changes once it is in use: read from and written to JSON, checked
on the way in, and pure, so that a deadline can be explained and replayed without the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.target import Target

Choice = TypeVar("Choice", bound=StrEnum)


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
    ON_CALL = "on_call"  # who has duty at that instant


class Way(StrEnum):
    """How somebody is told."""

    IN_APP = "in_app"
    EMAIL = "email"


BY_EVERY_WAY = tuple(Way)
CONDITIONS = ("hubs", "channels", "roles", "severities", "accounts", "plans")
MOST_STEPS = 20
HIGHEST_PERCENT = 1000
USUAL_REPEAT = 30  # minutes
LONGEST_REPEAT = 7 * 24 * 60  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a policy's conditions look at."""

    hub: str
    channel: str
    role: str
    severity: str
    account: int
    plan: str = ""  # the subscription's tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Empty means any; every condition given must hold."""

    hubs: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    accounts: frozenset[int] = frozenset()
    plans: frozenset[str] = frozenset()

    def match(self, facts: Facts) -> bool:
        return all(
            not allowed or value in allowed
            for allowed, value in (
                (self.hubs, facts.hub),
                (self.channels, facts.channel),
                (self.roles, facts.role),
                (self.severities, facts.severity),
                (self.accounts, facts.account),
                (self.plans, facts.plan),
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
    """At `percent` of the target's time, tell `recipients`, and act on the ticket (SPEC 2.5).

    `assign_team` is a team's id.
    """

    percent: int
    recipients: tuple[Recipient, ...]
    ways: tuple[Way, ...] = BY_EVERY_WAY
    raise_priority: bool = False
    assign_team: int | None = None

    @property
    def acts(self) -> bool:
        return self.raise_priority or self.assign_team is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of a policy.

    `repeat_minutes`: the last step again, that often, while unanswered (0: never); to
    `repeat_recipients`, where there are any, else to those of the last step.
    """

    conditions: Conditions
    targets: tuple[TargetTerms, ...]
    steps: tuple[Step, ...]
    repeat_minutes: int = USUAL_REPEAT
    repeat_recipients: tuple[Recipient, ...] = ()

    @property
    def reminder_step(self) -> Step:
        """The last step as its reminders tell it: to whom they go, and without its acts, which happen once."""
        last = self.steps[-1]
        told = self.repeat_recipients or last.recipients
        return replace(last, recipients=told, raise_priority=False, assign_team=None)

    def target(self, metric: Metric) -> TargetTerms | None:
        return next((target for target in self.targets if target.metric == metric), None)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Terms":
        """Read terms. Raises ValueError that names the field."""
        if not isinstance(data, Mapping):
            raise ValueError("terms: must be a mapping")
        unknown = set(data) - {"conditions", "targets", "steps", "repeat_minutes", "repeat_recipients"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]}: not known")
        terms = cls(
            conditions=_conditions(data.get("conditions", {})),
            targets=tuple(_target(index, row) for index, row in enumerate(_list(data, "targets"))),
            steps=tuple(_step(index, row) for index, row in enumerate(_list(data, "steps"))),
            repeat_minutes=data.get("repeat_minutes", USUAL_REPEAT),
            repeat_recipients=_choices("repeat_recipients", data.get("repeat_recipients", []), Recipient),
        )
        if len(terms.steps) > MOST_STEPS:
            raise ValueError(f"steps: at most {MOST_STEPS}")
        percents = [step.percent for step in terms.steps]
        if percents != sorted(set(percents)):
            raise ValueError("steps: must rise, each percentage once")
        metrics = [target.metric for target in terms.targets]
        if len(metrics) != len(set(metrics)):
            raise ValueError("targets: one for each metric")
        if not _is_whole(terms.repeat_minutes) or not 0 <= terms.repeat_minutes <= LONGEST_REPEAT:
            raise ValueError(f"repeat_minutes: a whole number up to {LONGEST_REPEAT}, 0 for never")
        return terms

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        return {
            "conditions": {name: sorted(values) for name in CONDITIONS if (values := getattr(self.conditions, name))},
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
            "steps": [_written_step(step) for step in self.steps],
            "repeat_minutes": self.repeat_minutes,
            **({"repeat_recipients": [who.value for who in self.repeat_recipients]} if self.repeat_recipients else {}),
        }


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    rows = data.get(name, [])
    if not isinstance(rows, list | tuple):
        raise ValueError(f"{name}: must be a list")
    return list(rows)


def _conditions(data: Mapping[str, Any]) -> Conditions:
    if not isinstance(data, Mapping):
        raise ValueError("conditions: must be a mapping")
    for name, values in data.items():
        if name not in CONDITIONS:
            raise ValueError(f"conditions: {name} is not known")
        # A single text would be taken for a list of its letters, and match nothing.
        is_one = _is_whole if name == "accounts" else _is_text
        if not isinstance(values, list | tuple) or not all(is_one(value) for value in values):
            kind = "ids" if name == "accounts" else "names"
            raise ValueError(f"conditions: {name} must be a list of {kind}")
    return Conditions(**{name: frozenset(values) for name, values in data.items()})


def _target(index: int, row: Mapping[str, Any]) -> TargetTerms:
    try:
        if not all(_is_whole(row[length]) for length in ("seconds", "business_days") if row.get(length) is not None):
            raise ValueError("seconds and business_days are whole numbers")
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
    name = f"steps.{index}"
    try:
        unknown = set(row) - {"percent", "recipients", "ways", "raise_priority", "assign_team"}
        if unknown:
            raise ValueError(f"{sorted(unknown)[0]} is not known")
        if not _is_whole(row["percent"]):
            raise ValueError("percent is a whole number")
        step = Step(
            percent=row["percent"],
            recipients=_choices("recipients", row["recipients"], Recipient),
            ways=_choices("ways", row.get("ways", BY_EVERY_WAY), Way),
            raise_priority=row.get("raise_priority", False),
            assign_team=row.get("assign_team"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    if not 0 < step.percent <= HIGHEST_PERCENT or not step.recipients:
        raise ValueError(f"{name}: needs a percentage from 1 to {HIGHEST_PERCENT} and somebody to tell")
    if not step.ways:
        raise ValueError(f"{name}: needs a way to tell them")
    if not isinstance(step.raise_priority, bool):
        raise ValueError(f"{name}: raise_priority is true or false")
    if step.assign_team is not None and not _is_whole(step.assign_team):
        raise ValueError(f"{name}: assign_team is a team's id")
    return step


def _choices(name: str, values: object, kind: type[Choice]) -> tuple[Choice, ...]:
    if not isinstance(values, list | tuple):
        raise ValueError(f"{name}: must be a list")
    try:
        found = tuple(kind(value) for value in values)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if len(found) != len(set(found)):
        raise ValueError(f"{name}: each once")
    return found


def _written_step(step: Step) -> dict[str, Any]:
    """What a step says besides its percentage and recipients stands there only where it isn't the usual."""
    written: dict[str, Any] = {"percent": step.percent, "recipients": [who.value for who in step.recipients]}
    if step.ways != BY_EVERY_WAY:
        written["ways"] = [way.value for way in step.ways]
    if step.raise_priority:
        written["raise_priority"] = True
    if step.assign_team is not None:
        written["assign_team"] = step.assign_team
    return written
