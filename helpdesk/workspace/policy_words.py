"""Policies in plain words: to whom one applies, what it promises, who hears, and what a new version changes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from helpdesk.accounts.models import Account, RequesterRole, Team
from helpdesk.core.channels import Channel
from helpdesk.core.durations import target_words
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import METRICS, PROMISES
from helpdesk.sla.terms import Conditions, Hours, Recipient, Step, TargetTerms, Terms, Way
from helpdesk.subscriptions.models import Hub, Tier
from helpdesk.tickets.models import Severity

MOST_NAMES = 4  # of accounts in a sentence
RECIPIENTS = {
    Recipient.OWNER: gettext_lazy("the owner, or the team while there is none"),
    Recipient.TEAM: gettext_lazy("the team"),
    Recipient.TEAM_LEAD: gettext_lazy("the team lead"),
    Recipient.MANAGER: gettext_lazy("the managers"),
    Recipient.ON_CALL: gettext_lazy("who is on call"),
}
# For a box to tick, and for a drawing.
RECIPIENTS_SHORT = {
    Recipient.OWNER: pgettext_lazy("recipient", "Owner, or team"),
    Recipient.TEAM: pgettext_lazy("recipient", "Team"),
    Recipient.TEAM_LEAD: pgettext_lazy("recipient", "Team lead"),
    Recipient.MANAGER: pgettext_lazy("recipient", "Managers"),
    Recipient.ON_CALL: pgettext_lazy("recipient", "On call"),
}
WAYS = {Way.IN_APP: pgettext_lazy("way to tell", "In app"), Way.EMAIL: pgettext_lazy("way to tell", "E-mail")}
HOURS = {Hours.ALWAYS: gettext_lazy("Always open"), Hours.BUSINESS: gettext_lazy("Account’s hours")}
# A condition, and what its values are called where the document says it all.
CONDITIONS = {
    "hubs": (gettext_lazy("Hubs"), None),
    "channels": (gettext_lazy("Channels"), dict(Channel.choices)),
    "roles": (gettext_lazy("Who asks"), dict(RequesterRole.choices)),
    "severities": (gettext_lazy("Severity"), dict(Severity.choices)),
    "accounts": (gettext_lazy("Accounts"), None),
    "plans": (gettext_lazy("Plans"), dict(Tier.choices)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the hubs, accounts and teams in a document are called."""

    hubs: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[int, str] = field(default_factory=dict)
    teams: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Terms]) -> "Names":
        """The names that these documents need: three queries at most."""
        documents = list(documents)
        accounts = {pk for terms in documents for pk in terms.conditions.accounts}
        teams = {step.assign_team for terms in documents for step in terms.steps} - {None}
        return cls(
            hubs=dict(Hub.objects.values_list("pk", "name")),
            accounts=dict(Account.objects.filter(pk__in=accounts).values_list("pk", "name")) if accounts else {},
            teams=dict(Team.objects.filter(pk__in=teams).values_list("pk", "name")) if teams else {},
        )

    def listed(self, condition: str, values: Iterable[str | int]) -> str:
        """The values of a condition; of many accounts the first few, and how many more."""
        known = {"hubs": self.hubs, "accounts": self.accounts}.get(condition) or CONDITIONS[condition][1] or {}
        names = sorted(str(known.get(value, value)) for value in values)
        if not names:
            return pgettext("condition", "any")
        shown, more = names[:MOST_NAMES], len(names) - MOST_NAMES
        if condition != "accounts" or more <= 0:
            return ", ".join(names)
        return ", ".join(shown) + " " + ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}

    def team(self, pk: int) -> str:
        return self.teams.get(pk) or _("a team that is gone")


def conditions_words(conditions: Conditions, names: Names) -> list[tuple[str, str]]:
    """To whom a policy applies: each condition with its values; empty when every ticket fits."""
    return [
        (str(label), names.listed(name, values))
        for name, (label, _known) in CONDITIONS.items()
        if (values := getattr(conditions, name))
    ]


def in_time(target: TargetTerms) -> str:
    """`30 minutes`."""
    return target_words(seconds=target.target.seconds, business_days=target.target.business_days)


def target_sentence(target: TargetTerms) -> str:
    """`First response: 30 minutes, guaranteed, counted at all hours`."""
    words = {
        "metric": dict(METRICS)[target.metric],
        "target": in_time(target),
        "promise": str(dict(PROMISES)[target.promise]).lower(),
        "hours": _("counted at all hours") if target.hours == Hours.ALWAYS else _("counted in business hours"),
    }
    return _("%(metric)s: %(target)s, %(promise)s, %(hours)s") % words


def step_sentences(terms: Terms, names: Names) -> list[str]:
    """When somebody is told, who, and what else happens."""
    rows = [_step_sentence(step, names) for step in terms.steps]
    if terms.steps and terms.repeat_minutes:
        again = _("Then again every %(count)d minutes, while unanswered") % {"count": terms.repeat_minutes}
        rows.append(again + (f": {_told(terms.repeat_recipients)}" if terms.repeat_recipients else ""))
    return rows


def _step_sentence(step: Step, names: Names) -> str:
    text = _("At %(percent)d %% of the time: %(who)s") % {"percent": step.percent, "who": _told(step.recipients)}
    return "; ".join([f"{text} ({_by(step.ways)})", *_acts(step, names)])


def _told(recipients: Iterable[Recipient]) -> str:
    return ", ".join(str(RECIPIENTS[who]) for who in Recipient if who in set(recipients))


def _by(ways: Iterable[Way]) -> str:
    return ", ".join(str(WAYS[way]).lower() for way in Way if way in set(ways))


def _acts(step: Step, names: Names) -> list[str]:
    acts = [_("raises the priority")] if step.raise_priority else []
    if step.assign_team is not None:
        acts.append(_("assigns to %(team)s") % {"team": names.team(step.assign_team)})
    return acts


def changes(before: Terms, after: Terms, names: Names) -> list[str]:
    """What a version changes against another one, in words; empty when both mean the same. Pure."""
    return [
        *_condition_changes(before.conditions, after.conditions, names),
        *_target_changes(before, after),
        *_step_changes(before.steps, after.steps, names),
        *_reminder_changes(before, after),
    ]


def _arrow(before: object, after: object) -> str:
    return f"{before} → {after}"


def _condition_changes(before: Conditions, after: Conditions, names: Names) -> Iterator[str]:
    for name, (label, _known) in CONDITIONS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if len(old | new) > MOST_NAMES and old and new:  # two long lists would hide what differs
            parts = [f"+ {names.listed(name, new - old)}"] if new - old else []
            parts += [f"− {names.listed(name, old - new)}"] if old - new else []
            yield f"{label}: {'; '.join(parts)}"
        else:
            yield f"{label}: {_arrow(names.listed(name, old), names.listed(name, new))}"


def _target_changes(before: Terms, after: Terms) -> Iterator[str]:
    for value, label in METRICS:
        old, new = before.target(Metric(value)), after.target(Metric(value))
        if new is None and old is not None:
            yield _("%(metric)s: no target any more") % {"metric": label}
        elif old is None and new is not None:
            yield _("New: %(target)s") % {"target": target_sentence(new)}
        elif old != new:
            yield f"{label}: {', '.join(_target_parts(old, new))}"


def _target_parts(old: TargetTerms, new: TargetTerms) -> Iterator[str]:
    if old.target != new.target:
        yield _arrow(in_time(old), in_time(new))
    if old.promise != new.promise:
        yield _("now guaranteed") if new.promise == Promise.GUARANTEED else _("no longer guaranteed")
    if old.hours != new.hours:
        yield _("counted at all hours") if new.hours == Hours.ALWAYS else _("counted in business hours")


def _step_changes(before: tuple[Step, ...], after: tuple[Step, ...], names: Names) -> Iterator[str]:
    old, new = ({step.percent: step for step in steps} for steps in (before, after))
    gone = [step for percent, step in old.items() if percent not in new]
    for percent, step in new.items():
        if percent in old:
            if parts := list(_step_parts(old[percent], step, names)):
                yield _("%(percent)d %% step: %(what)s") % {"percent": percent, "what": ", ".join(parts)}
            continue
        moved = next((row for row in gone if _means_the_same(replace(row, percent=percent), step)), None)
        if moved is None:
            yield _("New step: %(step)s") % {"step": _step_sentence(step, names)}
        else:
            gone.remove(moved)
            yield _("%(before)d %% step: now at %(after)d %%") % {"before": moved.percent, "after": percent}
    for step in gone:
        yield _("%(percent)d %% step: gone") % {"percent": step.percent}


def _means_the_same(one: Step, other: Step) -> bool:
    return not list(_step_parts(one, other, Names()))


def _step_parts(old: Step, new: Step, names: Names) -> Iterator[str]:
    if set(old.recipients) != set(new.recipients):
        yield _arrow(_told(old.recipients), _told(new.recipients))
    if added := set(new.ways) - set(old.ways):
        yield _("also told by: %(ways)s") % {"ways": _by(added)}
    if dropped := set(old.ways) - set(new.ways):
        yield _("no longer told by: %(ways)s") % {"ways": _by(dropped)}
    if old.raise_priority != new.raise_priority:
        yield _("raises the priority") if new.raise_priority else _("no longer raises the priority")
    if old.assign_team != new.assign_team:
        if new.assign_team is None:
            yield _("no longer assigns to a team")
        else:
            yield _("assigns to %(team)s") % {"team": names.team(new.assign_team)}


def _reminder_changes(before: Terms, after: Terms) -> Iterator[str]:
    if before.repeat_minutes != after.repeat_minutes:
        yield _("Reminders: %(change)s") % {
            "change": _arrow(_repeat(before.repeat_minutes), _repeat(after.repeat_minutes))
        }
    if set(before.repeat_recipients) != set(after.repeat_recipients):
        old, new = (_told(terms.repeat_recipients) or _("as the last step") for terms in (before, after))
        yield _("Reminders go to: %(change)s") % {"change": _arrow(old, new)}


def _repeat(minutes: int) -> str:
    if not minutes:
        return pgettext("reminders", "none")
    return ngettext("every minute", "every %(count)d minutes", minutes) % {"count": minutes}
