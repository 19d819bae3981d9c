"""What is typed on the ticket's page."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.tickets.models import Draft, Priority, Status
from helpdesk.tickets.services import Typed
from helpdesk.workspace.lists import numbers

LONGEST_MESSAGE = 20_000
LONGEST_REASON = 2_000
KINDS = [("reply", _("Public reply")), ("note", _("Internal note"))]
AFTER_REPLY = (Status.WAITING, Status.OPEN, Status.SOLVED)
BY_HAND = (Status.OPEN, Status.WAITING, Status.SOLVED)


def new_submission() -> str:
    """A key for one form on one screen: sent twice, it makes one message."""
    return secrets.token_hex(16)


class PlainText(forms.CharField):
    """Text of several lines, with one kind of line end."""

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n").strip()


class ComposeForm(forms.Form):
    """The reply box. `status` is what the button that was pressed says.

    `seen_message` is the last message that its page showed, `saved_at` when the draft was saved as far as the
    page knows. `crossed` is what came in since, once the person has been asked; `stale` a draft that was
    changed on another screen.
    """

    crossed: Sequence[Any] = ()
    stale: Draft | None = None

    kind = forms.ChoiceField(choices=KINDS, initial="reply")
    body = PlainText(
        max_length=LONGEST_MESSAGE,
        error_messages={
            "required": _("There is nothing to send yet. Write your message first."),
            "max_length": _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it."),
        },
    )
    submission = forms.RegexField(r"^[0-9a-f]{32}$", required=False)
    status = forms.ChoiceField(choices=[(status.value, status.label) for status in AFTER_REPLY], required=False)

    also = forms.CharField(required=False, max_length=2_000)  # the other tickets of the incident, if they get it too

    seen_message = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)
    saved_at = forms.CharField(required=False, max_length=40)

    def clean_submission(self) -> str:
        return self.cleaned_data["submission"] or new_submission()

    def clean_also(self) -> list[int]:
        """Ids as the page offered them; what isn't one names no ticket."""
        return numbers(self.cleaned_data["also"].split(","))

    def clean_saved_at(self) -> datetime | None:
        """What isn't an instant is nothing that the page can know."""
        try:
            at = parse_datetime(self.cleaned_data["saved_at"])
        except ValueError:
            return None
        return at if at is None or is_aware(at) else None

    def put(self, **values: Any) -> None:
        """Show other values than those that came in."""
        self.data = self.data.copy()
        for name, value in values.items():
            self.data[name] = value

    @property
    def typed(self) -> Typed:
        said = self.cleaned_data
        return Typed(
            kind=said["kind"],
            body=said["body"],
            status=said["status"],
            submission=said["submission"],
            seen=said["seen_message"],
        )


class DraftForm(ComposeForm):
    """What is in the reply box before it is sent: it may be nothing."""

    overwrite = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["body"].required = False


class JudgeForm(forms.Form):
    """Is it business critical?"""

    verdict = forms.ChoiceField(
        choices=[("confirm", pgettext_lazy("claim", "Confirm")), ("decline", pgettext_lazy("claim", "Decline"))],
        error_messages={"required": _("Choose whether to confirm or to decline.")},
    )
    reason = PlainText(
        max_length=LONGEST_REASON,
        required=False,
        error_messages={
            "max_length": _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it.")
        },
    )


class RaiseForm(forms.Form):
    """Business critical after all; the customer reads why."""

    reason = PlainText(
        max_length=LONGEST_REASON,
        error_messages={
            "required": _("Say why: the customer reads the reason."),
            "max_length": _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it."),
        },
    )


class PriorityForm(forms.Form):
    priority = forms.TypedChoiceField(choices=Priority.choices, coerce=int)


class StatusForm(forms.Form):
    status = forms.ChoiceField(choices=[(status.value, status.label) for status in BY_HAND])
