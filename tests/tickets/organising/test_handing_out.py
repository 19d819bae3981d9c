"""Whom a ticket is handed out to: by load, by turn, by skill."""

import pytest

from helpdesk.accounts.models import Absence
from helpdesk.subscriptions.models import Skill
from helpdesk.tickets import services
from helpdesk.tickets.models import (
    Status,
)
from helpdesk.tickets.services import How, Refused
from tests.at_once import at_once
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.tickets.scenes import at, reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


@pytest.fixture
def owned(customer):
    """Gives somebody so many tickets, from a minute on."""

    def give(person, count, minutes=1):
        for number in range(count):
            row = make_ticket(customer, now=at(0))
            services.assign(ticket=row, owner=person, actor=person, now=at(minutes + number))

    return give


def hand_out(ticket, actor, how=How.LOAD, present=None, minutes=30):
    services.hand_out(ticket=ticket, how=how, present=present, actor=actor, now=at(minutes))
    ticket.refresh_from_db()
    return ticket.owner


def test_by_load_it_goes_to_whom_owns_the_fewest(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 2)
    owned(colleague, 1)
    owned(lead, 3)
    assert hand_out(ticket, lead) == colleague
    event = ticket.events.get(kind="assigned")
    assert (event.actor, event.data["how"], event.data["among"], event.data["load"]) == (lead, "load", 3, 1)


def test_what_is_over_is_no_load(team, ticket, specialist, colleague, lead, owned):
    owned(colleague, 1)
    owned(lead, 2)
    owned(specialist, 3)
    for row in specialist.owned_tickets.all():
        reply(row, specialist, 20, status=Status.SOLVED)
    assert hand_out(ticket, lead) == specialist


def test_by_turn_it_goes_to_whom_was_given_one_longest_ago(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 1, minutes=1)
    owned(lead, 1, minutes=2)
    owned(colleague, 3, minutes=3)
    assert hand_out(ticket, lead, How.ROUND_ROBIN) == specialist
    assert ticket.events.get(kind="assigned").data["how"] == "round_robin"


def test_who_was_never_given_one_is_the_first_by_turn(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 1)
    owned(lead, 1)
    assert hand_out(ticket, lead, How.ROUND_ROBIN) == colleague


def test_who_knows_the_hub_comes_first_however_busy(team, ticket, specialist, colleague, lead, owned):
    Skill.objects.create(user=specialist, hub=ticket.hub)
    owned(specialist, 5)
    assert hand_out(ticket, lead) == specialist


def test_who_is_away_elsewhere_or_has_it_already_is_left_out(team, ticket, specialist, colleague, lead, owned):
    Skill.objects.create(user=specialist, hub=ticket.hub)
    Absence.objects.create(user=specialist, starts_at=at(0), ends_at=at(60))
    services.assign(ticket=ticket, owner=lead, actor=lead, now=at(1))
    assert hand_out(ticket, lead) == colleague
    with pytest.raises(Refused, match="Nobody else of the team is present"):
        hand_out(ticket, lead, present={specialist.pk, colleague.pk})
    assert hand_out(ticket, lead, present={lead.pk, colleague.pk}) == lead
    outsider = StaffFactory()
    Absence.objects.create(user=colleague, starts_at=at(0), ends_at=at(60))
    with pytest.raises(Refused, match="all are away"):
        hand_out(ticket, outsider)


def test_without_a_team_it_is_those_that_serve_the_hub(team, ticket, specialist):
    ticket.hub.teams.clear()
    orphan = make_ticket(DesignatedFactory(), hub="marketing", now=at(0))
    assert orphan.team is None
    with pytest.raises(Refused, match="No team serves Marketing Hub"):
        hand_out(orphan, specialist)
    orphan.hub.teams.add(team)
    assert hand_out(orphan, specialist) == specialist


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", How)
def test_two_that_are_handed_out_at_once_go_to_two_people(team, customer, specialist, colleague, how):
    tickets = [make_ticket(customer, now=at(0)) for _ in range(2)]
    assert at_once(*[lambda row=row: hand_out(row, specialist, how) for row in tickets]) == []
    assert {row.owner for row in tickets} == {specialist, colleague}
