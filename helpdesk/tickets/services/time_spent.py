"""Time that people spend on a ticket."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Ticket, TicketEvent, TimeEntry
from helpdesk.tickets.services.locked import Refused, happened, lock, touch, was_sent

MOST_MINUTES = 1440


@transaction.atomic
def add_time(
    *, ticket: Ticket, minutes: int, note: str, actor: User, now: datetime, submission: str = ""
) -> TimeEntry | None:
    """Write down time that the actor spent; None where the form `submission` was sent before."""
    ticket, _clocks = lock(ticket, now=now)
    if was_sent(ticket, submission, minutes=minutes, note=note):
        return None
    if not 1 <= minutes <= MOST_MINUTES:
        raise Refused(_("Between one minute and a day."))
    longest = TimeEntry._meta.get_field("note").max_length
    if len(note) > longest:
        raise Refused(_("This is longer than %(most)d characters. Please shorten it.") % {"most": longest})
    entry = TimeEntry.objects.create(ticket=ticket, user=actor, minutes=minutes, note=note, at=now)
    form = {"form": submission} if submission else {}
    happened(ticket, TicketEvent.Kind.TIME, now, actor, entry=entry.pk, minutes=minutes, note=note, **form).save()
    touch(ticket, now)
    return entry


@transaction.atomic
def strike_time(*, entry: TimeEntry, actor: User, now: datetime) -> TimeEntry:
    """An entry of one's own was wrong: it stays to be seen, and counts no more."""
    ticket, _clocks = lock(entry.ticket, now=now)
    entry = TimeEntry.objects.get(pk=entry.pk)
    if entry.user_id != actor.pk:
        raise Refused(_("Only who wrote it down can strike it out."))
    if entry.struck_at is not None:
        raise Refused(_("It is struck out already."))
    entry.struck_at = now
    entry.save(update_fields=["struck_at"])
    struck = {"entry": entry.pk, "minutes": entry.minutes, "note": entry.note}
    happened(ticket, TicketEvent.Kind.TIME_STRUCK, now, actor, **struck).save()
    touch(ticket, now)
    return entry
