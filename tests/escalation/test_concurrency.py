"""Sweeps side by side, beside a specialist, and killed half-way: each step once, nothing lost (SPEC 2.5)."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from helpdesk.escalation import sweep as module
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.sla.verification import verify
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from helpdesk.tickets.models import Message
from tests.at_once import at_once
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.killed import killed_while

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
# Half an hour is used up: one step, to the team's two people. An hour: the breach, to the manager.
STEP, BREACH = NOW + 31 * MINUTE, NOW + 61 * MINUTE


@pytest.fixture
def staff():
    team = TeamFactory()
    people = {"specialist": StaffFactory(), "lead": StaffFactory(staff_role="team_lead")}
    add_to_team(team, people["specialist"])
    add_to_team(team, people["lead"], lead=True)
    people["manager"] = StaffFactory(staff_role="manager")
    Hub.objects.get(code="content").teams.add(team)
    return people


@pytest.fixture
def world(transactional_db, staff):
    return staff


def tickets(number: int) -> list:
    membership = DesignatedFactory()
    return [make_ticket(membership, now=NOW) for _ in range(number)]


@pytest.mark.parametrize("sweepers", [2, 4])
def test_sweeps_at_once_fire_each_step_exactly_once(world, sweepers):
    tickets(240)
    raised = at_once(*[lambda: sweep(now=STEP, batch_size=20)] * sweepers)
    assert raised == []
    assert Counter(Escalation.objects.values_list("percent", "reminder", "state")) == {(50, 0, "fired"): 240}
    assert Escalation.objects.values("clock").distinct().count() == 240
    # Unassigned: the two people of the team hear of each.
    assert (OutboxMail.objects.filter(template="escalation").count(), Notice.objects.count()) == (480, 480)
    assert sweep(now=STEP).claimed == 0


def test_sweeps_at_once_write_each_breach_exactly_once(world):
    tickets(150)
    assert at_once(*[lambda: sweep(now=BREACH, batch_size=10)] * 4) == []
    assert ClockEvent.objects.filter(kind="breach").count() == 150
    assert Counter(Escalation.objects.values_list("percent", "state")) == {
        (50, "superseded"): 150,
        (75, "superseded"): 150,
        (100, "fired"): 150,
    }
    assert OutboxMail.objects.filter(template="escalation").count() == 150
    assert verify(now=BREACH).differing == 0


def test_what_a_specialist_does_during_a_sweep_survives_it(world):
    """Replies and assignments race sweeps over the same clocks, again and again; none is lost, none waits for ever."""
    opened = tickets(60)
    specialist, lead = world["specialist"], world["lead"]

    def work():
        for ticket in opened[:30]:
            services.reply(ticket=ticket, actor=specialist, body="Hello.", now=BREACH)
        for ticket in opened[30:]:
            services.assign(ticket=ticket, owner=specialist, actor=lead, now=BREACH)

    raised = at_once(work, *[lambda: [sweep(now=BREACH, batch_size=5) for _ in range(20)]] * 2)
    assert raised == []
    sweep(now=BREACH)
    replied, assigned = ([ticket.pk for ticket in part] for part in (opened[:30], opened[30:]))
    assert Message.objects.filter(kind="reply", ticket__in=replied).count() == 30
    answered = Clock.objects.filter(ticket__in=replied)
    assert set(answered.values_list("state", "answered_by", "breached_at")) == {
        ("fulfilled", specialist.pk, NOW + 60 * MINUTE)
    }
    still_open = Clock.objects.filter(ticket__in=assigned)
    assert set(still_open.values_list("state", "ticket__owner", "breached_at")) == {
        ("running", specialist.pk, NOW + 60 * MINUTE)
    }
    # However the race went, every breach was written once, and the columns are what the events say.
    assert ClockEvent.objects.filter(kind="breach").count() == 60
    result = verify(now=BREACH)
    assert (result.differing, result.examples) == (0, [])


def test_a_sweep_does_not_wait_for_a_person_who_holds_a_ticket(world):
    """A clock that somebody works on is left to the next sweep; the others are not held up."""
    held, free = tickets(2)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            services.add_note(ticket=held, actor=world["specialist"], body="On it.", now=STEP)
            entered.set()
            leave.wait(timeout=30)

    def sweep_meanwhile():
        entered.wait(timeout=30)
        try:
            sweep(now=STEP)
            assert set(Escalation.objects.values_list("ticket", flat=True)) == {free.pk}
        finally:
            leave.set()

    assert at_once(hold, sweep_meanwhile) == []
    sweep(now=STEP)
    assert set(Escalation.objects.values_list("ticket", flat=True)) == {held.pk, free.pk}


KILLED = """
from helpdesk.escalation import sweep
written = sweep._save
def save(clocks):
    save.batches += 1
    if save.batches == 3:
        die()  # everything of the batch is written, nothing is committed
    written(clocks)
save.batches = 0
sweep._save = save
sweep.sweep(now=NOW, batch_size=20)
"""


def test_a_sweeper_killed_in_mid_batch_leaves_nothing_half_done(world):
    tickets(100)
    killed_while(KILLED, now=BREACH)
    # Two batches are whole, of the third there is nothing.
    assert Escalation.objects.filter(state="fired").count() == 40
    assert ClockEvent.objects.filter(kind="breach").count() == 40
    assert OutboxMail.objects.filter(template="escalation").count() == 40
    assert verify(now=BREACH).differing == 0
    assert sweep(now=BREACH).claimed == 60
    assert Counter(Escalation.objects.values_list("percent", "state")) == {
        (50, "superseded"): 100,
        (75, "superseded"): 100,
        (100, "fired"): 100,
    }
    assert OutboxMail.objects.filter(template="escalation").count() == 100
    assert verify(now=BREACH).differing == 0


@pytest.mark.django_db
def test_a_batch_takes_as_many_queries_for_fifty_clocks_as_for_five(staff):
    counts = []
    for number in (5, 50):
        tickets(number)
        with CaptureQueriesContext(connection) as queries:
            assert sweep(now=BREACH).claimed == number
        counts.append(len([query for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]))
        Clock.objects.update(next_check_at=None)
    assert counts[0] == counts[1]
    # Claim, two kinds of versions, events, escalations, notices, mails, clocks; around them the
    # directory's four, the look for acts, and the heartbeat's two.
    assert counts[0] <= 8 + 4 + 1 + 3


@pytest.mark.django_db
def test_only_what_is_due_is_read(staff):
    """The sweep's cost follows what is due: it walks the partial index, and sorts nothing."""
    tickets(30)
    with CaptureQueriesContext(connection) as queries:
        module._claim(now=STEP, size=5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")  # thirty rows tempt the planner
        cursor.execute("EXPLAIN " + queries[-1]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using clock_next_check" in plan
    assert "Sort" not in plan
