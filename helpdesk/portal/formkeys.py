"""What names a form: its key, and the fields that a draft of it keeps."""

import re
import secrets

KEY = re.compile(r"[A-Za-z0-9_-]{22}")
FILES = "files"
TICKET_FIELDS = ("hub", "subject", "body", "critical", "affected", "since", "process", "workaround", "cc")
REPLY_FIELDS = ("body",)


def new_key() -> str:
    """Names one submission, however often it is sent."""
    return secrets.token_urlsafe(16)
