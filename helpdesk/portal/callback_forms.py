"""The forms of the callback assistant (SPEC 2.7)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.channels.callback.hours import PhoneHours
from helpdesk.channels.callback.numbers import NotANumber, read
from helpdesk.core import moments
from helpdesk.core.zones import zone_of
from helpdesk.portal.forms import SUBJECT_LENGTH, LineField, OnceForm, TextField
from helpdesk.portal.language import guess_language
from helpdesk.sla.target import Interval
from helpdesk.subscriptions.entitlement import Entitlement

NOW, WINDOW = "now", "window"
DETAILS_LENGTH = 5_000


class NumberField(LineField):
    """A telephone number, checked; its value is in E.164."""

    def clean(self, value: Any) -> str:
        try:
            return read(super().clean(value))
        except NotANumber as wrong:
            raise ValidationError(str(wrong)) from None


class TimesForm(OnceForm):
    """Whom to call, where they are, and when. `hours`: what can be chosen; `zone_name`: in which zone it is shown."""

    number = NumberField(
        label=gettext_lazy("Your number"),
        help_text=gettext_lazy("With the country code, +49 for Germany"),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        error_messages={"required": gettext_lazy("Give the number that we call.")},
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        error_messages={"invalid_choice": gettext_lazy("Choose one of the time zones in the list.")},
    )
    when = forms.ChoiceField(
        label=gettext_lazy("When may we call?"),
        choices=[(NOW, gettext_lazy("Now")), (WINDOW, gettext_lazy("In a window"))],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose when we may call.")},
    )
    window = forms.ChoiceField(label=gettext_lazy("Window"), required=False)
    # The zone that the windows were shown in: another one shows them anew before anything is sent.
    shown_zone = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(
        self, *args: Any, hours: PhoneHours, zones: Sequence[str], zone_name: str, now: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.hours, self.now, self.zone_name = hours, now, zone_name
        self.zone_changed = False
        others = sorted(available_timezones() - set(zones))
        yours = [(name, moments.city(name) if "/" in name else name) for name in dict.fromkeys(zones)]
        self.fields["zone"].choices = [(_("Yours"), yours), (_("All time zones"), [(name, name) for name in others])]
        self.fields["zone"].help_text = _("There it is %(time)s now") % {"time": self._at(now)}
        self.windows = hours.windows(zone_of(zone_name), now=now)
        self.fields["window"].choices = self._choices()
        self.fields["window"].is_conditional = True  # not marked optional: needed once the card is chosen
        self.can_now = hours.can_call_now(now)

    def _at(self, at: datetime) -> str:
        with timezone.override(zone_of(self.zone_name)):
            return moments.clock(at)

    def _choices(self) -> list[Any]:
        """The windows by day, each called by the time of day it has where the customer is."""
        days: dict[str, list[tuple[str, str]]] = {}
        with timezone.override(zone_of(self.zone_name)):
            for begin, end in self.windows:
                twice = (
                    timezone.localtime(begin).replace(fold=0).utcoffset()
                    != timezone.localtime(begin).replace(fold=1).utcoffset()
                )
                label = f"{moments.clock(begin)} – {moments.clock(end)}"
                label += f" ({moments.offset(begin)})" if twice else ""
                days.setdefault(moments.day(begin), []).append((begin.isoformat(), label))
        return list(days.items())

    @property
    def mark_zone(self) -> dict[str, str]:
        """For the hidden field that says in which zone the windows are shown."""
        return {"name": self.add_prefix("shown_zone"), "value": self.zone_name}

    def clean(self) -> None:
        data = self.cleaned_data
        if data.get("when") == NOW and not self.can_now:
            self.add_error("when", _("Nobody can call at this hour. Choose a window."))
        if data.get("when") != WINDOW:
            self.errors.pop("window", None)
            return
        if data.get("shown_zone") and data["shown_zone"] != self.zone_name:
            self.zone_changed = True
            self.errors.pop("window", None)
            words = {"zone": moments.city(self.zone_name)}
            self.add_error(
                "window", _("The windows are now shown in %(zone)s time. Choose one, and send again.") % words
            )
        elif "window" not in self.errors and not data.get("window"):
            self.add_error("window", _("Choose one of the windows."))
        elif "window" in self.errors:
            del self.errors["window"]
            self.add_error("window", _("This window can't be had any more. Choose another one."))

    @property
    def chosen(self) -> Interval | None:
        """The window as instants; None for now. Of a valid form."""
        return None if self.cleaned_data["when"] == NOW else self._window(self.cleaned_data["window"])

    @property
    def preview(self) -> Interval | None:
        """What is chosen while one fills it in: the window that the promise is shown for; None for now."""
        if self["when"].value() == NOW and self.can_now:
            return None
        return self._window(str(self["window"].value() or "")) or next(iter(self.windows), None)

    def _window(self, value: str) -> Interval | None:
        return next((row for row in self.windows if row[0].isoformat() == value), None)


class CallForm(TimesForm):
    """Ask for a call."""

    hub = forms.ChoiceField(
        label=gettext_lazy("Hub"),
        error_messages={
            "required": gettext_lazy("Choose the hub that the question is about."),
            "invalid_choice": gettext_lazy("Choose one of the hubs in the list: calls are included for them."),
        },
    )
    topic = LineField(
        label=gettext_lazy("What is it about?"),
        max_length=SUBJECT_LENGTH,
        error_messages={"required": gettext_lazy("Say in a few words what it is about.")},
    )
    details = TextField(
        label=gettext_lazy("More, for the specialist to read before"),
        required=False,
        max_length=DETAILS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "in-low"}),
    )
    field_order = ["key", "hub", "topic", "details", "number", "zone", "when", "window", "shown_zone"]

    def __init__(self, *args: Any, entitled: Sequence[Entitlement], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hub"].choices = [(row.hub.pk, row.hub.name) for row in entitled]
        self.fields["hub"].help_text = _("Calls are included for these hubs") if len(entitled) > 1 else ""

    @property
    def language(self) -> str:
        return guess_language(f"{self.cleaned_data['topic']}\n{self.cleaned_data['details']}")

    @property
    def body(self) -> str:
        return self.cleaned_data["details"] or self.cleaned_data["topic"]


class ChangeForm(TimesForm):
    """Another number or time for a call that waits."""
