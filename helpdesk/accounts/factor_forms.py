"""Forms of allauth's, in this product's words."""

import logging
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from helpdesk.core.middleware import incident_number
from helpdesk.core.sealing import LostKey

log = logging.getLogger(__name__)


class AddPasskeyForm(AddWebAuthnForm):
    """A key that signs one in by itself is what most people want: that is the choice beforehand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")
        without = self.fields["passwordless"]
        without.label, without.initial = _("Sign in without a password"), True
        without.help_text = _("Needs a device that asks for your finger, your face or a number.")


class _Code:
    """Whether the code is right; where that can't be told any more, the form says so, and nobody comes in."""

    def clean_code(self) -> str:
        try:
            return super().clean_code()
        except LostKey as lost:
            log.error("second factor of user %s: %s", self.user.pk, lost)
            words = _(
                "Codes can't be checked at present; it isn't your mistake, and our operators can see it. "
                "Use a passkey if you have one, or try again later. Incident number %(number)s."
            )
            raise ValidationError(words % {"number": incident_number.get()}) from lost


class CodeForm(_Code, AuthenticateForm):
    pass


class CodeAgainForm(_Code, ReauthenticateForm):
    pass
