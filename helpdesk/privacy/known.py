"""Under which names and addresses a person may stand somewhere: today's, and those before (decision 39)."""

from collections.abc import Iterator
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import User
from helpdesk.accounts.past import PastIdentity
from helpdesk.notifications.models import OutboxMail


@dataclass(frozen=True, slots=True)
class Known:
    """Addresses in small letters; names as they were written."""

    addresses: tuple[str, ...]
    names: tuple[str, ...]


def known_as(user: User) -> Known:
    """Everything that a row may call this person. An address that is somebody else's today is theirs, and left out."""
    past = PastIdentity.objects.filter(user=user)
    addresses = {address.strip().lower() for address in _addresses(user) if "@" in address}
    taken = {*User.objects.exclude(pk=user.pk).filter(email__in=addresses).values_list("email", flat=True)}
    taken |= {*EmailAddress.objects.exclude(user=user).filter(email__in=addresses).values_list("email", flat=True)}
    names = {user.full_name, *past.filter(kind=PastIdentity.Kind.NAME).values_list("value", flat=True)}
    return Known(tuple(sorted(addresses - taken)), tuple(sorted(name for name in names if name.strip())))


def _addresses(user: User) -> Iterator[str]:
    """Where an address of the person's was kept beside their name: rows from before the trigger are found as well."""
    yield user.email
    yield from PastIdentity.objects.filter(user=user, kind=PastIdentity.Kind.EMAIL).values_list("value", flat=True)
    yield from EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    yield from Invitation.objects.filter(accepted_by=user).values_list("email", flat=True)
    yield from AccountEvent.objects.filter(person=user).values_list("email", flat=True).distinct()
    for data in SocialAccount.objects.filter(user=user).values_list("extra_data", flat=True):
        yield str((data or {}).get("email", ""))
    for to in OutboxMail.objects.filter(recipient=user).values_list("to", flat=True).distinct():
        yield from to
