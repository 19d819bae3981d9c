"""Why a promise was broken is said by those who answer for it, and changes no verdict (SPEC 2.6)."""

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import BreachCause
from helpdesk.sla.verification import check
from helpdesk.tickets import services
from tests.factories import StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.tickets.scenes import OPENED, at, first_response, reply

pytestmark = pytest.mark.django_db


@pytest.fixture
def helen():
    return StaffFactory(full_name="Helen Falk", staff_role=StaffRole.MANAGER)


@pytest.fixture
def missed(helen):
    ticket = make_ticket(now=OPENED)
    reply(ticket, StaffFactory(), 61)
    return first_response(ticket)


def code(clock, actor, *, cause=BreachCause.CAPACITY, note="Two people were ill.", minutes=90):
    return services.code_cause(clock=clock, cause=cause, note=note, actor=actor, now=at(minutes))


def test_the_cause_stands_on_the_clock_with_who_said_it_in_the_tickets_history(missed, helen):
    coded = code(missed, helen)
    assert (coded.cause, coded.cause_note, coded.breached_at) == ("capacity", "Two people were ill.", at(60))
    event = missed.ticket.events.last()
    assert (event.kind, event.actor, event.at) == ("cause", helen, at(90))
    assert event.data["before"] == {"cause": "", "note": ""}
    assert check([missed.pk]).differing == 0


def test_a_correction_keeps_what_was_said_before(missed, helen):
    code(missed, helen)
    code(missed, helen, cause=BreachCause.MISROUTED, note="It went to Sales.", minutes=95)
    events = missed.ticket.events.filter(kind="cause")
    assert [row.data["before"]["cause"] for row in events] == ["", "capacity"]


def test_pressed_twice_it_is_one_event(missed, helen):
    code(missed, helen)
    code(missed, helen, minutes=91)
    assert missed.ticket.events.filter(kind="cause").count() == 1


def test_a_promise_that_was_kept_has_no_cause(helen):
    ticket = make_ticket(now=OPENED)
    reply(ticket, helen, 30)
    with pytest.raises(services.Refused, match="not missed"):
        code(first_response(ticket), helen)


@pytest.mark.parametrize(("note", "why"), [("  ", "what happened"), ("x" * 301, "300")])
def test_the_note_is_asked_for_and_has_an_end(note, why, missed, helen):
    with pytest.raises(services.Refused, match=why):
        code(missed, helen, note=note)


def test_leads_code_what_their_own_team_missed(missed, helen):
    ours, theirs = TeamFactory(), TeamFactory()
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    add_to_team(ours, lead, lead=True)
    for team in (theirs, ours):
        services.assign(ticket=missed.ticket, owner=None, team=team, actor=helen, now=at(70))
        if team == theirs:
            with pytest.raises(services.Refused, match="lead of the ticket"):
                code(missed, lead)
    assert code(missed, lead).cause == "capacity"


def test_specialists_dont_code_their_own_breaches(missed):
    with pytest.raises(services.Refused):
        code(missed, StaffFactory())
