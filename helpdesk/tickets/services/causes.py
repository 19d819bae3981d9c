"""Why a target was missed: said by a lead or manager afterwards (SPEC 2.6). Changes no verdict."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, User
from helpdesk.sla.models import BreachCause, Clock
from helpdesk.tickets.models import Ticket, TicketEvent
from helpdesk.tickets.services.locked import Refused, happened, lock

LONGEST_NOTE = 300


def may_code(person: User, ticket: Ticket) -> bool:
    """Managers code every breach, leads those of their teams' tickets."""
    if not person.is_active:
        return False
    if person.is_managing:
        return True
    leads = person.staff_role == StaffRole.TEAM_LEAD and ticket.team_id is not None
    return leads and person.team_memberships.filter(team=ticket.team_id, is_lead=True).exists()


@transaction.atomic
def code_cause(*, clock: Clock, cause: BreachCause, note: str, actor: User, now: datetime) -> Clock:
    """Give a breach its cause and a note, or correct them; the ticket's history keeps what was said before.

    Refused where nothing was missed (net and gross), without a note, or to who may not.
    """
    ticket, _clocks = lock(Ticket(pk=clock.ticket_id), now=now)
    clock = Clock.objects.select_for_update(of=("self",), no_key=True).get(pk=clock.pk)
    if not may_code(actor, ticket):
        raise Refused(_("Only a manager, or a lead of the ticket’s team, says why it was missed."))
    if clock.breached_at is None and clock.gross_breached_at is None:
        raise Refused(_("This target was not missed."))
    note = note.strip()
    if not note:
        raise Refused(_("Say in a note what happened."))
    if len(note) > LONGEST_NOTE:
        raise Refused(_("The note is longer than %(most)d characters. Please shorten it.") % {"most": LONGEST_NOTE})
    before = {"cause": clock.cause, "note": clock.cause_note}
    if before == {"cause": cause.value, "note": note}:
        return clock
    clock.cause, clock.cause_note = cause, note
    clock.save(update_fields=["cause", "cause_note"])
    said = {"clock": clock.pk, "metric": clock.metric, "cause": cause.value, "reason": note, "before": before}
    happened(ticket, TicketEvent.Kind.CAUSE, now, actor, **said).save()
    return clock
