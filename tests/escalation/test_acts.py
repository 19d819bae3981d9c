"""What a step does to a ticket is done once, whatever is killed, and never holds up a sweep or a person (SPEC 2.5)."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from helpdesk.escalation import acts
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge as acknowledge_one
from helpdesk.escalation.sweep import sweep
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket, TicketEvent
from tests.at_once import at_once
from tests.factories import DesignatedFactory, TeamFactory, make_ticket
from tests.killed import killed_while

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
HALF, DUE = NOW + 31 * MINUTE, NOW + 61 * MINUTE
RAISE_50 = {"percent": 50, "recipients": ["owner"], "raise_priority": True}


def assign_100(team) -> dict:
    return {"percent": 100, "recipients": ["manager"], "assign_team": team.pk}


def tickets(number: int) -> list[Ticket]:
    membership = DesignatedFactory()
    return [make_ticket(membership, now=NOW) for _ in range(number)]


def raised() -> Counter:
    """How often each ticket's priority was changed."""
    return Counter(TicketEvent.objects.filter(kind="priority").values_list("ticket", flat=True))


@pytest.mark.django_db
def test_a_step_raises_the_priority_and_gives_the_ticket_to_a_team_and_the_owner_stays(crew, climb):
    duty = TeamFactory(name="Duty")
    climb({**RAISE_50, "assign_team": duty.pk})
    ticket = make_ticket(now=NOW)
    services.assign(ticket=ticket, owner=crew.anna, actor=crew.olu, now=NOW)
    assert sweep(now=HALF).acts == 1
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.team, ticket.owner) == (1, duty, crew.anna)
    row = Escalation.objects.get()
    assert (row.acts, row.acts_pending) == ({"raise_priority": True, "assign_team": duty.pk}, False)
    event = ticket.events.get(kind="priority")
    assert (event.at, event.actor, event.data) == (HALF, None, {"before": 0, "after": 1, "percent": 50})


@pytest.mark.django_db
def test_a_step_acts_once_however_often_it_is_swept_and_reminded(crew, climb):
    climb({**RAISE_50, "percent": 100})
    ticket = make_ticket(now=NOW)
    for minute in range(60, 200, 7):
        sweep(now=NOW + minute * MINUTE)
    ticket.refresh_from_db()
    assert ticket.priority == 1
    assert Escalation.objects.filter(reminder__gt=0).count() > 2
    assert set(Escalation.objects.filter(reminder__gt=0).values_list("acts_pending")) == {(False,)}


@pytest.mark.django_db
def test_after_a_gap_superseded_steps_act_too_in_their_order(crew, climb):
    """Who is told changes with a gap; what the policy does to the ticket does not."""
    first, second = TeamFactory(), TeamFactory()
    climb({**RAISE_50, "assign_team": first.pk}, assign_100(second))
    ticket = make_ticket(now=NOW)
    assert sweep(now=DUE).acts == 2
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.team) == (1, second)
    assert list(Escalation.objects.order_by("percent").values_list("state", "acts_pending")) == [
        ("superseded", False),
        ("fired", False),
    ]


@pytest.mark.django_db
def test_a_ticket_that_is_done_meanwhile_stays_as_it_is(crew, climb):
    climb(RAISE_50)
    ticket = make_ticket(now=NOW)
    sweep_only(HALF)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=HALF)
    assert acts.perform_pending(now=HALF + MINUTE) == 1
    ticket.refresh_from_db()
    assert ticket.priority == 0
    assert not Escalation.objects.filter(acts_pending=True).exists()


def sweep_only(now) -> None:
    """A sweep whose process ends before the acts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpdesk.escalation.sweep.perform_pending", lambda *, now: 0)
        sweep(now=now)


@pytest.mark.django_db
def test_one_act_that_fails_holds_up_no_other_and_is_tried_again(crew, climb, monkeypatch, caplog):
    climb(RAISE_50)
    spoiled, sound = tickets(2)
    perform = acts.perform_acts

    def fail_once(*, ticket, **options):
        if ticket.pk == spoiled.pk:
            raise RuntimeError("no")
        return perform(ticket=ticket, **options)

    monkeypatch.setattr(acts, "perform_acts", fail_once)
    assert sweep(now=HALF).acts == 1
    assert set(raised()) == {sound.pk}
    assert "cannot be done" in caplog.text
    monkeypatch.setattr(acts, "perform_acts", perform)
    assert sweep(now=HALF + MINUTE).acts == 1
    assert raised() == {spoiled.pk: 1, sound.pk: 1}


@pytest.mark.django_db
def test_what_follows_an_act_that_fails_waits_for_it_and_leaves_no_trace_of_it(crew, climb, monkeypatch):
    """Else the ticket would end up with the team of the earlier step; other tickets have nothing to do with it."""
    duty = TeamFactory(name="Duty")
    climb(RAISE_50, assign_100(duty))
    spoiled, sound = tickets(2)
    perform, tried = acts.perform_acts, []

    def fail_once(*, ticket, percent, **options):
        tried.append((ticket.pk, percent))
        perform(ticket=ticket, percent=percent, **options)
        if (ticket.pk, percent) == (spoiled.pk, 50):
            raise RuntimeError("after half of it")

    monkeypatch.setattr(acts, "perform_acts", fail_once)
    assert sweep(now=DUE).acts == 2
    assert tried == [(spoiled.pk, 50), (sound.pk, 50), (sound.pk, 100)]
    spoiled.refresh_from_db()
    sound.refresh_from_db()
    assert (spoiled.priority, spoiled.team, sound.priority, sound.team) == (0, crew.team, 1, duty)
    monkeypatch.undo()
    assert sweep(now=DUE + MINUTE).acts == 2
    spoiled.refresh_from_db()
    assert (spoiled.priority, spoiled.team) == (1, duty)


@pytest.mark.django_db
def test_what_another_sweeper_has_done_meanwhile_is_not_done_again(crew, climb):
    climb(RAISE_50)
    make_ticket(now=NOW)
    sweep_only(HALF)
    waiting = Escalation.objects.get()
    assert acts._perform(waiting, now=HALF) is True
    assert acts._perform(waiting, now=HALF) is True
    assert list(raised().values()) == [1]


@pytest.mark.django_db
def test_the_very_first_step_of_a_new_installation_acts_too(crew, climb):
    climb(RAISE_50)
    make_ticket(now=NOW)
    sweep_only(HALF)
    Escalation.objects.update(id=1)
    assert acts.perform_pending(now=HALF) == 1


@pytest.mark.django_db
def test_a_flood_of_acts_leaves_room_for_the_next_sweep(crew, climb, monkeypatch):
    climb(RAISE_50)
    tickets(3)
    clock = iter([0.0, 1.0, 3.0])
    monkeypatch.setattr(acts, "monotonic", lambda: next(clock))
    assert sweep(now=HALF).acts == 2
    monkeypatch.undo()
    assert sweep(now=HALF).acts == 1
    assert set(raised().values()) == {1}


@pytest.mark.django_db
def test_a_sweep_without_acts_asks_one_question_about_them(crew):
    tickets(2)
    with CaptureQueriesContext(connection) as queries:
        acts.perform_pending(now=HALF)
    assert len(queries) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + queries[0]["sql"])
        assert "escalation_acts" in "".join(line for (line,) in cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_sweepers_at_once_do_each_act_once(crew, climb, monkeypatch):
    monkeypatch.setattr(acts, "LONGEST", 60.0)  # on a machine that is busy, too
    climb(RAISE_50)
    opened = tickets(60)
    assert at_once(*[lambda: sweep(now=HALF, batch_size=10)] * 3) == []
    sweep(now=HALF)
    assert raised() == {ticket.pk: 1 for ticket in opened}
    assert not Escalation.objects.filter(acts_pending=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_ticket_that_somebody_works_on_is_left_to_the_next_sweep(crew, climb, caplog):
    """Otherwise the sweep would wait for a person; and a later step would overtake the one that was left."""
    first, second = TeamFactory(), TeamFactory()
    climb({**RAISE_50, "assign_team": first.pk}, assign_100(second))
    held, free = tickets(2)
    sweep_only(DUE)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            services.add_note(ticket=held, actor=crew.anna, body="On it.", now=DUE)
            entered.set()
            leave.wait(timeout=30)

    def perform_meanwhile():
        entered.wait(timeout=30)
        try:
            assert acts.perform_pending(now=DUE) == 2
            assert set(Escalation.objects.filter(acts_pending=True).values_list("ticket", flat=True)) == {held.pk}
        finally:
            leave.set()

    assert at_once(hold, perform_meanwhile) == []
    assert "cannot be done" not in caplog.text  # nobody has to look at that
    assert acts.perform_pending(now=DUE) == 2
    assert set(Ticket.objects.values_list("priority", "team")) == {(1, second.pk)}
    assert raised() == {held.pk: 1, free.pk: 1}


KILLED = """
from helpdesk.escalation import acts
from helpdesk.escalation.sweep import sweep
perform = acts.perform_acts
def perform_some(**options):
    perform(**options)
    perform_some.done += 1
    if perform_some.done == 4:
        die()  # the ticket is changed, nothing of it is committed
perform_some.done = 0
acts.perform_acts = perform_some
sweep(now=NOW)
"""


@pytest.mark.django_db(transaction=True)
def test_a_sweeper_killed_in_mid_act_leaves_it_to_the_next_and_nothing_is_done_twice(crew, climb):
    climb(RAISE_50)
    opened = tickets(10)
    killed_while(KILLED, now=HALF)
    assert sum(raised().values()) == 3
    assert Escalation.objects.filter(acts_pending=True).count() == 7
    assert sweep(now=HALF + MINUTE).acts == 7
    assert raised() == {ticket.pk: 1 for ticket in opened}
    assert set(Ticket.objects.values_list("priority", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_acts_and_acknowledging_and_replies_at_once_never_lock_each_other_out(crew, climb):
    climb(RAISE_50, assign_100(TeamFactory()))
    opened = tickets(30)
    sweep_only(DUE)
    rows = list(Escalation.objects.filter(state="fired"))

    def acknowledge():
        for row in rows:
            acknowledge_one(escalation=row, actor=crew.helen, now=DUE)

    def reply():
        for ticket in opened:
            services.reply(ticket=ticket, actor=crew.anna, body="Hello.", now=DUE)

    perform = [lambda: [acts.perform_pending(now=DUE) for _ in range(5)]] * 2
    assert at_once(acknowledge, reply, *perform) == []
    acts.perform_pending(now=DUE)
    assert raised() == {ticket.pk: 1 for ticket in opened}
    assert not Escalation.objects.filter(acts_pending=True).exists()
