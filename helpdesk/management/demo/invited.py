"""Somebody of the demonstration who is asked to join Kestrel, and has not answered yet."""

from datetime import datetime, timedelta

from helpdesk.accounts.models import Membership
from helpdesk.accounts.people import invite

ASKED_BEFORE = timedelta(hours=20)


def bring_invitation(*, now: datetime) -> None:
    """As its super admin does it: the mail waits in the outbox, and its link lets in."""
    mina = Membership.objects.select_related("user", "account").get(user__email="mina@kestrel.example")
    invite(
        account=mina.account,
        actor=mina.user,
        email="jonas.weber@kestrel.example",
        role=Membership.Role.USER,
        is_designated=False,
        language="en",
        now=now - ASKED_BEFORE,
    )
