"""The second factors of a person: what they have, what must stay, and what is left of the recovery codes."""

from dataclasses import dataclass
from functools import cached_property

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from django.conf import settings

from helpdesk.accounts.models import User

FEW_CODES = 3
CODES = Authenticator.Type.RECOVERY_CODES


@dataclass(frozen=True)
class Factors:
    """One person's; looked up once, and no secret is opened for it."""

    user: User

    @cached_property
    def rows(self) -> list[Authenticator]:
        return list(Authenticator.objects.filter(user_id=self.user.pk).order_by("pk"))

    @property
    def has_app(self) -> bool:
        return any(row.type == Authenticator.Type.TOTP for row in self.rows)

    @property
    def passkeys(self) -> list[Authenticator]:
        return [row for row in self.rows if row.type == Authenticator.Type.WEBAUTHN]

    @property
    def is_on(self) -> bool:
        """Recovery codes stand in for a second factor, and are none themselves."""
        return any(row.type != CODES for row in self.rows)

    @property
    def has_codes(self) -> bool:
        """There is a set of recovery codes, used up or not."""
        return any(row.type == CODES for row in self.rows)

    @property
    def codes_left(self) -> int:
        return sum(codes_left(row) for row in self.rows if row.type == CODES)

    @property
    def codes_are_few(self) -> bool:
        return self.codes_left <= FEW_CODES

    @property
    def are_required(self) -> bool:
        """Members of staff reach the workspace with a second factor only."""
        return self.user.is_staff and settings.STAFF_MFA_REQUIRED

    def is_last(self, row: Authenticator) -> bool:
        """Without this one the password alone would do."""
        return not any(other.type != CODES and other.pk != row.pk for other in self.rows)

    def may_go(self, row: Authenticator) -> bool:
        return not (self.are_required and self.is_last(row))


def codes_left(codes: Authenticator) -> int:
    """How many recovery codes weren't used yet."""
    if "migrated_codes" in codes.data:
        return len(codes.data["migrated_codes"])
    return app_settings.RECOVERY_CODE_COUNT - codes.data["used_mask"].bit_count()
