"""What a customer fills in on a ticket after sending it (SPEC 2.7)."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Layout
from django import forms
from django.utils.translation import gettext_lazy as _

from helpdesk.portal.forms import BODY_LENGTH, AddressesField, OnceForm, TextField, TicketForm
from helpdesk.portal.layout import Columns
from helpdesk.tickets.models import Rating

REASON_LENGTH = 2000


class PlainForm(forms.Form):
    """A form whose tag, token and buttons the template writes."""

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper


class EscalateForm(PlainForm):
    reason = TextField(
        label=_("Why?"),
        help_text=_("A manager reads this and answers you here."),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "in-low"}),
        error_messages={"required": _("Say why: the manager reads it.")},
    )


class CopiesForm(PlainForm):
    add = AddressesField(
        label=_("Add in copy"),
        help_text=_("E-mail addresses, separated by commas. They get every reply by e-mail."),
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
        error_messages={"required": _("Write at least one e-mail address.")},
    )


class ReopenForm(OnceForm, PlainForm):
    reason = TextField(
        label=_("What is still open?"),
        help_text=_("The specialist reads it as your next message."),
        max_length=BODY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "in-low"}),
        error_messages={"required": _("Say what is still open, so that a specialist can go on.")},
    )


class RatingForm(PlainForm):
    score = forms.TypedChoiceField(
        label=_("How well did we help?"),
        choices=Rating.Score,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose one of the five."),
            "invalid_choice": _("Choose one of the five."),
        },
    )
    comment = TextField(
        label=_("What was good, or what should be better?"),
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "in-low"}),
    )


class CriticalForm(PlainForm):
    """Ask for *business critical* later: the same guided questions as before sending, all of them needed."""

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        for name, message in TicketForm.CRITICAL.items():
            self.fields[name] = field = deepcopy(TicketForm.base_fields[name])
            field.required = True
            field.error_messages["required"] = message

    clean_since = TicketForm.clean_since

    @property
    def helper(self) -> FormHelper:
        helper = super().helper
        helper.layout = Layout(
            HTML("{% include 'portal/parts/critical.html' %}"),
            Div("affected", Columns("since", "process"), "workaround", css_class="form"),
        )
        return helper

    @property
    def claim_facts(self) -> dict[str, str]:
        """The answers, as `tickets.claims` keeps them."""
        return {**self.cleaned_data, "since": self.cleaned_data["since"].isoformat()}
