"""Who hears of a step: never nobody, never somebody who is away while anybody is there (SPEC 2.5)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import OnCallShift
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.recipients import Directory
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.sla.terms import Recipient
from helpdesk.tickets import services
from tests.factories import StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HALF, THREE_QUARTERS, DUE = 31 * MINUTE, 46 * MINUTE, 61 * MINUTE


def step(percent: int, *recipients: str, **also) -> dict:
    return {"percent": percent, "recipients": list(recipients), **also}


def duty(person, now, *, team=None, hours: int = 8) -> None:
    OnCallShift.objects.create(user=person, team=team, starts_at=now - HOUR, ends_at=now + hours * HOUR)


def heard(now) -> set[int]:
    """Sweep, and see who has a notice and a mail: the same people, those that the escalation names."""
    sweep(now=now)
    row = Escalation.objects.filter(state="fired").latest("due_at", "id")
    notices = Notice.objects.filter(created_at=now).values_list("recipient", flat=True)
    mails = OutboxMail.objects.filter(template="escalation", created_at=now).values_list("recipient", flat=True)
    assert sorted(notices) == sorted(mails) == sorted(row.told)
    return set(row.told)


def passed_over() -> list[dict]:
    return Escalation.objects.filter(state="fired").latest("due_at", "id").skipped


def owned(crew, now):
    ticket = make_ticket(now=now)
    services.assign(ticket=ticket, owner=crew.anna, actor=crew.olu, now=now)
    return ticket


def test_an_owner_who_is_away_is_passed_over_for_the_team_and_that_is_written_down(crew, leave, now):
    owned(crew, now)
    away = leave(crew.anna)
    assert heard(now + HALF) == {crew.jan.pk, crew.olu.pk}
    assert passed_over() == [{"user": crew.anna.pk, "until": away.ends_at.isoformat()}]


def test_an_owner_who_is_back_hears_again(crew, leave, now):
    owned(crew, now)
    away = leave(crew.anna)
    away.ends_at = now + 30 * MINUTE  # back on the minute
    away.save()
    assert heard(now + 30 * MINUTE + timedelta(seconds=1)) == {crew.anna.pk}
    assert passed_over() == []


def test_one_of_a_team_is_away_and_the_others_hear(crew, leave, now):
    make_ticket(now=now)
    leave(crew.jan)
    assert heard(now + HALF) == {crew.anna.pk, crew.olu.pk}
    assert [row["user"] for row in passed_over()] == [crew.jan.pk]


def test_a_lead_who_is_away_is_passed_over_for_the_manager(crew, leave, now):
    make_ticket(now=now)
    leave(crew.olu)
    assert heard(now + THREE_QUARTERS) == {crew.helen.pk}
    assert [row["user"] for row in passed_over()] == [crew.olu.pk]


def test_a_whole_line_is_away_up_to_the_administrator(crew, leave, now):
    owned(crew, now)
    for person in (crew.anna, crew.jan, crew.olu, crew.helen):
        leave(person)
    assert heard(now + HALF) == {crew.robin.pk}
    assert [row["user"] for row in passed_over()] == [crew.anna.pk, crew.jan.pk, crew.olu.pk, crew.helen.pk]


def test_when_everybody_is_away_those_who_hold_the_post_hear_anyway(crew, leave, now):
    make_ticket(now=now)
    for person in (crew.anna, crew.jan, crew.olu, crew.helen, crew.robin):
        leave(person)
    assert heard(now + THREE_QUARTERS) == {crew.olu.pk}
    assert [row["user"] for row in passed_over()] == [crew.helen.pk, crew.robin.pk]


def test_of_a_vacant_post_with_everybody_away_the_next_holders_hear(crew, leave, climb, now):
    climb(step(100, "on_call"))
    make_ticket(now=now)
    for person in (crew.olu, crew.helen, crew.robin):
        leave(person)
    assert heard(now + DUE) == {crew.olu.pk}


@pytest.mark.parametrize("everywhere", [True, False])
def test_who_is_on_call_for_the_team_or_for_all_hears(crew, climb, now, everywhere):
    climb(step(100, "on_call"))
    duty(crew.jan, now, team=None if everywhere else crew.team)
    duty(StaffFactory(), now, team=TeamFactory())  # on call, but for others
    duty(crew.anna, now - 9 * HOUR)  # this duty is over
    duty(crew.olu, now + 9 * HOUR)  # and this one to come
    make_ticket(now=now)
    assert heard(now + DUE) == {crew.jan.pk}


def test_two_are_on_call_and_hear_once_each(crew, climb, now):
    climb(step(100, "on_call", "manager"))
    duty(crew.jan, now, team=crew.team)
    duty(crew.jan, now)
    duty(crew.helen, now)
    make_ticket(now=now)
    assert heard(now + DUE) == {crew.jan.pk, crew.helen.pk}
    assert Notice.objects.count() == 2


def test_nobody_is_on_call_or_who_is_is_away_then_the_lead_hears(crew, leave, climb, now):
    climb(step(50, "on_call"), step(100, "on_call"))
    make_ticket(now=now)
    assert heard(now + HALF) == {crew.olu.pk}
    duty(crew.jan, now)
    leave(crew.jan)
    assert heard(now + DUE) == {crew.olu.pk}
    assert [row["user"] for row in passed_over()] == [crew.jan.pk]


def test_a_ticket_without_a_team_reaches_who_is_on_call_for_all(climb, now):
    climb(step(100, "on_call"))
    person = StaffFactory()
    duty(person, now)
    make_ticket(now=now)
    assert heard(now + DUE) == {person.pk}


def test_somebody_who_left_the_house_is_on_no_list(crew, climb, now):
    climb(step(100, "on_call"))
    gone = StaffFactory(is_active=False)
    duty(gone, now, team=crew.team)
    make_ticket(now=now)
    assert heard(now + DUE) == {crew.olu.pk}


def test_reminders_go_to_those_that_the_policy_names_for_them(crew, climb, now):
    climb(step(100, "manager", raise_priority=True), repeat_recipients=["owner", "team_lead"])
    ticket = owned(crew, now)
    assert heard(now + DUE) == {crew.helen.pk}
    assert heard(now + DUE + 30 * MINUTE) == {crew.anna.pk, crew.olu.pk}
    ticket.refresh_from_db()
    assert ticket.priority == 1  # the step's act, not done again by its reminder


@pytest.mark.parametrize(("way", "notices", "mails"), [("in_app", 1, 0), ("email", 0, 1)])
def test_a_step_tells_by_the_way_it_names(crew, climb, now, way, notices, mails):
    climb(step(100, "manager", ways=[way]))
    make_ticket(now=now)
    sweep(now=now + DUE)
    mailed = OutboxMail.objects.filter(template="escalation", recipient=crew.helen).count()
    assert (crew.helen.notices.count(), mailed) == (notices, mails)
    row = Escalation.objects.get()
    assert row.told == [crew.helen.pk]
    # On a screen it is delivered as soon as it is written.
    assert row.delivered_at == (row.detected_at if way == "in_app" else None)


def test_superseded_steps_tell_nobody(crew, now):
    make_ticket(now=now)
    sweep(now=now + DUE)
    assert list(Escalation.objects.order_by("percent").values_list("percent", "told")) == [
        (50, []),
        (75, []),
        (100, [crew.helen.pk]),
    ]


def test_a_service_without_anybody_says_so_in_its_log(now, caplog):
    make_ticket(now=now)
    sweep(now=now + DUE)
    assert Escalation.objects.get(state="fired").told == []
    assert "no administrator is active" in caplog.text


def test_the_directory_takes_as_many_queries_for_many_people_as_for_few(crew, leave, now):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            Directory.load(now=now)
        return len(queries)

    assert count() == 4
    for _number in range(30):
        person = StaffFactory(quiet_from="22:00", quiet_until="07:00")
        leave(person)
        duty(person, now, team=TeamFactory())
    assert count() == 4


def test_customers_are_in_no_directory_and_who_has_left_holds_up_nobody(crew, leave, now):
    """A team's member who is no longer active is still written down as one."""
    ticket = make_ticket(now=now)
    leave(ticket.requester)
    crew.jan.is_active = False
    crew.jan.save()
    directory = Directory.load(now=now)
    assert ticket.requester_id not in {*directory.people, *directory.readers, *directory.away}
    heard = directory.find(ticket=ticket, recipients=(Recipient.TEAM,))
    assert heard.told == [crew.anna.pk, crew.olu.pk]
