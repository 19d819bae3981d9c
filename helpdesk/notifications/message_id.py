"""The name of a mail, by which mail systems know a repeated one."""

import secrets

from django.conf import settings


def new_message_id() -> str:
    """An unguessable Message-ID under this house's domain."""
    return f"<{secrets.token_urlsafe(18)}@{settings.REPLY_DOMAIN}>"
