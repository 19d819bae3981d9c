"""Tickets that have to do with each other, and one incident with many tickets."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Status, Ticket, TicketEvent, TicketLink
from helpdesk.tickets.services.locked import Refused, happened, lock, touch


def lock_in_order(tickets: Iterable[Ticket], *, now: datetime) -> list[Ticket]:
    """Each locked, in the order of their ids, so that two acts that cross never wait for each other."""
    wanted = list(tickets)
    held = {row.pk: lock(row, now=now)[0] for row in sorted(wanted, key=lambda row: row.pk)}
    return [held[row.pk] for row in wanted]


@transaction.atomic
def link(*, ticket: Ticket, other: Ticket, kind: TicketLink.Kind, actor: User, now: datetime) -> TicketLink:
    """Say that two tickets have to do with each other; said again, it only changes how. No clock changes."""
    if ticket.pk == other.pk:
        raise Refused(_("A ticket cannot be linked to itself."))
    ticket, other = lock_in_order([ticket, other], now=now)
    first, second = sorted((ticket, other), key=lambda row: row.pk)
    known = TicketLink.objects.filter(first=first, second=second).first()
    if known and known.kind == kind:
        raise Refused(_("These two are linked like that already."))
    values = {"kind": kind, "created_by": actor, "created_at": now}
    row, _created = TicketLink.objects.update_or_create(first=first, second=second, defaults=values)
    _on_both(ticket, other, TicketEvent.Kind.LINKED, actor=actor, now=now, link=kind)
    return row


@transaction.atomic
def unlink(*, ticket: Ticket, other: Ticket, actor: User, now: datetime) -> None:
    """Take a link away."""
    ticket, other = lock_in_order([ticket, other], now=now)
    first, second = sorted((ticket.pk, other.pk))
    gone = TicketLink.objects.filter(first=first, second=second).first()
    if gone is None:
        raise Refused(_("These two are not linked any more."))
    gone.delete()
    _on_both(ticket, other, TicketEvent.Kind.UNLINKED, actor=actor, now=now, link=gone.kind)


@transaction.atomic
def join_incident(*, ticket: Ticket, incident: Ticket, actor: User, now: datetime) -> Ticket:
    """Make a ticket part of an incident. Each keeps its own conversation, its own status and its own clocks."""
    if ticket.pk == incident.pk:
        raise Refused(_("A ticket cannot be part of itself."))
    ticket, incident = lock_in_order([ticket, incident], now=now)
    for row in (ticket, incident):
        if row.status in (Status.MERGED, Status.SPAM):
            raise Refused(_("%(ticket)s is merged or spam.") % {"ticket": row.reference})
    if incident.parent_id is not None:
        words = {"ticket": incident.reference, "incident": f"PS-{incident.parent_id}"}
        raise Refused(_("%(ticket)s is itself a part of %(incident)s. Choose that one.") % words)
    if ticket.children.exists():
        raise Refused(_("Other tickets hang on %(ticket)s, so it cannot be a part.") % {"ticket": ticket.reference})
    if ticket.parent_id == incident.pk:
        raise Refused(_("It is a part of this incident already."))
    if ticket.parent_id is not None:
        words = {"ticket": ticket.reference, "incident": f"PS-{ticket.parent_id}"}
        raise Refused(_("%(ticket)s is a part of %(incident)s. Take it out there first.") % words)
    happened(ticket, TicketEvent.Kind.PARENT, now, actor, incident=incident.pk).save()
    happened(incident, TicketEvent.Kind.PARENT, now, actor, part=ticket.pk).save()
    ticket.parent = incident
    touch(ticket, now, "parent")
    touch(incident, now)
    return ticket


@transaction.atomic
def leave_incident(*, ticket: Ticket, actor: User, now: datetime) -> Ticket:
    """Take a ticket out of its incident."""
    before = Ticket.objects.filter(pk=ticket.pk).values_list("parent_id", flat=True).get()
    if before is None:
        raise Refused(_("It is not part of an incident any more."))
    ticket, incident = lock_in_order([ticket, Ticket(pk=before)], now=now)
    if ticket.parent_id != incident.pk:
        raise Refused(_("It is not part of an incident any more."))
    happened(ticket, TicketEvent.Kind.UNPARENT, now, actor, incident=incident.pk).save()
    happened(incident, TicketEvent.Kind.UNPARENT, now, actor, part=ticket.pk).save()
    ticket.parent = None
    touch(ticket, now, "parent")
    touch(incident, now)
    return ticket


def _on_both(one: Ticket, two: Ticket, kind: TicketEvent.Kind, *, actor: User, now: datetime, link: str) -> None:
    for ticket, other in ((one, two), (two, one)):
        happened(ticket, kind, now, actor, ticket=other.pk, link=link).save()
        touch(ticket, now)
