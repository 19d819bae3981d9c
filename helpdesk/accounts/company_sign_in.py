"""Signing in through a company's own identity provider: who may, and what becomes of it (decision 30).

Each verb locks the account's row first, as all verbs of an account's people do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from helpdesk.accounts import people
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Account, Membership, User
from helpdesk.accounts.providers import IdentityProvider, ProviderDomain, SpentAssertion, domain_of
from helpdesk.core.sealing import seal

Kind = AccountEvent.Kind
LONGEST_NAME = User._meta.get_field("full_name").max_length


@dataclass(frozen=True)
class Identity:
    """What a provider says of a person, after its signature was checked."""

    subject: str
    email: str
    is_verified: bool
    full_name: str = ""
    language: str = "en"


@dataclass(frozen=True)
class Admitted:
    user: User
    link: SocialAccount
    is_new_link_of_known: bool  # they hear of it by mail


class NotAdmitted(Exception):
    """The person is known to the provider and doesn't come in here; `reason` is a key of the page that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def provider_for(email: str) -> IdentityProvider | None:
    """The provider that is switched on for an address; by its domain alone, whoever has the address."""
    rows = IdentityProvider.objects.filter(is_on=True, domains__domain=domain_of(email))
    return rows.first()


def required_for(email: str) -> IdentityProvider | None:
    """The provider that an address must be signed in with."""
    found = provider_for(email)
    return found if found is not None and found.is_required else None


@transaction.atomic
def admit(*, provider: IdentityProvider, identity: Identity, now: datetime) -> Admitted:
    """The person whom the provider vouches for: known, linked for the first time, or new.

    Raises NotAdmitted with "off", "unverified", "foreign", "staff", "outside" or "other".
    """
    account = Account.objects.select_for_update(no_key=True).get(pk=provider.account_id)
    provider = IdentityProvider.objects.get(pk=provider.pk)
    if not provider.is_on:
        raise NotAdmitted("off")
    link = SocialAccount.objects.filter(provider=provider.key, uid=identity.subject).select_related("user").first()
    if link is not None:
        _check_domain(provider, link.user.email)
        _belongs(account, link.user, now)
        return Admitted(user=link.user, link=link, is_new_link_of_known=False)
    if not (identity.is_verified or provider.trusts_addresses) or not identity.email:
        raise NotAdmitted("unverified")
    _check_domain(provider, identity.email)
    user = User.objects.filter(email__iexact=identity.email).first()
    is_known = user is not None
    if user is None:
        user = _new_person(account, identity, now)
    else:
        _belongs(account, user, now)
        if SocialAccount.objects.filter(user=user, provider=provider.key).exists():
            raise NotAdmitted("other")  # an address that was given to somebody else opens nobody's account
        _event(account, Kind.LINKED, actor=user, person=user, now=now)
    link = SocialAccount.objects.create(user=user, provider=provider.key, uid=identity.subject)
    return Admitted(user=user, link=link, is_new_link_of_known=is_known)


@transaction.atomic
def spend(*, provider: IdentityProvider, digest: str, until: datetime, now: datetime) -> bool:
    """Whether an assertion comes for the first time; the database says it once, to whoever is first."""
    SpentAssertion.objects.filter(until__lt=now).delete()
    _row, is_new = SpentAssertion.objects.get_or_create(provider=provider, digest=digest, defaults={"until": until})
    return is_new


@transaction.atomic
def keep_provider(*, provider: IdentityProvider, domains: Iterable[str], actor: User, now: datetime) -> None:
    """Write a provider as an administrator set it up. Another issuer or client makes all its links void: the
    same name of a person may be somebody else there."""
    account = Account.objects.select_for_update(no_key=True).get(pk=provider.account_id)
    before = IdentityProvider.objects.filter(pk=provider.pk).first()
    provider.secret = seal(provider.secret)
    provider.save()
    wanted, kept = set(domains), set(provider.domains.values_list("domain", flat=True))
    provider.domains.filter(domain__in=kept - wanted).delete()
    ProviderDomain.objects.bulk_create(ProviderDomain(provider=provider, domain=one) for one in sorted(wanted - kept))
    if before and before.is_same_as != provider.is_same_as:
        SocialAccount.objects.filter(provider=provider.key).delete()
    was_on = before is not None and before.is_on
    if was_on != provider.is_on:
        kind = Kind.SSO_ON if provider.is_on else Kind.SSO_OFF
    elif was_on:
        kind = Kind.SSO_CHANGED
    else:
        return  # nobody can sign in with it yet
    _event(account, kind, actor=actor, person=None, now=now)


def _check_domain(provider: IdentityProvider, email: str) -> None:
    if not provider.domains.filter(domain=domain_of(email)).exists():
        raise NotAdmitted("foreign")


def _belongs(account: Account, user: User, now: datetime) -> None:
    """Staff come in by their own way; who was removed or never belonged needs an invitation."""
    if user.is_staff:
        raise NotAdmitted("staff")
    if not user.is_active:
        raise NotAdmitted("outside")
    if Membership.objects.filter(account=account, user=user).exists():
        return
    if people.accept_waiting(account=account, user=user, now=now) is None:
        raise NotAdmitted("outside")


def _new_person(account: Account, identity: Identity, now: datetime) -> User:
    """A user of the account, or what an invitation that waits for the address says."""
    user = User.objects.create_user(
        identity.email.lower(),
        None,
        full_name=(identity.full_name or identity.email.partition("@")[0])[:LONGEST_NAME],
        language=identity.language,
        time_zone=account.time_zone,
    )
    if people.accept_waiting(account=account, user=user, now=now) is None:
        membership = Membership.objects.create(account=account, user=user, role=Membership.Role.USER)
        _event(account, Kind.CAME_IN, actor=user, person=user, now=now, after=membership.requester_role)
    return user


def _event(account: Account, kind: str, *, actor: User, person: User | None, now: datetime, after: str = "") -> None:
    AccountEvent.objects.create(account=account, kind=kind, actor=actor, person=person, after=after, at=now)
