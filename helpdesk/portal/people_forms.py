"""Forms about people: asking somebody to join, joining, another role, one's own profile."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Membership, RequesterRole, User
from helpdesk.portal.forms import LineField

ROLES = [
    (RequesterRole.DESIGNATED, _("Designated super admin: guaranteed reply times")),
    (RequesterRole.SUPER_ADMIN, _("Super admin: sees all tickets, looks after people")),
    (RequesterRole.USER, _("User: sees their own tickets")),
]


class RoleField(forms.ChoiceField):
    """Role and designation as one choice; cleaned into the two columns of a membership."""

    widget = forms.RadioSelect

    def __init__(self, **options: Any) -> None:
        super().__init__(label=_("Role"), choices=ROLES, **options)

    def clean(self, value: Any) -> dict[str, Any]:
        chosen = super().clean(value)
        role = Membership.Role.USER if chosen == RequesterRole.USER else Membership.Role.SUPER_ADMIN
        return {"role": role, "is_designated": chosen == RequesterRole.DESIGNATED}


class ZoneField(forms.CharField):
    """A time zone of the IANA database, chosen from a list that one may type into."""

    widget = forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(label=_("Time zone"), max_length=64, **options)

    def clean(self, value: Any) -> str:
        zone = super().clean(value)
        if zone not in available_timezones():
            raise ValidationError(
                _("“%(zone)s” is not a time zone. Choose one of the list, such as Europe/Berlin."),
                params={"zone": zone},
            )
        return zone


class AddressField(forms.EmailField):
    """One address, kept in small letters."""

    default_error_messages = {
        "required": _("Enter the e-mail address of the person."),
        "invalid": _("This isn't a complete e-mail address. Write it like name@company.com."),
    }

    def clean(self, value: Any) -> str:
        return super().clean(value).lower()


class InviteForm(forms.Form):
    email = AddressField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = RoleField()
    language = forms.ChoiceField(label=_("Language of the invitation"), choices=settings.LANGUAGES)


class RoleForm(forms.Form):
    role = RoleField()


class JoinForm(forms.Form):
    """What a person says who is new here."""

    full_name = LineField(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter your name, as colleagues and specialists should read it.")},
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 10 characters. A sentence that only you would think of is a good one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False),
        error_messages={"required": _("Choose a password.")},
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = ZoneField(help_text=_("All times are shown in it."))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> None:
        password = self.cleaned_data.get("password")
        if password:
            person = User(email=self.email, full_name=self.cleaned_data.get("full_name", ""))
            try:
                validate_password(password, person)
            except ValidationError as wrong:
                self.add_error("password", wrong)


class ProfileForm(forms.Form):
    """A customer's own settings."""

    full_name = LineField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter your name, as colleagues and specialists should read it.")},
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, help_text=_("Of the pages, and of the mails that you get.")
    )
    time_zone = ZoneField(help_text=_("All times are shown in it."))
    mail_copies = forms.BooleanField(
        label=_("Replies to tickets that I am in copy of"),
        required=False,
        help_text=_("Replies to your own tickets always come."),
    )
    mail_all = forms.BooleanField(
        label=_("Replies to all tickets of the account"),
        required=False,
        help_text=_("For super admins: every reply to your colleagues, too."),
    )

    def __init__(self, *args: Any, is_super_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_super_admin:
            del self.fields["mail_all"]
