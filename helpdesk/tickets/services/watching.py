"""People who watch a ticket, and what they hear; who read it when."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.models import News, User
from helpdesk.accounts.readers import reader_of
from helpdesk.notifications.services import Telling, tell
from helpdesk.tickets.models import Reading, Ticket, TicketEvent, Watch
from helpdesk.tickets.services.locked import Refused

KIND = "watched"
LONGEST_EXCERPT = 400


@transaction.atomic
def watch(*, ticket: Ticket, user: User, now: datetime) -> None:
    """From now on this member of staff hears what happens on the ticket. Once is as good as twice."""
    if not (user.is_staff and user.is_active):
        raise Refused(_("Only an active member of staff can watch a ticket."))
    Watch.objects.bulk_create([Watch(ticket=ticket, user=user, since=now)], ignore_conflicts=True)


def unwatch(*, ticket: Ticket, user: User) -> None:
    Watch.objects.filter(ticket=ticket, user=user).delete()


def note_reading(*, ticket: Ticket, user: User, now: datetime) -> None:
    """This person has the ticket open. One statement, however often."""
    Reading.objects.bulk_create(
        [Reading(ticket=ticket, user=user, at=now)],
        update_conflicts=True,
        unique_fields=["user", "ticket"],
        update_fields=["at"],
    )


def tell_watchers(*, ticket: Ticket, event: TicketEvent, said: str = "", **more: Any) -> None:
    """Who watches hears of an event in the transaction that wrote it; nobody hears of what they did themselves.

    On screen always, by mail for those who want that. `said`: the words of a message.
    """
    watching = User.objects.filter(watches__ticket=ticket, is_active=True).exclude(staff_role="").order_by("pk")
    people = [person for person in watching if person.pk != event.actor_id]
    if not people:
        return
    url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
    context = {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "event": event.kind,
        "by": event.actor.full_name if event.actor else "",
        "before": event.data.get("before", ""),
        "after": event.data.get("after", ""),
        "said": said[:LONGEST_EXCERPT] + ("…" if len(said) > LONGEST_EXCERPT else ""),
        "happened_at": event.at.isoformat(),
        "url": settings.SITE_URL + url,
        **more,
    }

    def telling(hear: list[User], *, on_screen: bool) -> Telling:
        return Telling(
            key=f"{KIND}/{event.pk}",
            kind=KIND,
            context=context,
            url=url,
            readers=[reader_of(person, now=event.at) for person in hear],
            on_screen=on_screen,
            by_mail=not on_screen,
            may_wait=True,
        )

    by_mail = [person for person in people if News.WATCHED in person.mail_about]
    tell([telling(people, on_screen=True), telling(by_mail, on_screen=False)], now=event.at)
