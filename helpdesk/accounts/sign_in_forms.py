"""Forms of allauth's about addresses and passwords, in this product's words."""

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.company_sign_in import required_for
from helpdesk.accounts.providers import IdentityProvider

NEW = gettext_lazy("New password")
AGAIN = gettext_lazy("The same again")
HINT = gettext_lazy("At least 10 characters. A sentence that only you would think of is a good one.")


class LoginForm(allauth_forms.LoginForm):
    """Where a company requires its own sign-in, a password of its addresses opens nothing, right or wrong.

    Staff with such an address come in nevertheless: somebody must, when a provider is down.
    """

    company: IdentityProvider | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = gettext_lazy("E-mail address")
        self.fields["remember"].label = gettext_lazy("Stay signed in on this device")

    def clean(self) -> dict[str, Any] | None:
        self.company = required_for(str(self.data.get(self.add_prefix("login"), "")))
        try:
            data = super().clean()
        except ValidationError:
            if self.company:
                raise self._refusal() from None
            raise
        if self.company and self.user is not None and not self.user.is_staff:
            raise self._refusal()
        return data

    def _refusal(self) -> ValidationError:
        words = _("Addresses of this domain sign in through %(company)s, without a password here.")
        return ValidationError(words % {"company": self.company})


class ResetForm(allauth_forms.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = gettext_lazy("E-mail address")


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = gettext_lazy("Current password")
        _name_new(self)


class SetPasswordForm(allauth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new(self)


class NewPasswordForm(allauth_forms.ResetPasswordKeyForm):
    """Behind the link of the mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new(self)


def _name_new(form: forms.Form) -> None:
    form.fields["password1"].label, form.fields["password1"].help_text = NEW, HINT
    form.fields["password2"].label = AGAIN
