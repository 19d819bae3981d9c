"""Who asks, who decides, and that nothing changes before (SPEC 2.4)."""

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.sla.models import Clock, ClockException
from helpdesk.tickets import services
from helpdesk.tickets.models import TicketEvent
from helpdesk.tickets.services import Refused
from helpdesk.tickets.services.exceptions import WrongValue
from tests.factories import MembershipFactory, StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.tickets.exceptions.asking import NOW, RETARGET_90, VOID, at, first, net_and_gross

pytestmark = pytest.mark.django_db


def test_asking_alone_changes_no_clock(ask):
    clock = first(make_ticket(now=NOW))
    ask(clock, VOID, minutes=30)
    before = Clock.objects.filter(pk=clock.pk).values().get()
    assert (before["state"], before["due_at"], before["event_count"]) == ("running", at(60), 1)


def test_nobody_approves_what_they_asked_for_of_a_guarantee(ask, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    with pytest.raises(Refused, match="Another person"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(31))
    with pytest.raises(IntegrityError, match="exception_two_people"), transaction.atomic():
        ClockException.objects.filter(pk=asked.pk).update(state="approved", decided_by=helen, decided_at=at(31))
    asked.refresh_from_db()
    assert (asked.state, first(asked.clock.ticket).state) == ("asked", "running")


def test_who_asked_cannot_be_exchanged_to_approve_it_after_all(ask, anna, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    for change in ({"requested_by": anna}, {"is_guaranteed": False}, {"evidence": "Better."}, {"effect": "pause"}):
        with pytest.raises(IntegrityError, match="is never changed"), transaction.atomic():
            ClockException.objects.filter(pk=asked.pk).update(**change)


def test_of_an_aim_one_person_may_do_both(ask, helen):
    ticket = make_ticket(MembershipFactory(role=Membership.Role.USER), now=NOW)
    asked = ask(first(ticket), VOID, minutes=30, actor=helen)
    services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(31))
    assert first(ticket).state == "exempt"


def test_who_decides(ask):
    team, ticket = TeamFactory(), make_ticket(now=NOW)
    ticket.team = team
    ticket.save()
    ours, theirs = (StaffFactory(staff_role=StaffRole.TEAM_LEAD) for _ in range(2))
    add_to_team(team, ours, lead=True)
    add_to_team(TeamFactory(), theirs, lead=True)
    member = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    add_to_team(team, member)
    leading_specialist = StaffFactory()
    add_to_team(team, leading_specialist, lead=True)
    asked = ask(first(ticket), VOID, minutes=30)
    for person in (theirs, member, leading_specialist, StaffFactory(), ticket.requester):
        with pytest.raises(Refused, match="lead of the ticket's team"):
            services.decide_exception(exception=asked, approve=True, note="", actor=person, now=at(31))
    services.decide_exception(exception=asked, approve=True, note="", actor=ours, now=at(32))


def test_a_ticket_without_a_team_is_for_managers_only(ask, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    assert not services.may_decide(lead, asked.clock.ticket)
    for role in (StaffRole.MANAGER, StaffRole.ADMINISTRATOR):
        assert services.may_decide(StaffFactory(staff_role=role), asked.clock.ticket)


def test_one_request_waits_at_a_time(ask, helen):
    clock = first(make_ticket(now=NOW))
    asked = ask(clock, VOID, minutes=30)
    with pytest.raises(Refused, match="waits for approval already"):
        ask(clock, RETARGET_90, minutes=31)
    services.decide_exception(exception=asked, approve=False, note="No incident then.", actor=helen, now=at(32))
    assert ask(clock, RETARGET_90, minutes=33).state == "asked"


def test_what_is_refused_changes_nothing_and_says_why(ask, helen):
    clock = first(make_ticket(now=NOW))
    asked = ask(clock, VOID, minutes=30)
    with pytest.raises(WrongValue, match="Say why") as refusal:
        services.decide_exception(exception=asked, approve=False, note=" ", actor=helen, now=at(31))
    assert refusal.value.field == "note"
    services.decide_exception(exception=asked, approve=False, note="No incident then.", actor=helen, now=at(31))
    clock.refresh_from_db()
    assert net_and_gross(clock) == ("running", 60, None, 60, None)
    event = clock.ticket.events.get(kind=TicketEvent.Kind.EXCEPTION_REFUSED)
    assert (event.actor, event.data["text"]) == (helen, "No incident then.")


def test_one_takes_back_ones_own_request_only(ask, anna, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    with pytest.raises(Refused, match="Only the person who asked"):
        services.withdraw_exception(exception=asked, actor=helen, now=at(31))
    services.withdraw_exception(exception=asked, actor=anna, now=at(31))
    with pytest.raises(Refused, match="decided this already"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(32))
    assert asked.clock.ticket.events.filter(kind=TicketEvent.Kind.EXCEPTION_WITHDRAWN).count() == 1


@pytest.mark.parametrize("approve", [True, False])
def test_what_is_decided_stays_so(ask, helen, approve):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    services.decide_exception(exception=asked, approve=approve, note="Seen.", actor=helen, now=at(31))
    rows = ClockException.objects.filter(pk=asked.pk)
    for change in (
        lambda: rows.update(decision_note="Something else."),
        lambda: rows.update(state="asked", decided_by=None),
        rows.delete,
    ):
        with pytest.raises(IntegrityError, match="is never changed"), transaction.atomic():
            change()
    with pytest.raises(Refused, match="decided this already"):
        services.decide_exception(exception=asked, approve=not approve, note="No.", actor=helen, now=at(32))
