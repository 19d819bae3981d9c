"""The steps that these tests share."""

from helpdesk.tickets import services
from helpdesk.tickets.models import (
    Attachment,
)
from tests.tickets.scenes import at


def kinds(ticket) -> list[str]:
    return list(ticket.events.order_by("id").values_list("kind", flat=True))


def a_file(ticket, message) -> Attachment:
    return Attachment.objects.create(
        ticket=ticket,
        message=message,
        uploaded_by=ticket.requester,
        name="log.txt",
        content_type="text/plain",
        size=3,
        digest="d",
        file="attachments/ab/abc",
        created_at=at(0),
    )


def split(ticket, actor, messages, subject="The export", minutes=10, **more):
    ids = [message.pk for message in messages]
    return services.split(ticket=ticket, messages=ids, subject=subject, actor=actor, now=at(minutes), **more)
