"""What a policy would mean before it is saved: a ticket's deadlines, who is told when, and which policy counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from django.utils.translation import gettext as _

from helpdesk.accounts.models import RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.fold import fold
from helpdesk.sla.ladder import Rung, rungs
from helpdesk.sla.models import METRICS
from helpdesk.sla.terms import Conditions, Facts, Hours, TargetTerms, Terms
from helpdesk.subscriptions.models import Tier
from helpdesk.tickets.models import Severity
from helpdesk.tickets.services import FIRST_METRIC
from helpdesk.workspace.policy_words import CONDITIONS, RECIPIENTS_SHORT

# The values that a condition can have at all, where that is known without the database.
EVERY = {
    "channels": frozenset(Channel.values),
    "roles": frozenset(RequesterRole.values),
    "severities": frozenset(Severity.values),
    "plans": frozenset(Tier.values),
}
# Which ticket is looked at where the conditions leave it open.
USUAL = {
    "channels": Channel.EMAIL.value,
    "roles": RequesterRole.DESIGNATED.value,
    "severities": Severity.STANDARD.value,
    "plans": Tier.ENTERPRISE.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An instant as it would be, and as it is under the version in force; `was` None: there it did not exist."""

    label: str
    at: datetime
    was: datetime | None
    is_new: bool = False

    @property
    def shift(self) -> int:
        """-1 when it comes sooner than it did, 1 when later, else 0."""
        return 0 if self.was is None else (self.at > self.was) - (self.at < self.was)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDue:
    """One target of a ticket sent now, with the instants of its steps."""

    is_guaranteed: bool
    due: Due
    steps: list[Due]


def targets_due(
    *, terms: Terms, before: Terms | None, hours: BusinessCalendar, now: datetime
) -> tuple[list[TargetDue], list[str]]:
    """Each target's deadline and steps for a ticket sent at `now`; and the metrics that have no target any more."""
    rows, gone = [], []
    for value, label in METRICS:
        metric = pure.Metric(value)
        new, old = terms.target(metric), before.target(metric) if before else None
        if new is None:
            gone += [str(label)] if old else []
            continue
        due, steps = _instants(new, terms, hours, now)
        old_due, old_steps = _instants(old, before, hours, now) if old else (None, {})
        rows.append(
            TargetDue(
                is_guaranteed=new.promise == pure.Promise.GUARANTEED,
                due=Due(label=str(label), at=due, was=old_due, is_new=before is not None and old is None),
                steps=[
                    Due(
                        label=name,
                        at=at,
                        was=old_steps[key][1] if key in old_steps else None,
                        is_new=old is not None and key not in old_steps,
                    )
                    for key, (name, at) in steps.items()
                ],
            )
        )
    return rows, gone


def _instants(
    target: TargetTerms, terms: Terms, hours: BusinessCalendar, now: datetime
) -> tuple[datetime, dict[int, tuple[str, datetime]]]:
    """The deadline; and by percentage what a step is called and when it comes, the first reminder under 0."""
    calendar = ALWAYS_OPEN if target.hours == Hours.ALWAYS else hours
    clock = fold([pure.start(at=now, target=target.target, calendar=calendar)])
    ahead = takewhile(lambda rung: rung.reminder <= 1, rungs(clock, terms=terms, calendar=calendar, since=now))
    named = {0 if rung.reminder else rung.step.percent: (_rung_words(rung), rung.at) for rung in ahead}
    return clock.due_at, named


def _rung_words(rung: Rung) -> str:
    if rung.reminder:
        return _("First reminder")
    told = ", ".join(str(RECIPIENTS_SHORT[who]) for who in rung.step.recipients)
    return _("%(percent)d %%") % {"percent": rung.step.percent} + f", {told}"


def facts_for(conditions: Conditions, *, hub: str, account: int, chosen: Mapping[str, str]) -> Facts:
    """The ticket that is looked at: as chosen, else one that fits, else the usual one."""

    def value(name: str) -> str:
        allowed = getattr(conditions, name)
        if chosen.get(name):
            return chosen[name]
        return USUAL[name] if not allowed or USUAL[name] in allowed else min(allowed)

    return Facts(
        hub=hub,
        account=account,
        channel=value("channels"),
        role=value("roles"),
        severity=value("severities"),
        plan=value("plans"),
    )


def covers(one: Conditions, other: Conditions, *, hubs: frozenset[str]) -> bool:
    """Whether `one` fits every ticket that `other` fits; `hubs`: all that there are."""
    every = {**EVERY, "hubs": hubs}

    def wider(name: str) -> bool:
        allowed, wanted = getattr(one, name), getattr(other, name) or every.get(name, frozenset())
        return not allowed or (bool(wanted) and wanted <= allowed)

    return all(wider(name) for name in CONDITIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another active policy: its place in the list as people count it, and what it says."""

    name: str
    place: int
    terms: Terms


def warnings(
    *, terms: Terms, earlier: Sequence[Rival], later: Sequence[Rival], facts: Facts, hubs: frozenset[str]
) -> list[str]:
    """What a manager should know about the order: whom this policy hides, who hides it, who takes this ticket."""
    conditions = terms.conditions
    words = []
    above = next((rival for rival in earlier if covers(rival.terms.conditions, conditions, hubs=hubs)), None)
    first = next((rival for rival in earlier if rival.terms.conditions.match(facts)), None)
    if above:
        words.append(
            _("It would never apply: “%(name)s”, at place %(place)d, comes first and fits every ticket that it fits.")
            % {"name": above.name, "place": above.place}
        )
    elif not conditions.match(facts):
        words.append(_("It does not fit this ticket: these deadlines are not the ticket’s."))
    elif first:
        words.append(
            _("For this ticket “%(name)s”, at place %(place)d, comes first: its targets count.")
            % {"name": first.name, "place": first.place}
        )
    hidden = [rival.name for rival in later if covers(conditions, rival.terms.conditions, hubs=hubs)]
    if hidden and not above:
        names = "”, “".join(hidden)
        words.append(_("After it, these never apply, since it fits all their tickets: “%(names)s”.") % {"names": names})
    return words + _idle_targets(terms)


def _idle_targets(terms: Terms) -> list[str]:
    """Targets that no ticket of this policy starts, since the policy leaves out their channel."""
    channels = terms.conditions.channels
    labels, names = dict(METRICS), dict(Channel.choices)
    return [
        _("“%(metric)s” starts on one channel only, which this policy leaves out: %(channel)s.")
        % {"metric": labels[metric], "channel": names[channel]}
        for channel, metric in FIRST_METRIC.items()
        if channels and channel not in channels and terms.target(metric)
    ]


def facts_words(facts: Facts, *, hub: str) -> str:
    """`Designated super admin, Standard, E-mail, Content Hub`."""
    known = [
        dict(RequesterRole.choices).get(facts.role),
        dict(Severity.choices).get(facts.severity),
        dict(Channel.choices).get(facts.channel),
        hub,
        dict(Tier.choices).get(facts.plan),
    ]
    return ", ".join(str(word) for word in known if word)
