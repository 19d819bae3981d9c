"""The customer's forms. What is wrong is said beside the field, with everything typed kept (SPEC 2.9)."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from helpdesk.portal.formkeys import FILES, KEY, new_key
from helpdesk.portal.language import ENGLISH, guess_language
from helpdesk.portal.layout import Box, Columns
from helpdesk.portal.promises import Offers
from helpdesk.subscriptions.entitlement import Entitlement
from helpdesk.tickets.claims import Affected, Workaround

SUBJECT_LENGTH = 160
BODY_LENGTH = 20_000
MOST_COPIES = 10
LONGEST_ADDRESS = 254  # what a mail server takes (RFC 5321), and the column holds
WAITING_FILES = Field(FILES, template="portal/parts/files.html")
CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")


class FilesInput(forms.FileInput):
    """Several at once. What is chosen is put up before the form is looked at (`drafts.Desk`), so it reads nothing."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> None:
        return None


def files_field() -> forms.Field:
    return forms.Field(
        label=_("Attachments"), required=False, widget=FilesInput(attrs={"multiple": True, "class": "in-files"})
    )


class TextField(forms.CharField):
    """Text as people read it: one kind of line ending, no control characters (a pasted log has some)."""

    default_error_messages = {
        "max_length": _("This is too long: %(show_value)d characters, and %(limit_value)d fit. Shorten it."),
        "null_characters_not_allowed": _("This holds characters that aren't text. Delete them, or paste it as text."),
    }

    def to_python(self, value: Any) -> str:
        text = CONTROL.sub("", super().to_python(value).replace("\r\n", "\n").replace("\r", "\n"))
        return text if INVISIBLE.sub("", text) else self.empty_value


class LineField(TextField):
    """Text of one line: line breaks and runs of blanks become one blank."""

    def to_python(self, value: Any) -> str:
        return " ".join(super().to_python(value).split())


class AddressesField(LineField):
    """Addresses, separated by commas, semicolons or blanks. Any valid address may be put in copy."""

    def clean(self, value: Any) -> list[str]:
        found: dict[str, None] = {}
        for part in re.split(r"[,;\s]+", super().clean(value)):
            if part:
                self._check(part)
                found.setdefault(part.lower())
        if len(found) > MOST_COPIES:
            raise ValidationError(
                _("At most %(most)d people can be in copy; these are %(count)d."),
                params={"most": MOST_COPIES, "count": len(found)},
            )
        return list(found)

    def _check(self, address: str) -> None:
        try:
            if len(address) > LONGEST_ADDRESS:
                raise ValidationError("too long")
            validate_email(address)
        except ValidationError:
            raise ValidationError(
                _("“%(address)s” isn't a complete e-mail address. Write it like name@company.com."),
                params={"address": address[:80]},
            ) from None


class WallTimeField(forms.DateTimeField):
    """A time on the reader's clock, such as anybody can give: also in the hour that comes twice when
    summer time ends (the first one is meant), or in the one that is skipped when it begins."""

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):  # where each time comes once
            given = super().to_python(value)
        return timezone.make_aware(given.replace(tzinfo=None)) if given else None


class OnceForm(forms.Form):
    """A form whose hidden key makes one thing of it, however often it is sent."""

    key = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        self.key_is_valid = data is None or bool(KEY.fullmatch(data.get("key", "")))
        if not self.key_is_valid:
            data = data.copy()
            data["key"] = new_key()
        super().__init__(data, **kwargs)
        self.fields["key"].initial = new_key

    def take_key(self, key: str) -> None:
        self.data = self.data.copy()
        self.data["key"] = key

    def renew(self, key: str = "") -> None:
        """Take a new key, for a text that differs from the one that this form sent before."""
        self.take_key(key or new_key())
        self.add_error(None, _("An earlier text was sent with this form already. Send again to add this one."))

    def clean_key(self) -> str:
        if not self.key_is_valid:
            raise ValidationError(_("This form had run out. Everything you typed is still here: press Send again."))
        return self.cleaned_data["key"]


class TicketForm(OnceForm):
    """Write to a specialist (SPEC 2.7). The critical part exists for people who may claim it only."""

    hub = forms.ChoiceField(
        label=_("Hub"),
        error_messages={
            "required": _("Choose the hub that the question is about."),
            "invalid_choice": _("Choose one of the hubs in the list: they are the ones that you are covered for."),
        },
    )
    subject = LineField(
        label=_("Subject"),
        max_length=SUBJECT_LENGTH,
        error_messages={"required": _("Say in a few words what it is about.")},
    )
    body = TextField(
        label=_("What happens?"),
        help_text=_("What you did, what you expected, what came instead. Addresses of pages help."),
        max_length=BODY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Describe what happens, so that a specialist can begin.")},
    )
    critical = forms.BooleanField(label=_("Business-critical issue"), required=False)
    affected = forms.ChoiceField(
        label=_("Who is affected?"), choices=Affected, required=False, widget=forms.RadioSelect
    )
    since = WallTimeField(
        label=_("Since when?"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": _("Give a date and a time, such as 2026-11-24 13:40.")},
    )
    process = LineField(label=_("Which process has stopped?"), required=False, max_length=200)
    workaround = forms.ChoiceField(
        label=_("Is there a way round it?"), choices=Workaround, required=False, widget=forms.RadioSelect
    )
    cc = AddressesField(
        label=_("Colleagues in copy"),
        required=False,
        max_length=2000,
        help_text=_("Up to 10 e-mail addresses, separated by commas. They get every reply by e-mail."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email"}),
    )
    files = files_field()
    # What the reader was warned about: sent along with the warning, so that the next Send goes through.
    warned = forms.CharField(widget=forms.HiddenInput, required=False, max_length=8)

    CRITICAL = {
        "affected": _("Choose who is affected."),
        "since": _("Say since when, even if roughly."),
        "process": _("Name the process that has stopped."),
        "workaround": _("Choose whether there is a way round it."),
    }

    def __init__(
        self, *args: Any, entitled: Sequence[Entitlement], may_claim: bool, now: datetime, own: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.own, self.may_claim = now, own.lower(), may_claim
        hubs = [(row.hub.pk, row.hub.name) for row in entitled]
        self.fields["hub"].choices = hubs if len(hubs) == 1 else [("", _("Choose a hub")), *hubs]
        if not may_claim:
            for name in ("critical", *self.CRITICAL):
                del self.fields[name]
        for name in self.CRITICAL:
            if name in self.fields:
                self.fields[name].is_conditional = True  # not marked optional: needed once the box is ticked
        self.language = ENGLISH
        self.needs_warning = False

    def explain_critical(self, offers: Offers) -> None:
        """Say beside the box what it changes."""
        if offers.critical and offers.standard:
            words = {"critical": offers.critical.within, "standard": offers.standard.within}
            self["critical"].help_text = (
                _("Reply guaranteed within %(critical)s instead of %(standard)s. A specialist confirms it.") % words
            )

    @property
    def language_name(self) -> str:
        """The language that the text seems to be in, as the reader calls it; empty when that isn't known."""
        try:
            return get_language_info(self.language)["name_translated"]
        except KeyError:
            return ""

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        parts = [
            "key",
            "warned",
            Div("hub", "subject", "body", HTML("{% include 'portal/parts/language.html' %}"), css_class="card form"),
        ]
        if self.may_claim:
            parts.append(
                Box(
                    "critical", "affected", Columns("since", "process"), "workaround", more="portal/parts/critical.html"
                )
            )
        helper.layout = Layout(*parts, Div(WAITING_FILES, "cc", css_class="card form"))
        return helper

    def clean_cc(self) -> list[str]:
        """The requester gets every mail anyway."""
        return [address for address in self.cleaned_data["cc"] if address != self.own]

    def clean_since(self) -> datetime | None:
        since = self.cleaned_data["since"]
        if since and since > self.now + timedelta(minutes=5):
            raise ValidationError(_("This time still lies ahead. Since when has it been so?"))
        if since and since < self.now - timedelta(days=366):
            raise ValidationError(_("This is more than a year ago. Check the date."))
        return since

    def clean(self) -> None:
        data = self.cleaned_data
        if data.get("critical"):
            for name, message in self.CRITICAL.items():
                if name not in self.errors and not data.get(name):
                    self.add_error(name, message)
        else:  # what is closed counts for nothing, whatever it holds
            for name in self.CRITICAL:
                self.errors.pop(name, None)
        self.language = guess_language(f"{data.get('subject', '')}\n{data.get('body', '')}")
        self.needs_warning = self.language not in (ENGLISH, data.get("warned"))

    def warn(self) -> None:
        """Show the warning about the language; the next Send counts as knowing it."""
        self.data = self.data.copy()
        self.data["warned"] = self.language

    @property
    def claim_facts(self) -> dict[str, str]:
        """The guided answers, as `tickets.claims` keeps them."""
        if not self.cleaned_data.get("critical"):
            return {}
        facts = {name: self.cleaned_data[name] for name in self.CRITICAL}
        return facts | {"since": facts["since"].isoformat()}


class ReplyForm(OnceForm):
    """A further message to the specialist."""

    body = TextField(
        label=_("Reply"),
        max_length=BODY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Write something first.")},
    )
    files = files_field()

    def __init__(self, *args: Any, is_needed: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].required = is_needed

    @property
    def helper(self) -> FormHelper:
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.layout = Layout("key", "body", WAITING_FILES)
        return helper


class SearchForm(forms.Form):
    """The filter of the list. What it cannot use it leaves out: a filter is no place for an error."""

    STATES = [
        ("", _("Open, closed lately")),
        ("open", _("Open")),
        ("waiting", _("Waiting for you")),
        ("closed", _("Closed")),
    ]

    q = LineField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Number, subject or text")}),
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)
    PERIODS = [
        ("", _("At any time")),
        ("7", _("In the last 7 days")),
        ("30", _("In the last 30 days")),
        ("365", _("In the last 12 months")),
    ]

    hub = forms.ChoiceField(label=_("Hub"), required=False)
    opened = forms.ChoiceField(label=_("Opened"), required=False, choices=PERIODS)
    whose = forms.ChoiceField(required=False, choices=[("mine", ""), ("all", "")], widget=forms.HiddenInput)
    page = forms.IntegerField(required=False, min_value=1, max_value=1000, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, hubs: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["hub"].choices = [("", _("All hubs")), *hubs]
