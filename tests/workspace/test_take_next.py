"""*Take next*: everybody gets another ticket, the most urgent ones first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections

from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.queue import take_next
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, add_to_team, make_ticket

MINUTE = timedelta(minutes=1)
PEOPLE = 8


@pytest.mark.django_db(transaction=True)
def test_eight_who_ask_at_once_get_the_eight_most_urgent(now):
    membership = DesignatedFactory()
    tickets = [make_ticket(membership, now=now - number * MINUTE) for number in range(PEOPLE + 4)]
    urgent = [ticket.pk for ticket in reversed(tickets)][:PEOPLE]
    staff = [StaffFactory() for _ in range(PEOPLE)]
    start = Barrier(PEOPLE)

    def ask(person):
        try:
            start.wait(timeout=20)
            return take_next(actor=person, now=now).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(PEOPLE) as pool:
        given = list(pool.map(ask, staff))
    assert sorted(given) == sorted(urgent)
    owners = dict(Ticket.objects.filter(owner__isnull=False).values_list("pk", "owner"))
    assert owners == dict(zip(given, [person.pk for person in staff], strict=True))


@pytest.mark.django_db
def test_my_teams_come_first_then_any_other(now):
    person, team = StaffFactory(), TeamFactory()
    add_to_team(team, person)
    urgent, ours = make_ticket(now=now - 30 * MINUTE), make_ticket(now=now)
    services.assign(ticket=ours, owner=None, team=team, actor=person, now=now)
    assert [take_next(actor=person, now=now).pk for _ in range(2)] == [ours.pk, urgent.pk]
    assert take_next(actor=person, now=now) is None


@pytest.mark.django_db
def test_what_waits_on_the_customer_or_is_owned_or_solved_is_not_given_out(now):
    person = StaffFactory()
    for status in (Status.WAITING, Status.SOLVED, Status.OPEN):
        services.reply(ticket=make_ticket(now=now), actor=person, body="hello", now=now, status=status)
    idle = make_ticket(now=now)
    services.reply(ticket=idle, actor=person, body="which one?", now=now, status=Status.WAITING)
    services.assign(ticket=idle, owner=None, actor=person, now=now)
    assert take_next(actor=person, now=now) is None
