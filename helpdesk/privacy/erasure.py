"""Erasing what says who a person was (SPEC 2.9, decision 23): asked, waiting, cancelled or done."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Account, Membership, StaffRole, User
from helpdesk.accounts.people import Refused, keep_a_super_admin, take_out
from helpdesk.accounts.readers import reader_of
from helpdesk.channels.callback.services import forget_person as forget_calls
from helpdesk.knowledge.services import forget_questions
from helpdesk.notifications.services import mail_row, post
from helpdesk.privacy.exports import clear_exports
from helpdesk.privacy.forgetting import (
    NAME,
    forget_address,
    forget_desk,
    forget_in_acts,
    forget_in_events,
    forget_in_log,
    forget_mails,
    forget_ways_in,
    pseudonym,
)
from helpdesk.privacy.known import known_as
from helpdesk.privacy.models import Erasure
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services.form_drafts import discard_all_forms
from helpdesk.tickets.services.searching import rebuild_words

log = logging.getLogger(__name__)
WAITS = timedelta(days=7)


@transaction.atomic
def ask_erasure(*, user: User, actor: User, now: datetime) -> Erasure:
    """Erase this person in seven days. By themselves, or, for a member of staff, by an administrator.

    Asked twice, it is one. Raises Refused for the last super admin of an account, and for staff who ask for themselves.
    """
    user = _locked(user)
    if user.is_staff and not (actor.is_superuser and actor.pk != user.pk):
        raise Refused(_("The data of members of staff are erased by an administrator."))
    if not user.is_staff and actor.pk != user.pk and not actor.is_superuser:
        raise Refused(_("Only the person themselves can ask for this."))
    waiting = waiting_erasure(user)
    if waiting is not None:
        return waiting
    for membership in _memberships(user):
        keep_a_super_admin(membership)
    erasure = Erasure.objects.create(user=user, asked_by=actor, asked_at=now, due_at=now + WAITS)
    context = {"news": "asked", "due_at": erasure.due_at.isoformat(), "url": _address()}
    _mail(f"erasure/{erasure.pk}/asked", user=user, context=context, now=now)
    return erasure


@transaction.atomic
def cancel_erasure(*, user: User, now: datetime) -> bool:
    """Think better of it; False when nothing waits."""
    _locked(user)
    waiting = waiting_erasure(user)
    if waiting is None:
        return False
    waiting.cancelled_at = now
    waiting.save(update_fields=["cancelled_at"])
    context = {"news": "cancelled", "due_at": None, "url": _address()}
    _mail(f"erasure/{waiting.pk}/cancelled", user=user, context=context, now=now)
    return True


def waiting_erasure(user: User) -> Erasure | None:
    return Erasure.objects.filter(user=user, cancelled_at=None, done_at=None).first()


def erase_due(*, now: datetime) -> int:
    """Erase everybody whose time has come, each in one transaction; returns how many.

    One that fails is logged and tried again the next time; it holds up nobody else's.
    """
    due = Erasure.objects.filter(cancelled_at=None, done_at=None, due_at__lte=now).order_by("due_at", "pk")
    done = 0
    for pk in due.values_list("pk", flat=True):
        try:
            done += erase(erasure_id=pk, now=now)
        except Exception:
            log.exception("erasure %s failed", pk)
    return done


@transaction.atomic
def erase(*, erasure_id: int, now: datetime) -> bool:
    """Do it, whole or not at all; False when it was cancelled, done already, or would leave an account alone.

    Messages and files stay: they are the account's conversation with its supplier. What says who wrote
    them goes, everywhere, under every name and address that they had; `places.py` has each column.
    """
    erasure = Erasure.objects.select_related("user").get(pk=erasure_id)
    user = _locked(erasure.user)
    erasure.refresh_from_db()
    if erasure.cancelled_at is not None or erasure.done_at is not None or now < erasure.due_at:
        return False
    try:
        with transaction.atomic():
            # First, as one that is just being made holds its row, and writes a mail at its end.
            clear_exports(user=user, now=now)
            _keep_an_administrator(user)
            for membership in _memberships(user):
                take_out(membership, actor=None, kind=AccountEvent.Kind.ERASED, now=now)
    except Refused:
        _hold_up(erasure, user=user, now=now)
        return False
    known = known_as(user)
    discard_all_forms(user=user)
    forget_calls(user=user, now=now)
    forget_questions(user=user)
    forget_desk(user)
    forget_mails(user, known)
    forget_address(user, known)
    forget_in_events(user, known)
    forget_in_acts(user, known)
    forget_in_log(user, known)
    _forget_name(user, now=now)
    forget_ways_in(user)  # last: with what the person was called before
    erasure.done_at = now
    erasure.save(update_fields=["done_at"])
    return True


def _forget_name(user: User, *, now: datetime) -> None:
    user.email, user.full_name = pseudonym(user), NAME
    user.language, user.time_zone, user.staff_role = "en", "UTC", ""
    user.quiet_from = user.quiet_until = user.last_login = None
    user.mail_about, user.queue_columns = [], []
    user.is_active, user.erased_at = False, now
    user.set_unusable_password()
    user.save()
    rebuild_words(Ticket.objects.filter(requester=user).values_list("pk", flat=True))


def _keep_an_administrator(user: User) -> None:
    others = User.objects.filter(staff_role=StaffRole.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise Refused(_("This is the last administrator. Give somebody else the role first."))


def _hold_up(erasure: Erasure, *, user: User, now: datetime) -> None:
    """The person became the last super admin meanwhile: say it once, and try again until another is named."""
    if erasure.blocked_at is not None:
        return
    erasure.blocked_at = now
    erasure.save(update_fields=["blocked_at"])
    context = {"news": "blocked", "due_at": None, "url": _address()}
    _mail(f"erasure/{erasure.pk}/blocked", user=user, context=context, now=now)


def _locked(user: User) -> User:
    """The person's accounts, by id, and then the person: as every change of an account's people locks them."""
    accounts = Account.objects.filter(memberships__user=user).order_by("pk")
    list(accounts.select_for_update(no_key=True, of=("self",)))
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _memberships(user: User) -> list[Membership]:
    return list(Membership.objects.filter(user=user).select_related("account").order_by("account_id"))


def _address() -> str:
    return settings.SITE_URL + reverse("portal:my_data")


def _mail(key: str, *, user: User, context: dict, now: datetime) -> None:
    reader = reader_of(user, now=now)
    post([mail_row(key=key, reader=reader, template="erasure", context=context, now=now)])
