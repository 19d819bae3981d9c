"""A person as the reader of notices and mails."""

from datetime import datetime

from helpdesk.accounts.models import User
from helpdesk.core.quiet import quiet_until
from helpdesk.core.zones import zone_of
from helpdesk.notifications.services import Reader


def reader_of(user: User, *, now: datetime) -> Reader:
    """How they read, and until when they are not to be disturbed by what may wait."""
    quiet = None
    if user.quiet_from is not None and user.quiet_until is not None:
        quiet = quiet_until(now, begins=user.quiet_from, ends=user.quiet_until, zone=zone_of(user.time_zone))
    return Reader(
        email=user.email, user_id=user.pk, language=user.language, time_zone=user.time_zone, quiet_until=quiet
    )
