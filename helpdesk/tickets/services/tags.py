"""Words that tickets are found by."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Tag, Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock, touch

MOST_TAGS = 20


@transaction.atomic
def change_tags(*, ticket: Ticket, add: Iterable[str], remove: Iterable[str], actor: User, now: datetime) -> Ticket:
    """Put tags on a ticket and take others off, by their names in any case. A tag that is new is made."""
    ticket, _clocks = lock(ticket, now=now)
    there = {tag.name.lower(): tag for tag in ticket.tags.all()}
    wanted = {name.lower(): name for name in map(_tidy, add) if name and name.lower() not in there}
    gone = [there[name] for name in {_tidy(name).lower() for name in remove} if name in there]
    if not wanted and not gone:
        return ticket
    if len(there) + len(wanted) - len(gone) > MOST_TAGS:
        raise Refused(_("A ticket has at most %(most)d tags. Take one off first.") % {"most": MOST_TAGS})
    new = [_tag(name) for name in sorted(wanted.values())]
    ticket.tags.add(*new)
    ticket.tags.remove(*gone)
    added, removed = [tag.name for tag in new], sorted(tag.name for tag in gone)
    happened(ticket, TicketEvent.Kind.TAGS, now, actor, added=added, removed=removed).save()
    touch(ticket, now)
    return ticket


def _tidy(name: str) -> str:
    name = " ".join(name.split())
    longest = Tag._meta.get_field("name").max_length
    if len(name) > longest:
        raise Refused(_("A tag has at most %(most)d characters.") % {"most": longest})
    return name


def _tag(name: str) -> Tag:
    """The one with this name in any case; made at the same moment by somebody else, it is theirs."""
    known = Tag.objects.filter(name__iexact=name).first()
    if known is None:
        Tag.objects.bulk_create([Tag(name=name)], ignore_conflicts=True)
        known = Tag.objects.get(name__iexact=name)
    return known
