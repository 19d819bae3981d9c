"""Forms of allauth's, in this product's words."""

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.utils.translation import gettext_lazy as _


class AddPasskeyForm(AddWebAuthnForm):
    """A key that signs one in by itself is what most people want: that is the choice beforehand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")
        without = self.fields["passwordless"]
        without.label, without.initial = _("Sign in without a password"), True
        without.help_text = _("Needs a device that asks for your finger, your face or a number.")
