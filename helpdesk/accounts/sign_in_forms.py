"""Signing in with an address and a password."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from helpdesk.accounts.company_sign_in import required_for
from helpdesk.accounts.providers import IdentityProvider


class LoginForm(AllauthLoginForm):
    """Where a company requires its own sign-in, a password of its addresses opens nothing, right or wrong.

    Staff with such an address come in nevertheless: somebody must, when a provider is down.
    """

    company: IdentityProvider | None = None

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
