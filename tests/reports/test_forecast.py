"""The forecast says what its method says, and how wrong that was (SPEC 2.8)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.reports.forecast import HORIZON, Row, back_test, forecast, line, pace_at
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def row(due: int, *, started: int = -60, ended: int | None = None, ticket: int = 1) -> Row:
    """Minutes from now."""
    at = None if ended is None else NOW + ended * MINUTE
    return Row(
        ticket=ticket, started=NOW + started * MINUTE, due=NOW + due * MINUTE, ended=at, answered=ended is not None
    )


def missed(rows: list[Row], pace: float) -> list[int]:
    return [turn.ticket for turn in line(rows, at=NOW, pace=pace)[1] if turn.will_be_missed]


def test_each_turn_comes_in_the_order_of_the_deadlines():
    rows = [row(20, ticket=1), row(25, ticket=2), row(31, ticket=3), row(60, ticket=4)]
    assert missed(rows, pace=6) == []  # at 10, 20, 30 and 40 minutes
    assert missed(rows, pace=4) == [2, 3]  # at 15, 30, 45 and 60: a turn at the very deadline is in time
    assert missed(rows, pace=2) == [1, 2, 3, 4]


def test_what_is_late_already_stands_in_front_and_is_no_prediction():
    rows = [row(-10, ticket=1), row(15, ticket=2)]
    late, turns = line(rows, at=NOW, pace=6)
    assert (late, [turn.ticket for turn in turns]) == (1, [2])
    assert turns[0].will_be_missed


def test_without_any_pace_everything_is_missed():
    assert missed([row(5, ticket=1), row(200, ticket=2)], pace=0) == [1, 2]


def test_what_has_ended_or_not_begun_or_lies_beyond_is_not_in_it():
    rows = [
        row(-25 * 60, ticket=1),
        row(10, ended=-1, ticket=2),
        row(90, started=1, ticket=3),
        row(241, ticket=4),
    ]
    assert line(rows, at=NOW, pace=1) == (0, [])


def test_the_pace_is_that_of_the_last_two_hours():
    answers = [NOW - 121 * MINUTE, NOW - 119 * MINUTE, NOW - MINUTE, NOW, NOW + MINUTE]
    assert pace_at(answers, NOW) == 1.5


def test_the_error_is_what_was_said_against_what_came():
    begin = -28 * 24 * 60  # the first instant that is tried
    rows = sorted(
        [
            row(begin + 30, started=begin - 5, ended=begin + 40),  # said: missed, as nobody answered before; it was
            row(begin + 50, started=begin - 5, ended=begin + 45),  # said: missed; it was not
            row(begin + 55, started=begin + 1, ended=begin + 99),  # came in later: nobody could have said so
        ],
        key=lambda one: one.due,
    )
    answers = sorted(one.ended for one in rows)
    error = back_test(rows, answers, now=NOW)
    assert (error.count, error.exact) == (168, 168)
    assert (error.predicted * 168, error.actual * 168, error.off * 168) == pytest.approx((2, 1, 1))


@pytest.mark.django_db
def test_the_page_lists_what_will_be_missed(django_assert_num_queries):
    manager, anna, member = StaffFactory(staff_role="manager"), StaffFactory(), DesignatedFactory()
    for minutes in (100, 70):  # two answers in two hours: one an hour
        done = make_ticket(member, now=NOW - minutes * MINUTE)
        services.reply(ticket=done, actor=anna, body="Done.", now=NOW - (minutes - 5) * MINUTE)
    safe, lost = make_ticket(member, now=NOW), make_ticket(member, now=NOW, critical=True, subject="Lost one")
    found = forecast(reader=manager, now=NOW)
    assert (found.pace, [turn.ticket for turn in found.turns]) == (1.0, [lost.pk, safe.pk])
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


@pytest.mark.django_db
def test_an_empty_database_has_a_forecast():
    found = forecast(reader=StaffFactory(staff_role="manager"), now=NOW)
    assert (found.turns, found.late, found.error.off) == ([], 0, 0.0)
    assert timedelta(hours=4) == HORIZON
