"""What is typed to ask for an exception, and to decide one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from helpdesk.sla.clock import Effect
from helpdesk.sla.models import EFFECTS, Clock, ExceptionCode
from helpdesk.tickets.services import Wish
from helpdesk.workspace.ticket_forms import LONGEST_REASON, PlainText

LONGEST_EVIDENCE = 5_000
MOST = 100_000  # minutes, hours or days; how much is too much the service says
MINUTES, HOURS, DAYS = "minutes", "hours", "days"
UNITS = [(MINUTES, _("minutes")), (HOURS, _("hours")), (DAYS, _("business days"))]
SECONDS = {MINUTES: 60, HOURS: 3600}
# Where the form says what is wrong with a value of the wish.
FIELDS = {"target_seconds": "amount", "target_business_days": "amount"}
TOO_LONG = {"max_length": _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it.")}


class Moment(forms.DateTimeField):
    """A day and a time of the reader's own zone, to the second: deadlines are that exact."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
            error_messages={"invalid": _("Write day and time as 2026-11-23T14:05.")},
            **options,
        )


class ExceptionForm(forms.Form):
    """A request. Which values are needed follows from the effect; the service says what is wrong with them."""

    code = forms.ModelChoiceField(
        ExceptionCode.objects.filter(is_active=True),
        error_messages={
            "required": _("Choose a code."),
            "invalid_choice": _("This code is no longer used. Choose another one."),
        },
    )
    effect = forms.ChoiceField(choices=EFFECTS, error_messages={"required": _("Choose what it does.")})
    out_from = Moment(label=_("Not counted from"))
    out_until = Moment(label=_("Not counted until"))
    since = Moment(label=_("The information arrived"))
    amount = forms.IntegerField(
        label=_("New target"),
        required=False,
        min_value=1,
        max_value=MOST,
        error_messages={"invalid": _("Write a whole number.")},
    )
    unit = forms.ChoiceField(label=_("Unit"), required=False, choices=UNITS)
    evidence = PlainText(
        label=_("Evidence"),
        max_length=LONGEST_EVIDENCE,
        error_messages={"required": _("Give the evidence: an auditor reads it."), **TOO_LONG},
    )

    def __init__(self, *args: Any, clock: Clock, sending: bool = True, **options: Any) -> None:
        """Without `sending` it is only looked at what would come of it: the evidence may be missing yet."""
        super().__init__(*args, **options)
        self.fields["evidence"].required = sending
        self.codes = list(self.fields["code"].queryset)
        if clock.calendar_version_id is None:  # a clock that never stops knows no business days
            self.fields["unit"].choices = UNITS[:2]

    @property
    def chosen(self) -> ExceptionCode | None:
        """The code that is ticked, however wrong the rest is."""
        return next((code for code in self.codes if code.pk == self["code"].value()), None)

    @property
    def effects(self) -> list[dict[str, Any]]:
        """The effects to choose from: those that the ticked code allows; the only one is ticked."""
        allowed = self.chosen.effects if self.chosen else [value for value, _label in EFFECTS]
        ticked = self["effect"].value()
        return [
            {"value": value, "label": label, "is_on": value == ticked or len(allowed) == 1}
            for value, label in EFFECTS
            if value in allowed
        ]

    def clean_code(self) -> ExceptionCode:
        return next(code for code in self.codes if code.pk == self.cleaned_data["code"].pk)

    @property
    def wish(self) -> Wish:
        """What a valid form asks for."""
        data = self.cleaned_data
        amount, unit = data["amount"], data["unit"] or MINUTES
        return Wish(
            effect=Effect(data["effect"]),
            out_from=data["out_from"],
            out_until=data["out_until"],
            since=data["since"],
            target_seconds=amount * SECONDS[unit] if amount and unit != DAYS else None,
            target_business_days=amount if amount and unit == DAYS else None,
        )

    def refuse(self, field: str | None, text: str) -> None:
        """Put what the service said beside its field."""
        self.add_error(FIELDS.get(field, field) if field else None, text)


class DecisionForm(forms.Form):
    """Approve or refuse, with a note."""

    verdict = forms.ChoiceField(choices=[("approve", _("Approve")), ("refuse", _("Refuse"))])
    note = PlainText(required=False, max_length=LONGEST_REASON, error_messages=TOO_LONG)
