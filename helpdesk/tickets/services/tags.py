"""The words that staff sort tickets by."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Tag, Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock, touch

MOST_TAGS = 20  # of one ticket


@transaction.atomic
def change_tags(
    *, ticket: Ticket, actor: User, now: datetime, add: Iterable[str] = (), remove: Iterable[str] = (), reason: str = ""
) -> Ticket:
    """Put tags on a ticket and take others off, by name; small and capital letters are the same.

    A tag that is new is made. What is there already stays, what isn't there needs no taking off; when
    nothing changes at all, nothing is written. Refused: a name that is too long, and too many tags.
    """
    ticket, _clocks = lock(ticket, now=now)
    has = {tag.name.lower(): tag for tag in ticket.tags.all()}
    coming = _tags([name for name in map(_plain, add) if name and name.lower() not in has])
    going = [has[name.lower()] for name in map(_plain, remove) if name.lower() in has]
    if len(has) + len(coming) - len(going) > MOST_TAGS:
        raise Refused(_("A ticket has %(most)d tags at most.") % {"most": MOST_TAGS})
    if not coming and not going:
        return ticket
    ticket.tags.add(*coming)
    ticket.tags.remove(*going)
    names = {"added": sorted(tag.name for tag in coming), "removed": sorted(tag.name for tag in going)}
    why = {"reason": reason} if reason else {}
    happened(ticket, TicketEvent.Kind.TAGS, now, actor, **names, **why).save()
    touch(ticket, now)
    return ticket


def _plain(name: str) -> str:
    return " ".join(name.replace("\x00", "").split())


def _tags(names: list[str]) -> list[Tag]:
    """The tags of these names, made where there are none.

    Two people may make the same ones at once: in one order, so that they never wait for each other.
    """
    longest = Tag._meta.get_field("name").max_length
    if any(len(name) > longest for name in names):
        raise Refused(_("A tag has %(most)d letters at most.") % {"most": longest})
    Tag.objects.bulk_create([Tag(name=name) for name in sorted(names, key=str.lower)], ignore_conflicts=True)
    return list(Tag.objects.annotate(small=Lower("name")).filter(small__in=[name.lower() for name in names]))
