"""*Take next*: everybody gets another ticket, the most urgent ones first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections

from helpdesk.tickets import services
from helpdesk.tickets.models import BulkAct, Priority, Status, Ticket
from helpdesk.tickets.queue import take_next
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.sockets import BACKEND

MINUTE = timedelta(minutes=1)
PEOPLE = 50  # more than the pool has connections: the rest wait their turn


@pytest.mark.django_db(transaction=True)
def test_fifty_who_ask_at_once_get_the_fifty_most_urgent(now):
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
    assert [take_next(actor=person, now=now + step * MINUTE).pk for step in range(2)] == [ours.pk, urgent.pk]
    assert take_next(actor=person, now=now + 2 * MINUTE) is None


@pytest.mark.django_db
def test_what_waits_on_the_customer_or_is_owned_or_solved_is_not_given_out(now):
    person = StaffFactory()
    for status in (Status.WAITING, Status.SOLVED, Status.OPEN):
        services.reply(ticket=make_ticket(now=now), actor=person, body="hello", now=now, status=status)
    idle = make_ticket(now=now)
    services.reply(ticket=idle, actor=person, body="which one?", now=now, status=Status.WAITING)
    services.assign(ticket=idle, owner=None, actor=person, now=now)
    assert take_next(actor=person, now=now) is None


@pytest.mark.django_db(transaction=True)
def test_one_after_the_other_they_are_given_in_the_order_of_their_deadlines(now):
    membership, person = DesignatedFactory(), StaffFactory()
    tickets = [make_ticket(membership, now=now - number * MINUTE) for number in (3, 9, 1, 7)]
    order = sorted(tickets, key=lambda ticket: ticket.next_due_at)
    assert [take_next(actor=person, now=now + step * MINUTE) for step in range(len(tickets))] == order


@pytest.mark.django_db(transaction=True)
def test_a_double_click_takes_one_ticket(now):
    person = StaffFactory()
    for _ in range(3):
        make_ticket(now=now)
    start = Barrier(2)

    def press(late):
        try:
            start.wait(timeout=20)
            return take_next(actor=person, now=now + timedelta(milliseconds=late)).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(press, (0, 200))
    assert first == second
    assert Ticket.objects.filter(owner=person).count() == 1


@pytest.mark.django_db
def test_what_was_given_back_or_away_at_once_is_not_given_again_as_ones_own(now):
    person, other = StaffFactory(), StaffFactory()
    _first, _second = make_ticket(now=now - MINUTE), make_ticket(now=now)
    taken = take_next(actor=person, now=now)
    services.assign(ticket=taken, owner=other, actor=person, now=now)
    assert take_next(actor=person, now=now + timedelta(seconds=1)) != taken


@pytest.mark.django_db
def test_taking_a_row_that_somebody_else_has_just_taken_says_so(client, now):
    anna, olu = StaffFactory(full_name="Anna Meier"), StaffFactory(full_name="Olu Adeyemi")
    lost, free, old = (make_ticket(now=now) for _ in range(3))
    services.assign(ticket=old, owner=olu, actor=olu, now=now)
    client.force_login(anna, backend=BACKEND)
    services.assign(ticket=lost, owner=olu, actor=olu, now=now + MINUTE)
    services.set_priority(ticket=old, priority=Priority.HIGH, actor=olu, now=now + MINUTE)
    chosen = {
        "do": "take",
        "_selected_action": [lost.pk, free.pk, old.pk],
        "shown_at": (now + timedelta(seconds=30)).isoformat(),
        "submission": "a" * 32,
    }
    page = client.post("/admin/helpdesk/ticket/bulk/?view=open", chosen, follow=True).content.decode()
    assert "Olu Adeyemi has taken it meanwhile." in page
    outcomes = {row["ticket"]: row["done"] for row in BulkAct.objects.get().outcomes}
    assert outcomes == {lost.pk: False, free.pk: True, old.pk: True}  # `old` was shown as Olu's
    owners = dict(Ticket.objects.values_list("pk", "owner"))
    assert owners == {lost.pk: olu.pk, free.pk: anna.pk, old.pk: anna.pk}


@pytest.mark.django_db
def test_what_i_take_twice_is_mine_and_a_forged_time_changes_nothing(client, now):
    anna, ticket = StaffFactory(), make_ticket(now=now)
    client.force_login(anna, backend=BACKEND)
    for number, shown_at in enumerate(("", "not a time", "2026-99-99T10:00Z", "2026-11-24T10:00", now.isoformat())):
        chosen = {"do": "take", "_selected_action": [ticket.pk], "shown_at": shown_at, "submission": str(number) * 32}
        assert client.post("/admin/helpdesk/ticket/bulk/?view=open", chosen).status_code == 302
    assert Ticket.objects.get().owner == anna
