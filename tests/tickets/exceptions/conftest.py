"""Who asks, who decides, and what they ask for."""

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.factories import StaffFactory
from tests.tickets.exceptions.asking import at


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def helen():
    return StaffFactory(full_name="Helen Falk", staff_role=StaffRole.MANAGER)


@pytest.fixture
def every_effect():
    """A code that allows whatever there is."""
    return ExceptionCode.objects.create(code="anything", name="Anything", name_ja="何でも", effects=list(Effect))


@pytest.fixture
def ask(anna, every_effect):
    def ask_(clock: Clock, wish: Wish, *, minutes: float, **other) -> ClockException:
        values = {"code": every_effect, "evidence": "See the log.", "actor": anna, **other}
        return services.request_exception(clock=clock, wish=wish, now=at(minutes), **values)

    return ask_


@pytest.fixture
def grant(ask, helen):
    """Ask, approve a minute later; the clock as it then is."""

    def grant_(clock: Clock, wish: Wish, *, minutes: float) -> Clock:
        asked = ask(clock, wish, minutes=minutes)
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(minutes + 1))
        clock.refresh_from_db()
        return clock

    return grant_
