"""Steps fire once each, at their time, to the right people (SPEC 2.5)."""

from datetime import timedelta

import pytest

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Heartbeat, Notice, OutboxMail
from helpdesk.notifications.services import DELIVER_TASK
from helpdesk.sla.verification import difference
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from tests.factories import StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def staff():
    """A team with a lead and a specialist that serves the Content Hub, and a manager."""
    team = TeamFactory()
    people = {
        "specialist": StaffFactory(),
        "lead": StaffFactory(staff_role="team_lead"),
        "manager": StaffFactory(staff_role="manager"),
    }
    add_to_team(team, people["specialist"])
    add_to_team(team, people["lead"], lead=True)
    Hub.objects.get(code="content").teams.add(team)
    return people


def fired() -> list[tuple]:
    return list(Escalation.objects.order_by("due_at").values_list("percent", "reminder", "state", "due_at"))


def test_each_step_fires_once_at_its_time(staff, now):
    make_ticket(now=now)
    for minute in range(0, 125):
        sweep(now=now + minute * MINUTE + timedelta(seconds=1))
    assert fired() == [
        (50, 0, "fired", now + 30 * MINUTE),
        (75, 0, "fired", now + 45 * MINUTE),
        (100, 0, "fired", now + 60 * MINUTE),
        (100, 1, "fired", now + 90 * MINUTE),
        (100, 2, "fired", now + 120 * MINUTE),
    ]


def test_the_team_then_its_lead_then_the_manager_hear_of_it(staff, now):
    make_ticket(now=now)
    told = []
    for minute in (31, 46, 61):
        sweep(now=now + minute * MINUTE)
        told.append(sorted(Notice.objects.values_list("recipient", flat=True)))
        Notice.objects.all().delete()
    assert told == [
        sorted([staff["specialist"].pk, staff["lead"].pk]),
        [staff["lead"].pk],
        [staff["manager"].pk],
    ]
    assert OutboxMail.objects.filter(template="escalation").count() == 4


def test_the_owner_alone_hears_of_the_first_step(staff, now):
    ticket = make_ticket(now=now)
    services.assign(ticket=ticket, owner=staff["specialist"], actor=staff["lead"], now=now)
    sweep(now=now + 31 * MINUTE)
    assert list(Notice.objects.values_list("recipient", flat=True)) == [staff["specialist"].pk]


def test_nothing_fires_for_an_answered_ticket(staff, now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=staff["specialist"], body="Hi", now=now + MINUTE)
    sweep(now=now + 300 * MINUTE)
    assert fired() == []


def test_after_a_gap_the_newest_step_fires_and_the_older_ones_are_superseded(staff, now):
    make_ticket(now=now)
    result = sweep(now=now + 62 * MINUTE)
    assert fired() == [
        (50, 0, "superseded", now + 30 * MINUTE),
        (75, 0, "superseded", now + 45 * MINUTE),
        (100, 0, "fired", now + 60 * MINUTE),
    ]
    assert (result.fired, result.superseded, result.breached) == (1, 2, 1)
    assert OutboxMail.objects.filter(template="escalation").count() == 1


def test_mails_leave_at_once_after_a_sweep_that_fired_and_no_other_asks_for_it(staff, now, monkeypatch):
    """A step's mail must not wait for beat, which may be away."""
    kicked = []
    monkeypatch.setattr("helpdesk.escalation.sweep.kick", kicked.append)
    make_ticket(now=now)
    sweep(now=now + 30 * MINUTE)
    assert kicked == []
    sweep(now=now + 31 * MINUTE)
    assert kicked == [DELIVER_TASK]


def test_the_breach_is_stamped_with_the_deadline_however_late_the_sweep(staff, now):
    ticket = make_ticket(now=now)
    services.assign(ticket=ticket, owner=staff["specialist"], actor=staff["lead"], now=now)
    sweep(now=now + 500 * MINUTE)
    clock = ticket.clocks.get()
    assert clock.breached_at == now + 60 * MINUTE
    assert difference(clock, list(clock.events.order_by("number"))) == ""
    breach = clock.events.get(kind="breach")
    assert (breach.at, breach.recorded_at) == (now + 60 * MINUTE, now + 500 * MINUTE)
    assert breach.data == {"owner": staff["specialist"].pk}


def test_at_the_very_deadline_nothing_is_breached_yet(staff, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 60 * MINUTE)
    assert ticket.clocks.get().breached_at is None


def test_at_the_very_instant_of_a_step_it_is_not_late_yet(staff, now):
    make_ticket(now=now)
    sweep(now=now + 45 * MINUTE)
    assert fired() == [(50, 0, "fired", now + 30 * MINUTE)]
    sweep(now=now + 45 * MINUTE + timedelta(microseconds=1))
    assert fired()[1:] == [(75, 0, "fired", now + 45 * MINUTE)]


def test_a_step_that_was_swept_already_is_not_told_twice(staff, now):
    """Whatever set the next look back: what stands in the log is done, and the sweep goes on."""
    ticket = make_ticket(now=now)
    sweep(now=now + 31 * MINUTE)
    ticket.clocks.update(next_check_at=now + 29 * MINUTE)
    sweep(now=now + 32 * MINUTE)
    assert fired() == [(50, 0, "fired", now + 30 * MINUTE)]
    assert OutboxMail.objects.filter(template="escalation").count() == 2  # one to each of the team


def test_a_sweep_leaves_word_of_what_it_did_and_how_late_it_was(staff, now):
    make_ticket(now=now)
    nothing = {"claimed": 0, "fired": 0, "superseded": 0, "breached": 0, "failed": 0, "acts": 0, "batches": 0}
    assert sweep(now=now + 30 * MINUTE).as_json() == nothing | {"late_seconds": 0.0}
    sweep(now=now + 31 * MINUTE)
    word = Heartbeat.objects.get(name="sweep")
    assert (word.at, word.detail) == (
        now + 31 * MINUTE,
        nothing | {"claimed": 1, "fired": 1, "batches": 1, "late_seconds": 60.0},
    )


def test_a_sweep_with_nothing_to_do_was_not_late(now):
    """Else the watchdog's figures of a quiet night would show a delay that there was not."""
    figures = sweep(now=now).as_json()
    assert set(figures.values()) == {0}


def test_after_a_declined_claim_only_the_steps_ahead_fire(staff, now):
    ticket = make_ticket(critical=True, now=now)
    sweep(now=now + 16 * MINUTE)
    services.judge_claim(ticket=ticket, actor=staff["lead"], confirmed=False, reason="No.", now=now + 20 * MINUTE)
    for minute in range(20, 62):
        sweep(now=now + minute * MINUTE)
    assert fired() == [
        (50, 0, "fired", now + 15 * MINUTE),
        (50, 0, "fired", now + 30 * MINUTE),
        (75, 0, "fired", now + 45 * MINUTE),
        (100, 0, "fired", now + 60 * MINUTE),
    ]


def test_acknowledging_stops_the_reminders_but_not_the_breach(staff, now):
    ticket = make_ticket(now=now)
    sweep(now=now + 61 * MINUTE)
    escalation = Escalation.objects.get(percent=100)
    assert acknowledge(escalation=escalation, actor=staff["manager"], now=now + 65 * MINUTE) is True
    assert acknowledge(escalation=escalation, actor=staff["lead"], now=now + 66 * MINUTE) is False
    for minute in range(66, 200, 5):
        sweep(now=now + minute * MINUTE)
    assert [row[:2] for row in fired()] == [(50, 0), (75, 0), (100, 0)]
    escalation.refresh_from_db()
    assert escalation.acknowledged_by == staff["manager"]
    assert ticket.clocks.get().breached_at == now + 60 * MINUTE


def test_a_post_that_is_vacant_is_never_a_step_lost(now):
    administrator = StaffFactory(staff_role="administrator")
    make_ticket(now=now)  # no team, no lead, no manager
    sweep(now=now + 31 * MINUTE)
    assert list(Notice.objects.values_list("recipient", flat=True)) == [administrator.pk]
