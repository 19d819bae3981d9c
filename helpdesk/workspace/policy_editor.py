"""Everything that is typed about a policy, as one.

One way leads to the page: the terms in force, a draft and what was just sent are all the same fields,
and the forms are always bound to them. So nothing that was typed is ever lost, fit or not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import METRICS
from helpdesk.sla.terms import HIGHEST_PERCENT, MOST_STEPS, Conditions, Hours, Recipient, Step, TargetTerms, Terms, Way
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.policy_forms import SECONDS, Bound, Boxes, Choices, PolicyForm, StepForm, TargetForm, in_order

Typed = dict[str, list[str]]
LONGEST_VALUE = 300  # characters of one field that a draft keeps
NO_TARGET = gettext_lazy("Give at least one target: a ticket that this policy fits would be promised nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing to mend: where, and what."""

    field_id: str
    label: str
    text: str


class Editor:
    """Everything that is typed about a policy."""

    def __init__(self, typed: Mapping[str, list[str]], *, choices: Choices, quiet: bool = False) -> None:
        data = MultiValueDict(typed)
        self.typed = typed
        self.form = PolicyForm(data, choices=choices)
        self.targets = [TargetForm(data, metric=metric, label=label) for metric, label in METRICS]
        keys = _keys(data.getlist("step"))
        self.too_many = len(keys) > MOST_STEPS
        self.steps = [
            StepForm(data, key=key, number=number, teams=choices.teams)
            for number, key in enumerate(keys[:MOST_STEPS], start=1)
        ]
        for each in self._forms():
            each.quiet = quiet
        self.quiet = quiet
        self._follow()

    def _forms(self) -> Iterator[Bound]:
        yield self.form
        yield from self.targets
        yield from self.steps

    def _follow(self) -> None:
        """Tell each step the highest percentage before it; one that is no number says nothing about the next."""
        highest: int | None = None
        for step in self.steps:
            step.percent_before = highest
            value = str(step["percent"].value() or "").strip()
            if value.isdecimal() and 0 < int(value) <= HIGHEST_PERCENT:
                highest = max(highest or 0, int(value))

    @property
    def promises_nothing(self) -> bool:
        """A policy without a target would take tickets away from those after it, for nothing."""
        return all(target.is_empty for target in self.targets)

    @property
    def says_nothing(self) -> str:
        """What is wrong with the targets as a whole."""
        return str(NO_TARGET) if self.promises_nothing and not self.quiet else ""

    @property
    def may_add_step(self) -> bool:
        return len(self.steps) < MOST_STEPS

    def is_valid(self) -> bool:
        return not any([each.faults for each in self._forms()]) and not (self.promises_nothing or self.too_many)

    def is_legible(self) -> bool:
        """Whether it says what it promises to whom, though its name may be missing still."""
        unnamed = set(self.form.faults) <= {"name", "note"} and not any(
            each.faults for each in [*self.targets, *self.steps]
        )
        return unnamed and not (self.promises_nothing or self.too_many)

    def mistakes(self) -> list[Mistake]:
        """What the page says is wrong: all of it, unless somebody is only adding a row."""
        return [] if self.quiet else self.problems()

    def problems(self) -> list[Mistake]:
        """All that is wrong, in the order of the page."""
        found = [
            Mistake(field_id=self._id(each, name), label=self._label(each, name), text=text)
            for each in self._forms()
            for name, texts in each.faults.items()
            for text in texts
        ]
        if self.promises_nothing:
            found.append(Mistake(field_id="id_first_response-amount", label=_("Targets"), text=str(NO_TARGET)))
        if self.too_many:
            text = _("At most %(count)d steps.") % {"count": MOST_STEPS}
            found.append(Mistake(field_id="escalation", label=_("Escalation"), text=text))
        return found

    def hurdles(self) -> list[Mistake]:
        """What keeps it from being legible."""
        return [mistake for mistake in self.problems() if mistake.field_id not in ("id_name", "id_note")]

    @staticmethod
    def _id(each: Bound, name: str) -> str:
        """Of a list of boxes, the first box."""
        first = "_0" if isinstance(each.fields[name], Boxes) else ""
        return each[name].auto_id + first

    @staticmethod
    def _label(each: Bound, name: str) -> str:
        label = str(each.fields[name].label)
        return each.named(label) if isinstance(each, StepForm) else label

    @property
    def name(self) -> str:
        return self.form.cleaned_data["name"]

    @property
    def place(self) -> int:
        """How many policies come before it."""
        return int(self.form.cleaned_data["place"])

    @property
    def moves(self) -> bool:
        """Whether somebody chose another place; else it stays where it is, wherever others have moved it since."""
        return self.form.cleaned_data["place"] != self.form.cleaned_data["place_was"]

    @property
    def note(self) -> str:
        return self.form.cleaned_data["note"].strip()

    def terms(self) -> Terms:
        """The document of an editor that is legible."""
        data = self.form.cleaned_data
        added = [data["add_account"].pk] if data["add_account"] else []
        document = Terms(
            conditions=Conditions(
                **{name: frozenset(data[name]) for name in ("hubs", "channels", "roles", "severities", "plans")},
                accounts=frozenset([*data["accounts"], *added]),
            ),
            targets=tuple(terms for target in self.targets if (terms := target.terms)),
            steps=tuple(step.step for step in self.steps),
            repeat_minutes=data["repeat_minutes"] or 0,
            repeat_recipients=in_order(Recipient, data["repeat_recipients"]),
        )
        return Terms.from_dict(document.to_dict())  # checked once more, as every document on its way in


def _keys(texts: Iterable[str]) -> list[int]:
    """The rows of the steps, each once; one more than there may be tells that there are too many."""
    return list(dict.fromkeys(numbers(texts)))[: MOST_STEPS + 1]


def kept(sent: Mapping[str, Any]) -> Typed:
    """Of what was sent, the fields of the editor: what a draft keeps."""
    getlist = MultiValueDict(sent).getlist
    keys = _keys(getlist("step"))
    names = ["step", *PolicyForm.base_fields]
    names += [f"{metric}-{name}" for metric, _label in METRICS for name in TargetForm.base_fields]
    names += [f"step{key}-{name}" for key in keys for name in StepForm.base_fields]
    return {name: [value[:LONGEST_VALUE] for value in values] for name in names if (values := getlist(name))}


def typed_of(*, name: str, place: int, terms: Terms) -> Typed:
    """Terms as somebody would have typed them."""
    conditions = terms.conditions
    typed: Typed = {
        "name": [name],
        "place": [str(place)],
        "place_was": [str(place)],
        "repeat_minutes": [str(terms.repeat_minutes or "")],
        "repeat_recipients": [who.value for who in terms.repeat_recipients],
        "step": [str(number) for number in range(len(terms.steps))],
    }
    for condition in ("hubs", "channels", "roles", "severities", "accounts", "plans"):
        typed[condition] = [str(value) for value in sorted(getattr(conditions, condition))]
    for metric, _label in METRICS:
        typed |= _typed_target(metric, terms.target(Metric(metric)))
    for number, step in enumerate(terms.steps):
        typed |= _typed_step(number, step)
    return typed


def _typed_target(metric: str, target: TargetTerms | None) -> Typed:
    if target is None:
        unit, amount, promise, hours = "minutes", "", Promise.OBJECTIVE, Hours.BUSINESS
    elif target.target.business_days is not None:
        unit, amount = "days", target.target.business_days
        promise, hours = target.promise, target.hours
    else:
        seconds, promise, hours = target.target.seconds, target.promise, target.hours
        unit = next(name for name in ("hours", "minutes", "seconds") if seconds % SECONDS[name] == 0)
        amount = seconds // SECONDS[unit]
    return {
        f"{metric}-amount": [str(amount)],
        f"{metric}-unit": [unit],
        f"{metric}-promise": [promise.value],
        f"{metric}-hours": [hours.value],
    }


def _typed_step(number: int, step: Step) -> Typed:
    return {
        f"step{number}-percent": [str(step.percent)],
        f"step{number}-recipients": [who.value for who in step.recipients],
        f"step{number}-ways": [way.value for way in step.ways],
        f"step{number}-raise_priority": ["on"] if step.raise_priority else [],
        f"step{number}-team": [str(step.assign_team)] if step.assign_team is not None else [],
    }


def with_step(typed: Typed) -> Typed:
    """One more row for a step, after the last one; told in app and by e-mail unless changed."""
    keys = _keys(typed.get("step", []))
    key = str(max(keys, default=-1) + 1)
    return {**typed, "step": [*map(str, keys), key], f"step{key}-ways": [way.value for way in Way]}


def without_step(typed: Typed, key: str) -> Typed:
    return {**typed, "step": [other for other in typed.get("step", []) if other != key]}
