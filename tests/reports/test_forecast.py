"""The forecast says what its method says, and how wrong that was (SPEC 2.8)."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

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
    return [(turn.due - NOW) // MINUTE for turn in found.turns]


@pytest.mark.parametrize(("answers", "late"), [(12, []), (8, [25, 31]), (4, [20, 25, 31, 60]), (0, [20, 25, 31, 60])])
def test_each_turn_comes_in_the_order_of_the_deadlines(put, manager, answers, late):
    """At 6 an hour after 10, 20, 30 and 40 minutes; at 4 after 15, 30, 45 and 60: at the very deadline is in time."""
    put(*answered(answers), (20, -60, None), (25, -60, None), (31, -60, None), (60, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (missed(found), found.missed, found.due, found.pace) == (late, len(late), 4, answers / 2)


def test_a_turn_says_when_it_comes(put, manager):
    put(*answered(8), (20, -60, None), (25, -60, None))
    assert [turn.at for turn in forecast(reader=manager, now=NOW).turns] == [NOW + 30 * MINUTE]


def test_without_any_pace_nobody_knows_when_a_turn_comes(put, manager):
    put((5, -60, None))
    assert [turn.at for turn in forecast(reader=manager, now=NOW).turns] == [None]


def test_what_is_late_already_stands_in_front_and_is_no_prediction(put, manager):
    put(*answered(12), (-10, -60, None), (15, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (found.late, found.due, missed(found)) == (1, 1, [15])


def test_what_has_ended_or_not_begun_or_lies_beyond_is_not_in_it(put, manager):
    put((-25 * 60, -60, None), (10, -60, -1), (90, 1, None), (241, -60, None))
    found = forecast(reader=manager, now=NOW)
    assert (found.late, found.due, found.turns) == (0, 0, [])


def test_the_pace_is_that_of_the_last_two_hours(put, manager):
    put(*[(230, -200, ended) for ended in (-121, -120, -119, -1, 0, 1)])
    assert forecast(reader=manager, now=NOW).pace == 1.5


def test_the_error_is_what_was_said_against_what_came(put, manager):
    begin = -28 * 24 * 60  # the first instant that is tried
    put(
        (begin + 30, begin - 5, begin + 40),  # said: missed, as nobody answered before; it was
        (begin + 50, begin - 5, begin + 45),  # said: missed; it was not
        (begin + 55, begin + 1, begin + 99),  # came in later: nobody could have said so
    )
    error = forecast(reader=manager, now=NOW).error
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
    assert (found.late, found.due, found.missed) == by_hand(targets, 0)[:3]
    tried = [by_hand(targets, int((number * EVERY - BACK) / MINUTE))[2:] for number in range(TRIED)]
    off = [abs(said - came) for said, came in tried]
    assert found.error.predicted * TRIED == pytest.approx(sum(said for said, _came in tried))
    assert found.error.actual * TRIED == pytest.approx(sum(came for _said, came in tried))
    assert found.error.off * TRIED == pytest.approx(sum(off))
    assert found.error.exact == sum(distance <= 1 for distance in off)


def test_no_more_are_read_than_are_listed_and_the_page_says_how_many_more(put, manager, client):
    put(*[(minutes, -60, None) for minutes in range(1, MOST_LISTED + 8)])
    found = forecast(reader=manager, now=NOW)
    assert (found.missed, len(found.turns)) == (MOST_LISTED + 7, MOST_LISTED)
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
    assert (found.pace, found.due, [turn.ticket for turn in found.turns]) == (1.0, 2, [lost.pk, other.pk])
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
    assert (found.turns, found.late, found.error.off, found.error.exact) == ([], 0, 0.0, 168)
    assert timedelta(hours=4) == HORIZON


@pytest.mark.parametrize("role", ["specialist", "team_lead"])
def test_who_is_no_manager_is_told_nothing(put, role):
    put((5, -60, None))
    assert forecast(reader=StaffFactory(staff_role=role), now=NOW) == Forecast(now=NOW)
