"""Who is in copy of a ticket."""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.notifications.services import post
from helpdesk.tickets.customer_mails import copied
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock, touch

MOST_COPIES = 10


@transaction.atomic
def change_copies(
    *, ticket: Ticket, actor: User, now: datetime, add: Iterable[str] = (), remove: Iterable[str] = ()
) -> Ticket:
    """Put people in copy, or take them out (SPEC 2.7); who is put there gets a mail that says so.

    Addresses are told apart without regard to case. One that is there already, or isn't, changes nothing.
    """
    ticket, _clocks = lock(ticket, now=now)
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket takes no more messages; please open a new one."))
    gone = {address.lower() for address in remove}
    kept = [address for address in ticket.cc if address.lower() not in gone]
    there = {address.lower() for address in kept} | {ticket.requester.email.lower()}
    new = [address for address in dict.fromkeys(one.strip().lower() for one in add) if address not in there]
    for address in new:
        _check(address)
    if len(kept) + len(new) > MOST_COPIES and new:
        words = {"most": MOST_COPIES, "count": len(kept) + len(new)}
        raise Refused(_("At most %(most)d people can be in copy; these are %(count)d.") % words)
    removed = [address for address in ticket.cc if address not in kept]
    if not new and not removed:
        return ticket
    ticket.cc = [*kept, *new]
    happened(ticket, TicketEvent.Kind.COPIES, now, actor, added=new, removed=removed).save()
    touch(ticket, now, "cc")
    post(copied(ticket=ticket, addresses=new, actor=actor, now=now))
    return ticket


def _check(address: str) -> None:
    longest = 254  # what a mail server takes (RFC 5321), and the column holds
    try:
        validate_email(address)
    except ValidationError:
        text = _("“%(address)s” isn't a complete e-mail address. Write it like name@company.com.")
        raise Refused(text % {"address": address[:80]}) from None
    if len(address) > longest:
        raise Refused(_("“%(address)s” is too long for an e-mail address.") % {"address": address[:80] + "…"})
