"""Who is here, and at which ticket: a convenience that nothing waits for (SPEC 2.8)."""

import socket
import time

import pytest
from django.test import override_settings

from helpdesk.accounts import presence
from helpdesk.accounts.presence import Line, Present, around, leave, note, people_present
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_here(monkeypatch):
    monkeypatch.setattr(Line, "look_again_at", 0.0)
    presence._ask(lambda redis, key: redis.delete(key))


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def bo():
    return StaffFactory(full_name="Bo Lund")


def at(user, typing=""):
    return Present(user_id=user.pk, name=str(user), initials=user.initials, typing=typing)


def test_people_are_here_with_their_names_until_they_leave(anna, bo):
    assert people_present() == set()
    note(screen="1", user=bo, ticket_id=7)
    note(screen="2", user=anna, ticket_id=7, typing="reply")
    note(screen="3", user=anna)
    assert people_present() == {anna.pk, bo.pk}
    assert around([7, 8]) == {7: [at(anna, "reply"), at(bo)]}
    leave(screen="2")
    assert around([7]) == {7: [at(bo)]}
    assert people_present() == {anna.pk, bo.pk}
    leave(screen="3")
    assert people_present() == {bo.pk}


def test_somebody_with_two_screens_is_there_once_and_types_where_they_type(anna):
    note(screen="1", user=anna, ticket_id=7)
    note(screen="2", user=anna, ticket_id=7, typing="note")
    note(screen="3", user=anna, ticket_id=7)
    assert around([7]) == {7: [at(anna, "note")]}


def test_who_says_nothing_for_a_minute_is_no_longer_here(anna, monkeypatch):
    note(screen="1", user=anna, ticket_id=7)
    later = time.time() + presence.STAYS
    monkeypatch.setattr(presence.time, "time", lambda: later - 1)
    assert people_present() == {anna.pk}
    monkeypatch.setattr(presence.time, "time", lambda: later + 1)
    assert (people_present(), around([7])) == (set(), {})
    assert presence._ask(lambda redis, key: redis.hlen(key)) == 0


def test_it_takes_no_query_and_one_round_trip_for_a_page_of_rows(anna, django_assert_num_queries, monkeypatch):
    note(screen="1", user=anna, ticket_id=7)
    asked, ask = [], presence._ask
    monkeypatch.setattr(presence, "_ask", lambda act: (asked.append(act), ask(act))[1])
    with django_assert_num_queries(0):
        assert list(around(range(100))) == [7]
    assert len(asked) == 1
    assert around([]) == {}
    assert len(asked) == 1


@pytest.mark.parametrize("how", ["is down", "hangs"])
def test_without_redis_nobody_is_known_and_nothing_waits(anna, how, caplog):
    server = socket.create_server(("127.0.0.1", 0))
    address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    if how == "is down":
        server.close()
    took = []
    with override_settings(REDIS_URL=address):
        for _ in range(3):
            begun = time.monotonic()
            note(screen="1", user=anna, ticket_id=7)
            assert (people_present(), around([7])) == (None, {})
            leave(screen="1")
            took.append(time.monotonic() - begun)
    server.close()
    assert took[0] < 1.5
    assert max(took[1:]) < 0.1
    assert caplog.text.count("Redis is out of reach") == 1
