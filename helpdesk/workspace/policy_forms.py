"""The fields of a policy, and what is wrong with one, said beside it in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from helpdesk.accounts.models import Account, RequesterRole, Team
from helpdesk.core.channels import Channel
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import PROMISES, Policy
from helpdesk.sla.target import Target
from helpdesk.sla.terms import HIGHEST_PERCENT, LONGEST_REPEAT, Hours, Recipient, Step, TargetTerms, Way
from helpdesk.subscriptions.models import Hub, Tier
from helpdesk.tickets.models import Severity
from helpdesk.tickets.services import FIRST_METRIC
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.policy_words import HOURS, RECIPIENTS_SHORT, WAYS

DAY = 24 * 3600
LONGEST_TARGET = 90  # days, of either kind
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}
UNITS = [
    ("minutes", gettext_lazy("minutes")),
    ("hours", gettext_lazy("hours")),
    ("days", gettext_lazy("business days")),
]
# Only for a target that is in seconds already: nobody chooses them.
ODD_UNIT = ("seconds", gettext_lazy("seconds"))
SUGGESTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be chosen, read once for a page: three queries."""

    hubs: list[tuple[str, str]]
    teams: list[tuple[str, str]]
    others: list[Policy]  # the other policies, in order
    rank: int  # how many of them come before this one

    @classmethod
    def load(cls, policy: Policy | None) -> "Choices":
        others = Policy.objects.exclude(pk=policy.pk) if policy else Policy.objects.all()
        return cls(
            hubs=list(Hub.objects.values_list("pk", "name")),
            teams=[(str(pk), name) for pk, name in Team.objects.values_list("pk", "name")],
            others=list(others),
            rank=sum((row.position, row.pk) < (policy.position, policy.pk) for row in others) if policy else 0,
        )

    @property
    def places(self) -> list[tuple[str, str]]:
        after = [
            (str(n), _("%(place)d, after “%(name)s”") % {"place": n + 1, "name": row.name})
            for n, row in enumerate(self.others, start=1)
        ]
        return [("0", _("1, first")), *after]


class WholeNumber(forms.IntegerField):
    """Typed as text, so that what isn't a number stays to be seen."""

    widget = forms.TextInput

    def __init__(self, *, least: int, most: int | None, wrong: Any, **options: Any) -> None:
        messages = dict.fromkeys(["invalid", "min_value", "max_value"], wrong)
        super().__init__(min_value=least, max_value=most, error_messages=messages, **options)
        self.widget.attrs.update({"inputmode": "numeric", "maxlength": "9", "class": "n", "autocomplete": "off"})


class Bound(forms.Form):
    """A form that keeps still about errors while somebody only adds a row."""

    quiet = False

    @property
    def faults(self) -> Any:
        """What is wrong, shown or not."""
        return super().errors

    @property
    def errors(self) -> Any:
        return forms.utils.ErrorDict() if self.quiet else self.faults


class Boxes(forms.MultipleChoiceField):
    """Boxes to tick, where none may mean any."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, choices: Any, **options: Any) -> None:
        gone = gettext_lazy("A choice is not there any more. Choose again.")
        super().__init__(
            choices=choices, required=False, error_messages={"invalid_choice": gone, "invalid_list": gone}, **options
        )


class PolicyForm(Bound):
    """The policy as a whole: its name and place, to whom it applies, and what goes on after the last step."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        error_messages={
            "required": gettext_lazy("Give the policy a name that people will know it by."),
            "max_length": gettext_lazy("This name is longer than 80 characters. Please shorten it."),
        },
    )
    place = forms.ChoiceField(
        label=gettext_lazy("Place in the list"),
        error_messages={"invalid_choice": gettext_lazy("The list has become shorter. Choose the place again.")},
        help_text=gettext_lazy("The first policy that fits a ticket gives its targets."),
    )
    place_was = forms.CharField(required=False, max_length=9, widget=forms.HiddenInput)
    hubs = Boxes(label=gettext_lazy("Hubs"), choices=())
    channels = Boxes(label=gettext_lazy("Channels"), choices=Channel.choices)
    roles = Boxes(label=gettext_lazy("Who asks"), choices=RequesterRole.choices)
    severities = Boxes(label=gettext_lazy("Severity"), choices=Severity.choices)
    plans = Boxes(label=gettext_lazy("Plans"), choices=Tier.choices)
    accounts = Boxes(label=gettext_lazy("Accounts"), choices=())
    add_account = forms.CharField(label=gettext_lazy("Another account"), required=False, max_length=160)
    repeat_minutes = WholeNumber(
        label=gettext_lazy("Repeat, minutes"),
        least=0,
        most=LONGEST_REPEAT,
        required=False,
        wrong=gettext_lazy("A whole number of minutes, up to 10080 (a week). Empty: no reminders."),
    )
    repeat_recipients = Boxes(label=gettext_lazy("Reminders go to"), choices=list(RECIPIENTS_SHORT.items()))
    note = forms.CharField(
        label=gettext_lazy("Why, for the list of versions"),
        required=False,
        max_length=200,
        error_messages={"max_length": gettext_lazy("This is longer than 200 characters. Please shorten it.")},
    )

    def __init__(self, data: MultiValueDict, *, choices: Choices) -> None:
        super().__init__(data, auto_id="id_%s")
        self.taken = {row.name.casefold() for row in choices.others}
        self.fields["place"].choices = choices.places
        self.fields["hubs"].choices = choices.hubs
        chosen = numbers(data.getlist("accounts"))
        known = dict(Account.objects.filter(pk__in=chosen).values_list("pk", "name")) if chosen else {}
        gone = _("Account that is gone (%(number)s)")
        self.known_accounts = frozenset(str(pk) for pk in known)
        self.fields["accounts"].choices = [(str(pk), known.get(pk) or gone % {"number": pk}) for pk in chosen]

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if name.casefold() in self.taken:
            raise ValidationError(_("Another policy is called that already. Choose another name."))
        return name

    def clean_accounts(self) -> list[int]:
        chosen = self.cleaned_data["accounts"]
        if not set(chosen) <= self.known_accounts:
            raise ValidationError(_("An account that you chose is not there any more. Take its tick away."))
        return [int(pk) for pk in chosen]

    def clean_add_account(self) -> Account | None:
        return find_account(self.cleaned_data["add_account"])


def find_account(text: str) -> Account | None:
    """The account of this name, in any case; None for no text. ValidationError that suggests others."""
    text = text.strip()
    if not text:
        return None
    found = Account.objects.filter(name__iexact=text).first()
    if found:
        return found
    like = list(suggested(text[:3]).values_list("name", flat=True)[:3])
    message = _("There is no account “%(name)s”.") % {"name": text}
    if like:
        message += " " + _("There is: %(names)s.") % {"names": ", ".join(f"“{name}”" for name in like)}
    raise ValidationError(message)


def suggested(text: str) -> Any:
    """Accounts whose names begin like this."""
    return (
        Account.objects.filter(name__istartswith=text.strip())[:SUGGESTIONS] if text.strip() else Account.objects.none()
    )


class TargetForm(Bound):
    """One metric's target; without an amount it has none."""

    amount = WholeNumber(
        least=1,
        most=None,
        required=False,
        wrong=gettext_lazy("A whole number from 1. Leave it empty for no target."),
    )
    unit = forms.ChoiceField(choices=[*UNITS, ODD_UNIT])
    promise = forms.ChoiceField(choices=PROMISES)
    hours = forms.ChoiceField(choices=list(HOURS.items()))

    def __init__(self, data: MultiValueDict, *, metric: str, label: Any) -> None:
        super().__init__(data, prefix=metric, auto_id="id_%s")
        self.metric, self.label = Metric(metric), label
        if self["unit"].value() != ODD_UNIT[0]:
            self.fields["unit"].choices = UNITS
        for name, what in (
            ("amount", _("%(metric)s: how long")),
            ("unit", _("%(metric)s: unit")),
            ("promise", _("%(metric)s: promise")),
            ("hours", _("%(metric)s: hours that count")),
        ):
            self.fields[name].label = what % {"metric": label}
            self.fields[name].widget.attrs["aria-label"] = self.fields[name].label

    @property
    def of_channel(self) -> str:
        """`Phone only`, where the tickets of one channel start this metric."""
        only = _("%(channel)s only")
        found = (channel for channel, metric in FIRST_METRIC.items() if metric == self.metric)
        return next((only % {"channel": channel.label} for channel in found), "")

    @property
    def is_empty(self) -> bool:
        return not str(self["amount"].value() or "").strip()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        amount, unit = data.get("amount"), data.get("unit")
        if amount is None or unit is None:
            return data
        if amount * SECONDS.get(unit, DAY) > LONGEST_TARGET * DAY:
            self.add_error(
                "amount", _("That is more than %(count)d days. Nobody would wait so long.") % {"count": LONGEST_TARGET}
            )
        guaranteed, always = data.get("promise") == Promise.GUARANTEED, data.get("hours") == Hours.ALWAYS
        if guaranteed and not always:
            text = _("A guarantee counts day and night. Choose “Always open”, or make it an objective.")
            self.add_error("hours", text)
        elif always and unit == "days":
            text = _("Where it is always open there are no business days. Give hours, or choose the account’s hours.")
            self.add_error("unit", text)
        return data

    @property
    def terms(self) -> TargetTerms | None:
        """The target of a valid form."""
        data = self.cleaned_data
        if data["amount"] is None:
            return None
        days = data["unit"] == "days"
        return TargetTerms(
            metric=self.metric,
            promise=Promise(data["promise"]),
            hours=Hours(data["hours"]),
            target=Target(business_days=data["amount"])
            if days
            else Target(seconds=data["amount"] * SECONDS[data["unit"]]),
        )


class StepForm(Bound):
    """One step of the ladder."""

    percent = WholeNumber(
        least=1,
        most=HIGHEST_PERCENT,
        wrong=gettext_lazy("A whole number from 1 to 1000."),
        label=gettext_lazy("Per cent of the target’s time"),
    )
    recipients = Boxes(label=gettext_lazy("Who is told"), choices=list(RECIPIENTS_SHORT.items()))
    ways = Boxes(label=gettext_lazy("How they are told"), choices=list(WAYS.items()))
    raise_priority = forms.BooleanField(label=gettext_lazy("Raise priority"), required=False)
    team = forms.ChoiceField(
        label=gettext_lazy("Assign to a team"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("This team is not there any more. Choose another one.")},
    )

    def __init__(self, data: MultiValueDict, *, key: int, number: int, teams: list[tuple[str, str]]) -> None:
        super().__init__(data, prefix=f"step{key}", auto_id="id_%s")
        self.key, self.number = key, number
        self.fields["team"].choices = [("", pgettext_lazy("assign to a team", "Assign to no team")), *teams]
        self.fields["percent"].error_messages["required"] = _("Say when: a percentage of the target’s time.")
        self.fields["percent"].widget.attrs["aria-label"] = self.named(self.fields["percent"].label)
        self.fields["percent"].widget.attrs["autofocus"] = not str(self["percent"].value() or "")
        self.fields["team"].widget.attrs["aria-label"] = self.named(self.fields["team"].label)
        self.percent_before: int | None = None  # of the step before, once that is known

    def named(self, what: Any) -> str:
        return _("Step %(number)d: %(what)s") % {"number": self.number, "what": what}

    @property
    def who_label(self) -> str:
        return self.named(self.fields["recipients"].label)

    @property
    def how_label(self) -> str:
        return self.named(self.fields["ways"].label)

    def clean_percent(self) -> int:
        percent, before = self.cleaned_data["percent"], self.percent_before
        if before is not None and percent == before:
            raise ValidationError(
                _("%(percent)d %% is there already: tell more people in that step, or change one."),
                params={"percent": percent},
            )
        if before is not None and percent < before:
            raise ValidationError(
                _("Steps come in order: after %(before)d %% this one needs more."), params={"before": before}
            )
        return percent

    def clean_recipients(self) -> list[str]:
        if not self.cleaned_data["recipients"]:
            raise ValidationError(_("Choose at least one to tell."))
        return self.cleaned_data["recipients"]

    def clean_ways(self) -> list[str]:
        if not self.cleaned_data["ways"]:
            raise ValidationError(_("Choose at least one way to tell them."))
        return self.cleaned_data["ways"]

    @property
    def step(self) -> Step:
        """The step of a valid form."""
        data = self.cleaned_data
        return Step(
            percent=data["percent"],
            recipients=in_order(Recipient, data["recipients"]),
            ways=in_order(Way, data["ways"]),
            raise_priority=data["raise_priority"],
            assign_team=int(data["team"]) if data["team"] else None,
        )


def in_order(kind: Any, values: Iterable[str]) -> tuple[Any, ...]:
    chosen = set(values)
    return tuple(value for value in kind if value in chosen)
