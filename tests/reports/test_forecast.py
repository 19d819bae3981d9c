"""The forecast says what its method says, and how wrong that was (SPEC 2.8)."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from helpdesk.reports.forecast import BACK, EVERY, HORIZON, MOST_LISTED, PACE_OF, STALE, TRIED, Forecast, forecast
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LONG_AGO = -60 * 24 * 60  # minutes: before all that is read


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


@pytest.fixture
def put(manager):
    """Writes guaranteed targets: minutes of the deadline, of the start and of the answer, all from `NOW`."""
    first = make_ticket(DesignatedFactory(), now=NOW + LONG_AGO * MINUTE).clocks.get()

    def write(*targets: tuple[int, int, int | None]) -> None:
        Clock.objects.bulk_create(
            Clock(
                ticket_id=first.ticket_id,
                metric=first.metric,
                cycle=cycle,
                promise=first.promise,
                policy_version_id=first.policy_version_id,
                calendar_version_id=first.calendar_version_id,
                target_seconds=first.target_seconds,
                started_at=NOW + started * MINUTE,
                counted_from=NOW + started * MINUTE,
                due_at=NOW + due * MINUTE,
                ended_at=None if ended is None else NOW + ended * MINUTE,
                answered_by=None if ended is None else manager,
                state="running" if ended is None else "fulfilled",
            )
            for cycle, (due, started, ended) in enumerate(targets, start=2)
        )

    return write


def answered(count: int) -> list[tuple[int, int, int]]:
    """So many answers in the last two hours, long before their deadlines."""
    return [(230, -100, -1)] * count


def missed(found: Forecast) -> list[int]:
    """The deadlines of those that will be missed, in minutes from now."""
    return [(turn.due - NOW) // MINUTE for turn in found.used.turns]


@pytest.mark.parametrize(("answers", "late"), [(12, []), (8, [25, 31]), (4, [20, 25, 31, 60]), (0, [20, 25, 31, 60])])
def test_each_turn_comes_in_the_order_of_the_deadlines(put, manager, answers, late):
    """At 6 an hour after 10, 20, 30 and 40 minutes; at 4 after 15, 30, 45 and 60: at the very deadline is in time."""
    put(*answered(answers), (20, -60, None), (25, -60, None), (31, -60, None), (60, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (missed(found), found.used.missed, found.due, found.used.pace) == (late, len(late), 4, answers / 2)


def test_a_turn_says_when_it_comes(put, manager):
    put(*answered(8), (20, -60, None), (25, -60, None))
    assert [turn.at for turn in forecast(reader=manager, now=NOW).used.turns] == [NOW + 30 * MINUTE]


def test_without_any_pace_nobody_knows_when_a_turn_comes(put, manager):
    put((5, -60, None))
    assert [turn.at for turn in forecast(reader=manager, now=NOW).used.turns] == [None]


def test_what_is_late_already_stands_in_front_and_is_no_prediction(put, manager):
    put(*answered(12), (-10, -60, None), (15, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (found.late, found.due, missed(found)) == (1, 1, [15])


def test_what_has_ended_or_not_begun_or_lies_beyond_is_not_in_it(put, manager):
    put((-25 * 60, -60, None), (10, -60, -1), (90, 1, None), (241, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (found.late, found.due, found.used.turns) == (0, 0, [])


def test_the_pace_is_that_of_the_last_two_hours(put, manager):
    put(*[(230, -200, ended) for ended in (-121, -120, -119, -1, 0, 1)])
    assert forecast(reader=manager, now=NOW).used.pace == 1.5


def test_the_error_is_what_was_said_against_what_came(put, manager):
    begin = -28 * 24 * 60  # the first instant that is tried
    put(
        (begin + 30, begin - 5, begin + 40),  # said: missed, as nobody answered before; it was
        (begin + 50, begin - 5, begin + 45),  # said: missed; it was not
        (begin + 55, begin + 1, begin + 99),  # came in later: nobody could have said so
    )
    error = forecast(reader=manager, now=NOW).used.error
    assert (error.count, error.exact) == (168, 168)
    assert (error.predicted * 168, error.actual * 168, error.off * 168) == pytest.approx((2, 1, 1))


def by_hand(targets: list[tuple[int, int, int | None]], at: int) -> tuple[int, int, int, int]:
    """Late, due, said and came at an instant, target by target, in minutes."""
    pace = sum(
        ended is not None and at - PACE_OF / MINUTE < ended <= at and due <= at + HORIZON / MINUTE
        for due, _started, ended in targets
    )
    waiting = sorted(
        (due, place, ended)
        for place, (due, started, ended) in enumerate(targets)
        if started <= at and (ended is None or ended > at) and at - STALE / MINUTE <= due <= at + HORIZON / MINUTE
    )
    ahead = [(place, due, ended) for place, (due, _id, ended) in enumerate(waiting, start=1) if due > at]
    said = sum(place * (PACE_OF / MINUTE) > pace * (due - at) for place, due, _ended in ahead)
    came = sum(ended is None or ended > due for _place, due, ended in ahead)
    return len(waiting) - len(ahead), len(ahead), said, came


@pytest.mark.parametrize("seed", range(3))
def test_the_statement_counts_what_the_method_counts(put, manager, seed):
    chance = random.Random(seed)  # noqa: S311
    targets = []
    for _target in range(600):
        started = chance.randrange(-29 * 24 * 60, 60)
        due = started + chance.choice([5, 30, 240, 600])
        ended = chance.choice([None, *[started + chance.randrange(1, 400)] * 4])
        targets.append((due, started, ended))
    put(*targets)
    found = forecast(reader=manager, now=NOW)
    assert (found.late, found.due, found.by_pace.missed) == by_hand(targets, 0)[:3]
    tried = [by_hand(targets, int((number * EVERY - BACK) / MINUTE))[2:] for number in range(TRIED)]
    off = [abs(said - came) for said, came in tried]
    assert found.by_pace.error.predicted * TRIED == pytest.approx(sum(said for said, _came in tried))
    assert found.by_pace.error.actual * TRIED == pytest.approx(sum(came for _said, came in tried))
    assert found.by_pace.error.off * TRIED == pytest.approx(sum(off))
    assert found.by_pace.error.exact == sum(distance <= 1 for distance in off)


def test_no_more_are_read_than_are_listed_and_the_page_says_how_many_more(put, manager, client):
    put(*[(minutes, -60, None) for minutes in range(1, MOST_LISTED + 8)])
    found = forecast(reader=manager, now=NOW)
    assert (found.used.missed, len(found.used.turns)) == (MOST_LISTED + 7, MOST_LISTED)
    client.force_login(manager, backend="allauth.account.auth_backends.AuthenticationBackend")
    with time_machine.travel(NOW, tick=False):
        assert "and 7 more" in client.get("/admin/reports/forecast/").text


def test_the_page_lists_what_will_be_missed(manager, django_assert_num_queries):
    anna, member = StaffFactory(), DesignatedFactory()
    for minutes in (100, 70):  # two answers in two hours: one an hour
        done = make_ticket(member, now=NOW - minutes * MINUTE)
        services.reply(ticket=done, actor=anna, body="Done.", now=NOW - (minutes - 5) * MINUTE)
    other = make_ticket(member, now=NOW)
    lost = make_ticket(member, now=NOW, critical=True, subject="Lost one")
    found = forecast(reader=manager, now=NOW)
    assert (found.used.pace, found.due, [turn.ticket for turn in found.used.turns]) == (1.0, 2, [lost.pk, other.pk])
    client = Client()
    client.force_login(manager, backend="allauth.account.auth_backends.AuthenticationBackend")
    with time_machine.travel(NOW, tick=False):
        assert "Lost one" in client.get("/admin/reports/forecast/").text
        with CaptureQueriesContext(connection) as few:
            client.get("/admin/reports/forecast/")
        count = len(few)
        for _more in range(29):
            make_ticket(member, now=NOW)
        with django_assert_num_queries(count):
            client.get("/admin/reports/forecast/")


def test_an_empty_database_has_a_forecast(manager):
    found = forecast(reader=manager, now=NOW)
    assert (found.used.turns, found.late, found.by_pace.error.off, found.by_pace.error.exact) == ([], 0, 0.0, 168)
    assert timedelta(hours=4) == HORIZON


@pytest.mark.parametrize("role", ["specialist", "team_lead"])
def test_who_is_no_manager_is_told_nothing(put, role):
    put((5, -60, None))
    assert forecast(reader=StaffFactory(staff_role=role), now=NOW) == Forecast(now=NOW)


def by(person, *ended: int) -> list[Clock]:
    """Answers of theirs, that many minutes from `NOW`, to what would have been due in four hours."""
    clocks = list(Clock.objects.filter(ended_at__in=[NOW + minutes * MINUTE for minutes in ended]))
    assert len(clocks) == len(ended)
    for clock in clocks:
        clock.answered_by = person
    Clock.objects.bulk_update(clocks, ["answered_by"])
    return clocks


def test_people_at_work_are_who_answered_within_two_hours_at_the_pace_of_a_week(put, manager):
    """A day ago two people answered four and two in two hours; now one of them and a third have answered one each.

    That is eight answers by four people for two hours each: one an hour. Two are at work now, so two an hour
    will be answered, after 30, 60 and 90 minutes; by the pace of two in two hours it is one an hour.
    """
    day = -24 * 60
    put(*[(day + 200, day - 200, day - minutes) for minutes in (1, 2, 3, 4, 5, 6)])
    put_more = [(230, -100, -7), (230, -100, -8)]
    Clock.objects.filter(ended_at__isnull=False).update(cycle=F("cycle") + 100)
    put(*put_more)
    Clock.objects.filter(ended_at__gt=NOW - 60 * MINUTE).update(cycle=F("cycle") + 200)
    put((29, -60, None), (60, -60, None), (90, -60, None))
    anna, ben, eva = StaffFactory(), StaffFactory(), StaffFactory()
    by(anna, *[day - minutes for minutes in (1, 2, 3, 4)], -7)
    by(ben, day - 5, day - 6)
    by(eva, -8)
    found = forecast(reader=manager, now=NOW, people=4)
    assert (found.people, found.per_person) == (2, 1.0)
    assert (found.by_pace.pace, found.by_pace.missed) == (1.0, 3)
    assert (found.by_people.pace, found.by_people.missed) == (2.0, 1)
    assert (found.asked.pace, found.asked.missed) == (4.0, 0)
    assert [turn.at for turn in found.by_people.turns] == [NOW + 30 * MINUTE]
    one = forecast(reader=manager, now=NOW, people=1)
    assert (one.asked.pace, one.asked.missed, one.by_people.missed) == (1.0, 3, 1)
    assert one.asked.error == one.by_people.error


def test_who_answers_objectives_is_at_work_but_only_guarantees_are_their_pace(put, manager):
    put((230, -100, -1), (230, -100, -2))
    by(StaffFactory(), -2)
    Clock.objects.filter(ended_at=NOW - 2 * MINUTE).update(promise="objective")
    found = forecast(reader=manager, now=NOW)
    assert (found.people, found.per_person, found.by_people.pace) == (2, 0.25, 0.5)


def test_the_week_ends_where_it_says(put, manager):
    """At the very edge it is a week ago; and a pace that nobody has shown is not known."""
    put((-7 * 24 * 60 + 30, -8 * 24 * 60, -7 * 24 * 60))
    assert forecast(reader=manager, now=NOW).per_person is None
    Clock.objects.filter(ended_at__isnull=False).update(ended_at=NOW - 7 * 24 * 60 * MINUTE + timedelta(seconds=1))
    found = forecast(reader=manager, now=NOW, people=2)
    assert (found.per_person, found.people, found.asked.pace) == (0.5, 0, 1.0)


def test_the_way_that_was_off_by_less_is_used(put, manager):
    """Nobody had answered for two hours at an instant, by the pace all is lost; somebody at work says otherwise.

    Four guarantees were answered in two hours a day before. At the instant only an objective had been: the
    pace is nought; one at work answers two in two hours. The one in the line was answered in time.
    """
    at = -2 * 24 * 60
    put(*[(at - 24 * 60 + 100, at - 26 * 60, at - 24 * 60 - minutes) for minutes in (10, 11, 12, 13)])
    Clock.objects.filter(ended_at__isnull=False).update(cycle=F("cycle") + 100)
    put((at + 100, at - 100, at - 30), (at + 90, at - 5, at + 50))
    Clock.objects.filter(ended_at=NOW + (at - 30) * MINUTE).update(promise="objective")
    found = forecast(reader=manager, now=NOW)
    assert (found.by_pace.error.predicted * TRIED, found.by_people.error.predicted * TRIED) == pytest.approx((1, 0))
    assert found.is_by_people
    assert found.used is found.by_people


@pytest.mark.parametrize("seed", range(2))
def test_the_statement_counts_people_as_the_method_counts_them(put, manager, seed):
    chance = random.Random(seed)  # noqa: S311
    staff = [StaffFactory().pk for _person in range(5)]
    targets = []
    for _target in range(500):
        started = chance.randrange(-36 * 24 * 60, 60)
        targets.append((started + chance.choice([5, 30, 240]), started, started + chance.randrange(1, 300)))
    put(*[(due, started, ended if ended <= 0 else None) for due, started, ended in targets])
    answers = list(Clock.objects.filter(ended_at__isnull=False, answered_by__isnull=False))
    for clock in answers:
        clock.answered_by_id = chance.choice(staff)
    Clock.objects.bulk_update(answers, ["answered_by"])

    def stretch(end: int) -> tuple[int, int]:
        within = [clock for clock in answers if end - 120 < (clock.ended_at - NOW) / MINUTE <= end]
        due = [clock for clock in within if clock.counted_at <= NOW + (end + 240) * MINUTE]
        return len(due), len({clock.answered_by_id for clock in within})

    week = [stretch(-120 * number) for number in range(84)]
    found = forecast(reader=manager, now=NOW)
    each = sum(count for count, _people in week) / sum(people for _count, people in week) / 2
    assert found.people == week[0][1]
    assert found.per_person == pytest.approx(each)
    assert found.by_people.pace == pytest.approx(each * week[0][1])


@pytest.fixture
def page(manager):
    client = Client()
    client.force_login(manager, backend="allauth.account.auth_backends.AuthenticationBackend")

    def read(query: str) -> str:
        with time_machine.travel(NOW, tick=False):
            return client.get(f"/admin/reports/forecast/{query}").text

    return read


def test_the_page_says_what_another_number_of_people_would_change(put, page):
    put(*answered(4), *[(31, -60, None)] * 2, (60, -60, None))
    now, more = page(""), page("?people=3")
    assert "Used: the pace only" in now
    assert "Now that is 1 person, at 2.0 an hour." in now
    assert "With 3 people at work, each of whom answers 2.0 an hour. As it is now, 2 would be missed." in more
    assert "None: at this pace each turn comes before its deadline." in more
    assert "With 1 person at work" in page("?people=1")


@pytest.mark.parametrize("people", ["0", "501", "-1", "two", "1.5", "9" * 5000, "<b>"])
def test_a_number_of_people_that_cannot_be_is_said_beside_the_field(put, page, people):
    put(*answered(4), (5, -60, None))
    text = page(f"?people={people}")
    assert "Give a whole number from 1 to 500." in text
    assert f'value="{escape(people)}"' in text
    assert "people at work, each" not in text


def test_an_empty_number_is_as_it_is_now(page):
    assert "Give a whole number" not in page("?people=")


def test_nobody_knows_what_people_would_answer_when_nobody_did(put, page):
    put((5, -60, None))
    assert "Nobody has answered in the last seven days" in page("?people=3")
