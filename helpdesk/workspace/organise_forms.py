"""What is typed to put tickets in order."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Ticket, TicketLink, TimeEntry
from helpdesk.tickets.services import MOST_MINUTES, How
from helpdesk.workspace.ticket_forms import (
    AFTER_REPLY,
    LONGEST_MESSAGE,
    LONGEST_REASON,
    PlainText,
    new_submission,
)

TOO_LONG = {
    "max_length": gettext_lazy("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it.")
}
# `PS-12`, `#12`, `12`, or the address of its page.
REFERENCE = re.compile(r"(?:.*/ticket/|ps-|#)?(\d{1,18})(?:/.*)?", re.IGNORECASE)


class TicketField(forms.CharField):
    """Another ticket, by its reference; one that this person may see."""

    default_error_messages = {"required": gettext_lazy("Say which ticket: PS-12, say.")}

    def __init__(self, *, user: User, but: Ticket, **options: Any) -> None:
        self.user, self.but = user, but
        super().__init__(**options)

    def clean(self, value: Any) -> Ticket:
        text = super().clean(value)
        found = REFERENCE.fullmatch(text)
        related = ("account", "hub", "requester", "owner", "team")
        tickets = Ticket.objects.visible_to(self.user).select_related(*related)
        ticket = tickets.filter(pk=int(found[1])).first() if found else None
        if ticket is None:
            raise forms.ValidationError(_("There is no ticket “%(text)s”. Write it as PS-12.") % {"text": text[:40]})
        if ticket.pk == self.but.pk:
            raise forms.ValidationError(_("That is this ticket. Choose another one."))
        return ticket


class OtherForm(forms.Form):
    """Which other ticket is meant."""

    def __init__(self, *args: Any, user: User, ticket: Ticket, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["other"] = TicketField(user=user, but=ticket)

    @property
    def chosen(self) -> Ticket | None:
        """The ticket, however wrong the rest is."""
        return self.cleaned_data.get("other") if self.is_bound and not self["other"].errors else None


class ReasonForm(forms.Form):
    """Why; whoever reads the history reads it."""

    reason = PlainText(
        max_length=LONGEST_REASON,
        error_messages={"required": gettext_lazy("Say why: it stays in the history."), **TOO_LONG},
    )


class LinkForm(OtherForm):
    kind = forms.ChoiceField(choices=TicketLink.Kind.choices, initial=TicketLink.Kind.RELATED)


class SplitForm(forms.Form):
    """Which messages go into a ticket of their own, and what it is about."""

    subject = forms.CharField(
        max_length=Ticket._meta.get_field("subject").max_length,
        error_messages={"required": gettext_lazy("Give the new ticket a subject."), **TOO_LONG},
    )
    messages = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": gettext_lazy("Choose at least one message.")}
    )
    submission = forms.RegexField(r"^[0-9a-f]{32}$", required=False)

    def __init__(self, *args: Any, messages: list[Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["messages"].choices = [(message.pk, "") for message in messages]

    def clean_submission(self) -> str:
        return self.cleaned_data["submission"] or new_submission()


class SubjectForm(forms.Form):
    subject = forms.CharField(
        max_length=Ticket._meta.get_field("subject").max_length,
        error_messages={"required": gettext_lazy("A ticket needs a subject."), **TOO_LONG},
    )


class HandOutForm(forms.Form):
    how = forms.ChoiceField(choices=[(how.value, how.value) for how in How])


class TimeForm(forms.Form):
    """Minutes, or hours and minutes: `25`, `1:30`."""

    minutes = forms.CharField(error_messages={"required": gettext_lazy("Write the minutes: 25, or 1:30.")})
    note = forms.CharField(
        required=False, max_length=TimeEntry._meta.get_field("note").max_length, error_messages=TOO_LONG
    )

    submission = forms.RegexField(r"^[0-9a-f]{32}$", required=False)

    def clean_minutes(self) -> int:
        found = re.fullmatch(r"(?:(\d{1,2}):)?(\d{1,4})", self.cleaned_data["minutes"].strip())
        if not found or (found[1] and int(found[2]) > 59):
            raise forms.ValidationError(_("Write the minutes: 25, or 1:30."))
        minutes = int(found[1] or 0) * 60 + int(found[2])
        if not 1 <= minutes <= MOST_MINUTES:
            raise forms.ValidationError(_("Between one minute and a day."))
        return minutes


class IncidentReplyForm(forms.Form):
    """One reply to all tickets of an incident, or to some of them."""

    body = PlainText(
        max_length=LONGEST_MESSAGE,
        error_messages={
            "required": gettext_lazy("There is nothing to send yet. Write your message first."),
            **TOO_LONG,
        },
    )
    tickets = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": gettext_lazy("Choose at least one ticket.")}
    )
    status = forms.ChoiceField(choices=[(status.value, status.label) for status in AFTER_REPLY])
    submission = forms.RegexField(r"^[0-9a-f]{32}$", required=False)

    def __init__(self, *args: Any, tickets: list[int], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["tickets"].choices = [(pk, "") for pk in tickets]

    def clean_submission(self) -> str:
        return self.cleaned_data["submission"] or new_submission()
