"""Verbs of people."""

from collections.abc import Sequence
from datetime import time

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from helpdesk.accounts.models import Membership, News, User


@transaction.atomic
def change_settings(
    *,
    user: User,
    language: str,
    time_zone: str,
    quiet_from: time | None,
    quiet_until: time | None,
    mail_about: Sequence[str] | None = None,
) -> bool:
    """A member of staff's own settings; the change is in their history. False: nothing changed.

    `mail_about`: what they want by mail besides on screen (values of `News`); None leaves it as it is.
    """
    wanted = {"language": language, "time_zone": time_zone, "quiet_from": quiet_from, "quiet_until": quiet_until}
    if mail_about is not None:
        wanted["mail_about"] = [news for news in News.values if news in mail_about]
    return _change(user, wanted)


@transaction.atomic
def change_profile(
    *,
    user: User,
    full_name: str,
    language: str,
    time_zone: str,
    mail_copies: bool,
    membership: Membership | None,
    mail_all: bool = False,
) -> bool:
    """A customer's own profile; the change is in their history. False: nothing changed.

    `mail_all` is for the account of `membership` alone, and counts while the person is its super admin.
    """
    wanted = {"full_name": full_name, "language": language, "time_zone": time_zone, "mail_copies": mail_copies}
    changed = _change(user, wanted)
    if membership is not None:
        own = Membership.objects.filter(pk=membership.pk, role=Membership.Role.SUPER_ADMIN)
        changed |= bool(own.exclude(mail_all=mail_all).update(mail_all=mail_all))
    return changed


def _change(user: User, wanted: dict[str, object]) -> bool:
    """Write what differs, and that it does."""
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    changed = [name for name, value in wanted.items() if getattr(user, name) != value]
    if not changed:
        return False
    User.objects.filter(pk=user.pk).update(**{name: wanted[name] for name in changed})
    labels = [str(User._meta.get_field(name).verbose_name) for name in changed]
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, [{"changed": {"fields": labels}}], single_object=True)
    return True


def choose_columns(*, user: User, columns: list[str]) -> None:
    """What the queue shows of each ticket to this person; empty for the usual columns."""
    user.queue_columns = columns
    user.save(update_fields=["queue_columns"])
