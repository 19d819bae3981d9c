"""The mail to a customer whom nobody reached."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from helpdesk.channels.callback.models import CallRequest
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import mail_row
from helpdesk.tickets.mails import reader, reply_address, ticket_values
from helpdesk.tickets.models import Ticket


def given_up(*, call: CallRequest, ticket: Ticket, wrong: bool, now: datetime) -> list[OutboxMail]:
    """We tried, and did not reach them: how to ask again. It is no reply, and answers no clock."""
    to = reader(ticket)
    if to is None:
        return []
    return [
        mail_row(
            key=f"call_given_up/{call.pk}",
            reader=to,
            template="call_given_up",
            context={
                **ticket_values(ticket),
                "number": call.shown_number,
                "attempts": call.attempts,
                "wrong": wrong,
                "phone": settings.PREMIUM_PHONE,
                "again_url": f"{settings.SITE_URL}{reverse('portal:callback')}?again={call.pk}",
                "sent_at": now.isoformat(),
            },
            reply_to=reply_address(ticket),
            now=now,
        )
    ]
