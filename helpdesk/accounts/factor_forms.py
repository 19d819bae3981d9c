"""Forms of allauth's for second factors, in this product's words."""

import logging
from typing import Any

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.factors import Factors
from helpdesk.accounts.security import recovery_code_used
from helpdesk.core.middleware import incident_number
from helpdesk.core.sealing import LostKey

log = logging.getLogger(__name__)
LONGEST_NAME = 60
# What allauth and fido2 raise for a credential that a program made up.
MADE_UP = (AttributeError, IndexError, KeyError, TypeError, ValueError)
DIGITS = {"inputmode": "numeric", "autocomplete": "one-time-code"}


class _Passkey:
    """What a browser brought instead of a code; anything may stand in its place."""

    refusal = _("The key that was used isn't known here any more. Use another one.")

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except ValidationError as error:
            if getattr(error, "code", "") != "incorrect_code":
                raise  # too many attempts
            raise ValidationError(self.refusal) from error
        except MADE_UP as error:
            raise ValidationError(self.refusal) from error


class PasskeyLoginForm(_Passkey, LoginWebAuthnForm):
    refusal = _(
        "This passkey isn't known here any more. Sign in with your password, and remove the passkey from your device."
    )


class PasskeyForm(_Passkey, AuthenticateWebAuthnForm):
    pass


class PasskeyAgainForm(_Passkey, ReauthenticateWebAuthnForm):
    pass


class AddPasskeyForm(AddWebAuthnForm):
    """A key that signs one in by itself is what most people want: that is the choice beforehand."""

    name = forms.CharField(
        label=_("Name of the key"), required=False, widget=forms.TextInput(attrs={"maxlength": LONGEST_NAME})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        without = self.fields["passwordless"]
        without.label, without.initial = _("Sign in without a password"), True
        without.help_text = _("Needs a device that asks for your finger, your face or a number.")

    def clean_name(self) -> str:
        """Cut rather than refused: the device has made the key already."""
        return super().clean_name()[:LONGEST_NAME]

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except (ValidationError, *MADE_UP) as error:
            words = _("The key couldn't be added: it took too long, or it isn't protected by a finger, face or number.")
            raise ValidationError(words) from error


class RenamePasskeyForm(EditWebAuthnForm):
    name = forms.CharField(label=_("Name of the key"), max_length=LONGEST_NAME)


class SetUpAppForm(ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("The six digits")
        self.fields["code"].widget.attrs |= DIGITS


class _Code:
    """Whether the code is right; where that can't be told any more, the form says so, and nobody comes in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.factors = Factors(self.user)
        if not self.factors.has_app:
            self.fields["code"].label = _("Recovery code")
        self.fields["code"].widget.attrs |= DIGITS

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        try:
            return super().clean_code()
        except LostKey as lost:
            log.error("second factor of user %s: %s", self.user.pk, lost)
            words = _(
                "Codes can't be checked at present; it isn't your mistake, and our operators can see it. "
                "Use a passkey if you have one, or try again later. Incident number %(number)s."
            )
            raise ValidationError(words % {"number": incident_number.get()}) from lost
        except ValidationError as error:
            if getattr(error, "code", "") != "incorrect_code":
                raise  # too many attempts
            raise ValidationError(self._wrong(code)) from error

    def _wrong(self, code: str) -> str:
        if self._was_used(code):
            return _("This recovery code was used already. Each works once: take another.")
        if self.factors.has_app:
            return _("The code isn't right. Your app shows a new one every half minute.")
        return _("The code isn't right.")

    def _was_used(self, code: str) -> bool:
        """Whether it is one of this person's recovery codes, which was right once."""
        for row in self.factors.rows:
            if row.type == Authenticator.Type.RECOVERY_CODES and "used_mask" in row.data:
                every, unused = row.wrap().generate_codes(), row.wrap().get_unused_codes()
                return any(compare_user_code(actual=code, expected=one) for one in every if one not in unused)
        return False

    def save(self) -> None:
        super().save()
        if self.authenticator.type == Authenticator.Type.RECOVERY_CODES:
            recovery_code_used(context.request, self.user)


class CodeForm(_Code, AuthenticateForm):
    pass


class CodeAgainForm(_Code, ReauthenticateForm):
    pass
