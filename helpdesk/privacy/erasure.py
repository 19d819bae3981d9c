"""Erasing what says who a person was (SPEC 2.9, decision 23): asked, waiting, cancelled or done."""

import json
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Account, Membership, StaffRole, TeamMembership, User
from helpdesk.accounts.people import Refused, keep_a_super_admin, take_out
from helpdesk.accounts.readers import reader_of
from helpdesk.channels.callback.services import forget_person as forget_calls
from helpdesk.knowledge.services import forget_questions
from helpdesk.notifications.models import Delivery, Notice, OutboxMail
from helpdesk.notifications.services import mail_row, post
from helpdesk.privacy.exports import clear_exports
from helpdesk.privacy.models import Erasure
from helpdesk.tickets.models import Ticket, TicketEvent
from helpdesk.tickets.services.form_drafts import discard_all_forms
from helpdesk.tickets.services.searching import rebuild_words

log = logging.getLogger(__name__)
WAITS = timedelta(days=7)
NAME = "(erased)"  # in no language: it stands in other people's histories
NAMED = ("requester", "author", "by", "inviter", "owner", "requested_by", "decided_by")  # in what mails and notices say


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
    them goes, everywhere.
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
    email = user.email
    _forget_ways_in(user)
    discard_all_forms(user=user)
    forget_calls(user=user, now=now)
    forget_questions(user=user)
    _forget_mails(user)
    _forget_address(user, email=email)
    _forget_in_events(user, email=email)
    _forget_in_log(user, told=(email, user.full_name))
    _forget_name(user, now=now)
    erasure.done_at = now
    erasure.save(update_fields=["done_at"])
    return True


def pseudonym(user: User) -> str:
    return f"erased-{user.pk}@erased.invalid"


def _forget_ways_in(user: User) -> None:
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    TeamMembership.objects.filter(user=user).delete()


def _forget_mails(user: User) -> None:
    """What waits is not sent any more; of what was sent stays that it was."""
    mails = OutboxMail.objects.filter(Q(recipient=user) | Q(to__contains=[user.email]))
    mails.filter(state__in=[*Delivery.unfinished(), Delivery.DEAD]).delete()
    mails.update(to=[pseudonym(user)], context={}, last_error="")
    Notice.objects.filter(recipient=user).delete()
    for model in (OutboxMail, Notice):  # what others were told
        for row in model.objects.filter(_naming(user.full_name)).only("context").iterator(500):
            model.objects.filter(pk=row.pk).update(context=_without_name(row.context, user.full_name))


def _naming(name: str) -> Q:
    """Rows whose values say the name as somebody's; a digest has them in its `rows`."""
    found = Q()
    for key in NAMED:
        found |= Q(context__contains={key: name}) | Q(context__contains={"rows": [{key: name}]})
    return found


def _without_name(context: dict[str, Any], name: str) -> dict[str, Any]:
    told = {key: NAME if key in NAMED and value == name else value for key, value in context.items()}
    if isinstance(told.get("rows"), list):
        told["rows"] = [_without_name(row, name) for row in told["rows"]]
    return told


def _forget_address(user: User, *, email: str) -> None:
    """Where the address stands: copies of tickets, invitations, the history of the account."""
    without = Func(F("cc"), Value(email), function="array_remove")
    Ticket.objects.filter(cc__contains=[email]).update(cc=without)
    OutboxMail.objects.filter(cc__contains=[email]).update(cc=without)
    Invitation.objects.filter(email=email).waiting().delete()
    Invitation.objects.filter(Q(email=email) | Q(accepted_by=user)).update(email=pseudonym(user))
    AccountEvent.objects.filter(email=email).update(email=pseudonym(user))


def _forget_in_events(user: User, *, email: str) -> None:
    """Who was put in copy, and taken out, stands in events that nobody changes otherwise."""
    events = TicketEvent.objects.filter(kind=TicketEvent.Kind.COPIES).annotate(text=Cast("data", TextField()))
    named = list(events.filter(text__icontains=email).only("data"))
    if not named:
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
        for event in named:
            for part in ("added", "removed"):
                addresses = event.data.get(part, [])
                event.data[part] = [pseudonym(user) if one.lower() == email.lower() else one for one in addresses]
            TicketEvent.objects.filter(pk=event.pk).update(data=event.data)
        cursor.execute("SET LOCAL helpdesk.erasure = 'off'")


def _forget_in_log(user: User, *, told: tuple[str, ...]) -> None:
    """The history of the admin's pages: the person's own, and that of others on which they stood in a row."""
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).update(object_repr=NAME, change_message="")
    told = tuple(text for text in told if text)
    naming = Q()
    for text in told:  # a change's message is JSON, in which other letters than ASCII are escaped
        naming |= Q(object_repr__contains=text) | Q(change_message__contains=text)
        naming |= Q(change_message__contains=json.dumps(text)[1:-1])
    words = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in told))
    for entry in LogEntry.objects.filter(naming).only("object_repr", "change_message").iterator(500):
        LogEntry.objects.filter(pk=entry.pk).update(
            object_repr=words.sub(NAME, entry.object_repr), change_message=_struck(entry.change_message, words)
        )


def _struck(message: str, words: re.Pattern[str]) -> str:
    """A change's message without the words; as it is kept, or a plain text."""
    try:
        said = json.loads(message)
    except ValueError:
        return words.sub(NAME, message)
    return json.dumps(_each_text(said, lambda text: words.sub(NAME, text)))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _each_text(one, change) for key, one in value.items()}
    return value


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
