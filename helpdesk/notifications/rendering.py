"""From a row of the outbox to a mail: text and HTML, in the reader's language and time zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from helpdesk.core import moments
from helpdesk.core.sealing import unseal
from helpdesk.core.zones import zone_of
from helpdesk.notifications.models import OutboxMail


def values(mail: OutboxMail) -> dict[str, Any]:
    """The template's context: values whose name ends in `_at` become instants again."""
    return _read(mail.context) | {
        "mail": mail,
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "zone_name": moments.city(mail.time_zone),
    }


def _read(context: Mapping[str, Any]) -> dict[str, Any]:
    """Instants of these values, and of the `rows` of a digest; links that open something, which lie sealed."""
    values = {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in context.items()
    }
    values |= {name: unseal(value) for name, value in context.items() if name.startswith("secret_")}
    if "rows" in context:
        values["rows"] = [_read(row) for row in context["rows"]]
    return values


def render(mail: OutboxMail) -> EmailMultiAlternatives:
    """The mail as it goes out. Raises when its template is missing or broken, or a file that it carries can't be read.

    Values named `attachments` ({"path", "name", "content_type"}) are files of the storage that go with it.
    """
    with translation.override(mail.language), timezone.override(zone_of(mail.time_zone)):
        context = values(mail)
        subject = " ".join(render_to_string(f"mail/{mail.template}.subject.txt", context).split())
        message = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string(f"mail/{mail.template}.txt", context),
            to=mail.to,
            cc=mail.cc,
            reply_to=[mail.reply_to] if mail.reply_to else None,
            headers={
                "Message-ID": mail.message_id,
                # No out-of-office answer to what a machine sent (RFC 3834).
                "Auto-Submitted": "auto-generated" if mail.template != "reply" else "no",
                **({"In-Reply-To": mail.in_reply_to, "References": mail.in_reply_to} if mail.in_reply_to else {}),
            },
        )
        message.attach_alternative(render_to_string(f"mail/{mail.template}.html", context), "text/html")
        for file in mail.context.get("attachments", []):
            with default_storage.open(file["path"]) as content:
                message.attach(file["name"], content.read(), file["content_type"])
    return message
