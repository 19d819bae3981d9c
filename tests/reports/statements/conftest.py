"""An account with its people, and a ticket of October."""

from datetime import datetime, timedelta

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.factories import AccountFactory, DesignatedFactory, StaffFactory, make_ticket
from tests.reports.statements.october import NOON


@pytest.fixture
def account():
    return AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")


@pytest.fixture
def mina(account):
    return DesignatedFactory(account=account)


@pytest.fixture
def ada():
    return StaffFactory(full_name="Ada Ash")


@pytest.fixture
def manager():
    return StaffFactory(staff_role=StaffRole.MANAGER)


@pytest.fixture
def ticket(mina, ada):
    """A guaranteed ticket, answered so long after it was opened (None: never)."""

    def ticket_(opened: datetime = NOON, answered: timedelta | None = None, **given):
        made = make_ticket(given.pop("member", mina), now=opened, **given)
        if answered is not None:
            services.reply(ticket=made, actor=ada, body="Done.", now=opened + answered)
        return made

    return ticket_


@pytest.fixture
def grant(manager, ada):
    """Ask for an exception of a ticket's first response and approve it at once."""
    ExceptionCode.objects.filter(code="third-party").update(effects=list(Effect))

    def grant_(made, wish: Wish, *, at: datetime) -> None:
        clock = made.clocks.get(metric="first_response")
        code = ExceptionCode.objects.get(code="third-party")
        asked = services.request_exception(clock=clock, code=code, wish=wish, evidence="Log.", actor=ada, now=at)
        services.decide_exception(exception=asked, approve=True, note="Seen.", actor=manager, now=at)

    return grant_
