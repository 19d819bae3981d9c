"""What staff hear of the reply box: a reply that did not leave, one that crossed another, a mention."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from helpdesk.accounts.models import News, User
from helpdesk.accounts.readers import reader_of
from helpdesk.notifications.services import Telling
from helpdesk.tickets.models import Draft, Message, Ticket


def held(draft: Draft, *, now: datetime) -> Telling:
    """The writer hears that what they sent did not leave. It is a draft again."""
    return _to_writer(draft, kind="reply_held", key=f"held/{draft.submission}", now=now, reason=draft.refused)


def crossed(draft: Draft, came: Sequence[Message], *, now: datetime) -> Telling:
    """The writer hears that others wrote while their reply was on its way."""
    by_customer = any(message.kind == Message.Kind.CUSTOMER for message in came)
    key = f"crossed/{draft.submission}"
    return _to_writer(draft, kind="reply_crossed", key=key, now=now, by_customer=by_customer)


def mentioned(note: Message, people: Sequence[User], *, now: datetime) -> list[Telling]:
    """Colleagues named in a note hear of it on screen; by mail those who want that."""
    ticket = note.ticket
    url = reverse("admin:helpdesk_ticket_change", args=[ticket.pk])
    context = {
        **_values(ticket),
        "author": note.author.full_name,
        "body": note.body,
        "sent_at": now.isoformat(),
        "url": settings.SITE_URL + url,
    }
    common = {"key": f"mentioned/{note.pk}", "kind": "mentioned", "context": context, "url": url, "may_wait": True}
    by_mail = [reader_of(person, now=now) for person in people if News.MENTIONED in person.mail_about]
    return [
        Telling(**common, readers=[reader_of(person, now=now) for person in people], by_mail=False),
        Telling(**common, readers=by_mail, on_screen=False),
    ]


def _to_writer(draft: Draft, *, kind: str, key: str, now: datetime, **values: Any) -> Telling:
    """On the screen only: who has just sent something is there, and finds it on the ticket later."""
    return Telling(
        key=f"{key}/{now.isoformat()}",
        kind=kind,
        context={**_values(draft.ticket), **values},
        url=reverse("admin:helpdesk_ticket_change", args=[draft.ticket_id]),
        readers=[reader_of(draft.user, now=now)],
        by_mail=False,
    )


def _values(ticket: Ticket) -> dict[str, str]:
    return {"reference": ticket.reference, "subject": ticket.subject, "account": ticket.account.name}
