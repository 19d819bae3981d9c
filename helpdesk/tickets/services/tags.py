"""Tags of a ticket."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Tag, Ticket, TicketEvent
from helpdesk.tickets.services.locked import happened, lock, touch


@transaction.atomic
def change_tags(
    *, ticket: Ticket, add: Iterable[str] = (), remove: Iterable[str] = (), actor: User, now: datetime
) -> Ticket:
    """Put tags on a ticket and take others off, by name in any case; a name that is new makes the tag."""
    ticket, _clocks = lock(ticket, now=now)
    present = {tag.name.casefold(): tag for tag in ticket.tags.all()}
    gone = [present[name.casefold()] for name in dict.fromkeys(remove) if name.casefold() in present]
    new = []
    for name in dict.fromkeys(add):
        if name.casefold() not in present:
            tag = Tag.objects.filter(name__iexact=name).first() or Tag.objects.create(name=name)
            present[name.casefold()] = tag
            new.append(tag)
    if not new and not gone:
        return ticket
    ticket.tags.add(*new)
    ticket.tags.remove(*gone)
    added, removed = [tag.name for tag in new], [tag.name for tag in gone]
    happened(ticket, TicketEvent.Kind.TAGS, now, actor, added=added, removed=removed).save()
    touch(ticket, now)
    return ticket
