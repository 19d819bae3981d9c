"""What stands on a policy's page beside its fields: a ticket's deadlines, the open tickets, the versions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Count
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import Account, RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.sla import services as sla
from helpdesk.sla.models import Clock, Policy, PolicyVersion
from helpdesk.sla.terms import Facts, Terms
from helpdesk.subscriptions.models import Tier
from helpdesk.tickets.models import Severity, Ticket
from helpdesk.tickets.services import rollouts
from helpdesk.workspace.policy_drawing import Drawing, drawing
from helpdesk.workspace.policy_editor import Editor
from helpdesk.workspace.policy_forms import Choices, find_account
from helpdesk.workspace.policy_preview import (
    Rival,
    TargetDue,
    facts_for,
    facts_words,
    targets_due,
    warnings,
)
from helpdesk.workspace.policy_words import Names, changes, conditions_words, step_sentences, target_sentence

COUNTED_AT_ONCE = 2000  # open deadlines that are reckoned again with each edit; more of them only when asked
VERSIONS = 12  # on the page before it is asked to show all


def read(version: PolicyVersion | None) -> Terms | None:
    """What a version says; None where it cannot be read."""
    try:
        return version.terms if version else None
    except ValueError:
        return None


class LookForm(forms.Form):
    """Which ticket is looked at; what is left open is one that the policy fits."""

    roles = forms.ChoiceField(label=gettext_lazy("Who asks"), required=False, choices=RequesterRole.choices)
    severities = forms.ChoiceField(label=gettext_lazy("Severity"), required=False, choices=Severity.choices)
    channels = forms.ChoiceField(label=gettext_lazy("Channel"), required=False, choices=Channel.choices)
    hub = forms.ChoiceField(label=gettext_lazy("Hub"), required=False)
    plans = forms.ChoiceField(label=gettext_lazy("Plan"), required=False, choices=Tier.choices)
    account = forms.CharField(label=gettext_lazy("Account"), required=False, max_length=160)

    def __init__(self, sent: Any, *, choices: Choices) -> None:
        super().__init__(MultiValueDict(sent), prefix="look", auto_id="id_%s")
        self.fields["hub"].choices = choices.hubs
        for each in self.fields.values():
            if isinstance(each, forms.ChoiceField):
                each.choices = [("", _("one that fits")), *each.choices]
        self.fields["account"].widget.attrs |= {
            "list": "look-accounts",
            "placeholder": _("standard hours"),
            "autocomplete": "off",
        }

    def clean_account(self) -> Account | None:
        return find_account(self.cleaned_data["account"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A policy as it stands: what one who edits it starts from. `policy` None: a new one."""

    policy: Policy | None
    current: PolicyVersion | None
    before: Terms | None  # what is in force; None too where it cannot be read
    newest: int  # number of the newest version, 0 for none
    choices: Choices

    @classmethod
    def load(cls, policy: Policy | None) -> "Situation":
        versions = policy.versions.select_related("created_by").order_by("-number") if policy else []
        newest = next(iter(versions[:1]), None)
        return cls(
            policy=policy,
            current=newest,
            before=read(newest),
            newest=newest.number if newest else 0,
            choices=Choices.load(policy),
        )


@dataclass(slots=True, kw_only=True)
class Look:
    """The side of the page that follows what is typed."""

    form: LookForm
    now: datetime
    is_complete: bool = False
    targets: list[TargetDue] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # metrics that have no target any more
    warnings: list[str] = field(default_factory=list)
    about: str = ""  # which ticket
    hours: str = ""  # whose hours an objective is counted in
    changes: list[str] = field(default_factory=list)
    drawing: Drawing | None = None
    moved: rollouts.Preview | None = None
    is_movable: bool = False


def look(situation: Situation, editor: Editor, *, sent: Any, now: datetime, count: bool) -> Look:
    """What the typed policy would mean. `count`: reckon the open tickets, however many there are."""
    form = LookForm(sent, choices=situation.choices)
    seen = Look(form=form, now=now.replace(second=0, microsecond=0))
    form_is_valid = form.is_valid()
    if not editor.is_legible():
        return seen
    terms = editor.terms()
    seen.is_complete = True
    seen.drawing = drawing(terms)
    if situation.before:
        seen.changes = changes(situation.before, terms, Names.of([situation.before, terms]))
    if form_is_valid:
        _look_at_ticket(seen, situation, editor, terms)
    seen.is_movable = bool(situation.policy and situation.policy.is_active and situation.current)
    if seen.is_movable and (count or _are_few(situation.policy)):
        seen.moved = rollouts.preview_policy(policy=situation.policy, terms=terms, now=now)
    return seen


def _look_at_ticket(seen: Look, situation: Situation, editor: Editor, terms: Terms) -> None:
    data = seen.form.cleaned_data
    account = data["account"] or Account.objects.filter(pk__in=terms.conditions.accounts).order_by("name").first()
    hubs = dict(situation.choices.hubs)
    hub = data["hub"] or min(terms.conditions.hubs or hubs, default="")
    facts = facts_for(terms.conditions, hub=hub, account=account.pk if account else 0, chosen=data)
    seen.about = facts_words(facts, hub=hubs.get(hub, ""))
    calendar = sla.business_calendar(account or Account())
    seen.hours = f"{calendar.calendar.name}, {calendar.definition.get('timezone', '')}"
    seen.warnings = _order_warnings(situation, editor, terms, facts)
    try:
        due = targets_due(terms=terms, before=situation.before, hours=calendar.hours, now=seen.now)
        seen.targets, seen.gone = due
    except ValueError:
        seen.warnings.append(_("The hours of “%(name)s” cannot be read. Mend that calendar.") % {"name": calendar})


def _order_warnings(situation: Situation, editor: Editor, terms: Terms, facts: Facts) -> list[str]:
    in_force = PolicyVersion.objects.filter(is_current=True, policy__is_active=True)
    versions = {version.policy_id: version for version in in_force}
    rivals = [
        (index, Rival(name=row.name, place=index + 1 + (index >= editor.place), terms=said))
        for index, row in enumerate(situation.choices.others)
        if (said := read(versions.get(row.pk)))
    ]
    return warnings(
        terms=terms,
        earlier=[rival for index, rival in rivals if index < editor.place],
        later=[rival for index, rival in rivals if index >= editor.place],
        facts=facts,
        hubs=frozenset(code for code, _name in situation.choices.hubs),
    )


def _are_few(policy: Policy) -> bool:
    clocks = Clock.objects.open().filter(policy_version__policy=policy)
    return clocks[: COUNTED_AT_ONCE + 1].count() <= COUNTED_AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One line of the list of versions."""

    version: PolicyVersion
    until: datetime | None
    changes: list[str]
    applies: list[tuple[str, str]]
    targets: list[str]
    steps: list[str]
    is_readable: bool
    tickets: int


def version_rows(policy: Policy, *, everything: bool) -> tuple[list[VersionRow], bool]:
    """The versions, newest first, with what each changed, and whether there are more."""
    newest = policy.versions.select_related("created_by").order_by("-number")
    versions = list(newest if everything else newest[: VERSIONS + 1])
    said = {version.pk: read(version) for version in versions}
    names = Names.of(terms for terms in said.values() if terms)
    tickets = open_tickets(policy)
    shown = versions if everything else versions[:VERSIONS]
    rows = []
    for index, version in enumerate(shown):
        older = versions[index + 1] if index + 1 < len(versions) else None
        terms, earlier = said[version.pk], said[older.pk] if older else None
        rows.append(
            VersionRow(
                version=version,
                until=versions[index - 1].created_at if index else None,
                changes=changes(earlier, terms, names) if terms and earlier else [],
                applies=conditions_words(terms.conditions, names) if terms else [],
                targets=[target_sentence(target) for target in terms.targets] if terms else [],
                steps=step_sentences(terms, names) if terms else [],
                is_readable=terms is not None,
                tickets=tickets.get(version.pk, 0),
            )
        )
    return rows, len(versions) > len(shown)


def open_tickets(policy: Policy) -> dict[int, int]:
    """How many open tickets each version still serves."""
    rows = Ticket.objects.active().filter(policy_version__policy=policy).values("policy_version")
    return dict(rows.annotate(count=Count("pk")).values_list("policy_version", "count"))
