"""Verbs of an account's people: invite, join, change, remove (SPEC 2.1).

Each locks the account's row first, so that the people of one account change one after another: two super
admins who demote each other at once leave one. The actor's own role is read again under that lock.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Account, Membership, RequesterRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.core.sealing import seal
from helpdesk.notifications.services import Reader, mail_row, post

INVITATION_LASTS = timedelta(days=7)
MOST_WAITING = 200  # invitations of one account that nobody has answered
PAUSE = timedelta(minutes=5)  # between two mails of one invitation
Kind = AccountEvent.Kind
Role = Membership.Role


class Refused(Exception):
    """What was asked can't be done; the text is for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a person is to be in an account."""

    user: User
    role: str
    is_designated: bool


def role_of(*, role: str, is_designated: bool) -> RequesterRole:
    """The two columns as the one word that people read."""
    return Membership(role=role, is_designated=is_designated).requester_role


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    *, account: Account, actor: User, email: str, role: str, is_designated: bool, language: str, now: datetime
) -> Invitation:
    """Ask an address to join; the answer is the same whether or not a person with it exists.

    Raises Refused when the actor may not, when the person belongs to the account, or waits already.
    """
    _govern(account=account, actor=actor)
    email = email.strip().lower()
    if Membership.objects.filter(account=account, user__email__iexact=email).exists():
        raise Refused(_("This person belongs to the account already. Change their role in the list."))
    waiting = Invitation.objects.filter(account=account).waiting()
    if waiting.filter(email=email).exists():
        raise Refused(_("This address is invited already. Send the invitation again from the list."))
    if waiting.count() >= MOST_WAITING:
        raise Refused(
            _("%(count)d invitations wait for an answer. Take back some of them first.") % {"count": MOST_WAITING}
        )
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        account=account,
        email=email,
        role=role,
        is_designated=is_designated and role == Role.SUPER_ADMIN,
        language=language,
        digest=digest_of(token),
        invited_by=actor,
        created_at=now,
        sent_at=now,
        expires_at=now + INVITATION_LASTS,
    )
    _note(invitation, kind=Kind.INVITED, actor=actor, now=now)
    _send(invitation, token=token)
    return invitation


@transaction.atomic
def send_again(*, invitation: Invitation, actor: User, now: datetime) -> None:
    """A new link that lasts anew; the earlier one opens nothing any more."""
    _govern(account=invitation.account, actor=actor)
    invitation = _waiting(invitation)
    if now < invitation.sent_at + PAUSE:
        raise Refused(_("This invitation has just been sent. Wait five minutes before sending it again."))
    token = secrets.token_urlsafe(32)
    invitation.digest, invitation.sent_at = digest_of(token), now
    invitation.expires_at = now + INVITATION_LASTS
    invitation.save(update_fields=["digest", "sent_at", "expires_at"])
    _note(invitation, kind=Kind.SENT_AGAIN, actor=actor, now=now)
    _send(invitation, token=token)


@transaction.atomic
def revoke(*, invitation: Invitation, actor: User, now: datetime) -> None:
    """Take an invitation back: its link opens nothing any more."""
    _govern(account=invitation.account, actor=actor)
    invitation = _waiting(invitation)
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _note(invitation, kind=Kind.REVOKED, actor=actor, now=now)


def find(token: str) -> Invitation | None:
    """The invitation that a link belongs to, whatever has become of it."""
    return Invitation.objects.filter(digest=digest_of(token)).select_related("account", "invited_by").first()


@transaction.atomic
def join(*, token: str, user: User, now: datetime) -> Membership:
    """A signed-in person accepts; it must be the person whose address was invited."""
    invitation = _open(token, now=now)
    if user.email.lower() != invitation.email:
        raise Refused(_("This invitation is for another address."))
    keep_staff_out(user)
    return _join(invitation, user=user, now=now)


@transaction.atomic
def join_as_new(*, token: str, full_name: str, password: str, language: str, time_zone: str, now: datetime) -> User:
    """A person who is new here accepts: they chose name and password, and the link proves their address."""
    invitation = _open(token, now=now)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise Refused(_("There is a person with this address already. Sign in to accept."))
    user = User.objects.create_user(
        invitation.email, password, full_name=full_name, language=language, time_zone=time_zone
    )
    _join(invitation, user=user, now=now)
    return user


@transaction.atomic
def change_role(*, membership: Membership, actor: User, role: str, is_designated: bool, now: datetime) -> bool:
    """Another role, or designation; False when nothing changes. It counts for new tickets (SPEC 2.1)."""
    _govern(account=membership.account, actor=actor)
    return _give_role(membership, actor=actor, role=role, is_designated=is_designated, now=now)


def _give_role(membership: Membership, *, actor: User, role: str, is_designated: bool, now: datetime) -> bool:
    """In a transaction that holds the account's lock. Raises Refused for the last super admin."""
    membership = _member(membership)
    before = membership.requester_role
    is_designated = is_designated and role == Role.SUPER_ADMIN
    if (membership.role, membership.is_designated) == (role, is_designated):
        return False
    if membership.is_super_admin and role != Role.SUPER_ADMIN:
        keep_a_super_admin(membership)
    membership.role, membership.is_designated = role, is_designated
    if role != Role.SUPER_ADMIN:
        membership.mail_all = False
    membership.save(update_fields=["role", "is_designated", "mail_all"])
    _event(membership, kind=Kind.CHANGED, actor=actor, before=before, after=membership.requester_role, now=now)
    return True


@transaction.atomic
def remove(*, membership: Membership, actor: User, now: datetime) -> None:
    """The person belongs to the account no more and sees nothing of it from now on; their tickets stay."""
    if membership.user_id == actor.pk:
        lock_account(membership.account_id)
    else:
        _govern(account=membership.account, actor=actor)
    membership = _member(membership)
    take_out(membership, actor=actor, kind=Kind.LEFT if membership.user_id == actor.pk else Kind.REMOVED, now=now)


@transaction.atomic
def rearrange(
    *,
    account: Account,
    actor: User,
    add: Iterable[Post] = (),
    change: Iterable[tuple[Membership, Post]] = (),
    remove: Iterable[Membership] = (),
    now: datetime,
) -> list[Membership]:
    """What an administrator of the service does to an account's people: all of it or, Refused, nothing.

    Who becomes a super admin comes before who is one no more: they may take turns. Returns the new rows.
    """
    lock_account(account.pk)
    added = [_add(wanted, account=account, actor=actor, now=now) for wanted in add]
    for membership, wanted in sorted(change, key=lambda one: one[1].role != Role.SUPER_ADMIN):
        _give_role(membership, actor=actor, role=wanted.role, is_designated=wanted.is_designated, now=now)
    for membership in remove:
        take_out(_member(membership), actor=actor, kind=Kind.REMOVED, now=now)
    return added


def _add(wanted: Post, *, account: Account, actor: User, now: datetime) -> Membership:
    keep_staff_out(wanted.user)
    if Membership.objects.filter(account=account, user=wanted.user).exists():
        raise Refused(_("This person belongs to the account already. Change their role in the list."))
    membership = Membership.objects.create(
        account=account,
        user=wanted.user,
        role=wanted.role,
        is_designated=wanted.is_designated and wanted.role == Role.SUPER_ADMIN,
    )
    _event(membership, kind=Kind.JOINED, actor=actor, before="", after=membership.requester_role, now=now)
    return membership


def accept_waiting(*, account: Account, user: User, now: datetime) -> Membership | None:
    """An invitation that waits for this person's address, accepted; the caller holds the account's lock and
    knows that the address is theirs. None: there is none, or it has run out."""
    waiting = Invitation.objects.filter(account=account, email=user.email.lower()).waiting()
    invitation = waiting.select_related("account").first()
    if invitation is None or not invitation.is_open(now):
        return None
    return _join(invitation, user=user, now=now)


def take_out(membership: Membership, *, actor: User | None, kind: str, now: datetime) -> None:
    """In a transaction that holds the account's lock. Raises Refused for the last super admin."""
    if membership.is_super_admin:
        keep_a_super_admin(membership)
    before = membership.requester_role
    Membership.objects.filter(pk=membership.pk).delete()
    unlink(account=membership.account_id, user=membership.user_id)
    _event(membership, kind=kind, actor=actor, before=before, after="", now=now)


def unlink(*, account: int, user: int) -> None:
    """What the account's identity providers call this person counts no more."""
    keys = IdentityProvider.objects.filter(account=account).values_list("key", flat=True)
    SocialAccount.objects.filter(user=user, provider__in=list(keys)).delete()


def keep_a_super_admin(membership: Membership) -> None:
    """Refuses what would leave the account without anybody who can give roles."""
    others = Membership.objects.filter(account=membership.account_id, role=Role.SUPER_ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise Refused(_("This is the last super admin of the account. Give somebody else the role first."))


def keep_staff_out(user: User) -> None:
    if user.is_staff:
        raise Refused(_("Members of the support staff can't join a customer's account."))


def lock_account(account: int) -> None:
    """From here on, until the transaction's end, nobody else changes this account's people."""
    Account.objects.select_for_update(no_key=True).get(pk=account)


def _govern(*, account: Account, actor: User) -> None:
    """Lock the account, and refuse who is no super admin of it (any more)."""
    lock_account(account.pk)
    if (
        not actor.is_active
        or not Membership.objects.filter(account=account, user=actor, role=Role.SUPER_ADMIN).exists()
    ):
        raise Refused(_("Only a super admin of the account can do this, and you aren't one any more."))


def _waiting(invitation: Invitation) -> Invitation:
    """The row as it is now; the account's lock is held."""
    now_kept = Invitation.objects.select_related("account", "invited_by").get(pk=invitation.pk)
    if now_kept.accepted_at:
        raise Refused(_("This invitation has been accepted meanwhile."))
    if now_kept.revoked_at:
        raise Refused(_("This invitation has been taken back already."))
    return now_kept


def _open(token: str, *, now: datetime) -> Invitation:
    invitation = find(token)
    if invitation is None:
        raise Refused(_("This link doesn't open an invitation."))
    lock_account(invitation.account_id)
    invitation.refresh_from_db(fields=["accepted_at", "revoked_at", "expires_at", "digest"])
    if not invitation.is_open(now) or invitation.digest != digest_of(token):
        raise Refused(_("This invitation can't be accepted any more."))
    return invitation


def _member(membership: Membership) -> Membership:
    row = Membership.objects.filter(pk=membership.pk).select_related("account", "user").first()
    if row is None:
        raise Refused(_("This person doesn't belong to the account any more."))
    return row


def _join(invitation: Invitation, *, user: User, now: datetime) -> Membership:
    """Make the membership; for somebody who belongs to the account by now, the role stays as it is."""
    membership, is_new = Membership.objects.get_or_create(
        account=invitation.account,
        user=user,
        defaults={"role": invitation.role, "is_designated": invitation.is_designated},
    )
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    if is_new:
        _event(membership, kind=Kind.JOINED, actor=user, before="", after=membership.requester_role, now=now)
    return membership


def _note(invitation: Invitation, *, kind: str, actor: User, now: datetime) -> None:
    after = role_of(role=invitation.role, is_designated=invitation.is_designated)
    AccountEvent.objects.create(
        account=invitation.account, kind=kind, actor=actor, email=invitation.email, after=after, at=now
    )


def _event(membership: Membership, *, kind: str, actor: User | None, before: str, after: str, now: datetime) -> None:
    AccountEvent.objects.create(
        account_id=membership.account_id,
        kind=kind,
        actor=actor,
        person_id=membership.user_id,
        before=before,
        after=after,
        at=now,
    )


def _send(invitation: Invitation, *, token: str) -> None:
    """The mail, in the language of the person, or the one that was chosen for a stranger."""
    known = User.objects.filter(email__iexact=invitation.email).first()
    reader = Reader(
        email=invitation.email,
        user_id=known.pk if known else None,
        language=known.language if known else invitation.language,
        time_zone=known.time_zone if known else invitation.account.time_zone,
    )
    context = {
        "account": invitation.account.name,
        "inviter": invitation.invited_by.full_name,
        "role": role_of(role=invitation.role, is_designated=invitation.is_designated),
        "expires_at": invitation.expires_at.isoformat(),
        # Dropped from the outbox as soon as the mail is out: whoever reads this row could join in their place.
        "secret_url": seal(settings.SITE_URL + reverse("portal:invitation", args=[token])),
    }
    key = f"invitation/{invitation.pk}/{invitation.digest[:16]}"
    post([mail_row(key=key, reader=reader, template="invitation", context=context, now=invitation.sent_at)])
