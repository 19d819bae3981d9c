"""Clocks are what their events say: the check finds a false one, and nothing else; the repair makes it true."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from helpdesk.notifications.models import Heartbeat
from helpdesk.sla import verification
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.sla.verification import Verification, check, difference, verify
from helpdesk.tickets import services
from tests.at_once import without_waiting
from tests.factories import StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_a_reply_while_the_check_reads_is_no_difference(now):
    """A false alarm each busy day, and nobody looks at a true one."""
    ticket, specialist, replied = make_ticket(now=now), StaffFactory(), []

    def reply_before_the_events_are_read(execute, sql, *rest):
        if 'FROM "helpdesk_clockevent"' in sql and not replied:
            replied.append(True)
            services.reply(ticket=ticket, actor=specialist, body="Here.", now=now + MINUTE)
        return execute(sql, *rest)

    with connection.execute_wrapper(reply_before_the_events_are_read):
        found = verify(now=now)
    assert (replied, found.checked, found.differing) == ([True], 1, 0)


@pytest.mark.parametrize("wrong", [{"due_at": None}, {"state": "fulfilled"}, {"event_count": 7}])
def test_a_false_column_is_found_and_made_true_again(wrong, now, capsys):
    make_ticket(now=now)
    Clock.objects.update(**wrong)
    assert verify(now=now).differing == 1
    call_command("rebuild_clocks")
    assert verify(now=now).differing == 0
    call_command("rebuild_clocks")
    assert capsys.readouterr().out.split() == ["rebuilt", "1", "rebuilt", "0"]


def test_events_that_cannot_be_are_said_to_be(now):
    """An answer that was slipped in behind the end of a clock."""
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Here.", now=now + MINUTE)
    clock = ticket.clocks.get()
    ClockEvent.objects.create(clock=clock, number=3, kind="fulfil", at=now, recorded_at=now)
    Clock.objects.update(event_count=3)
    found = verify(now=now)
    (said,) = found.examples
    assert said.startswith(
        f"clock {clock.pk}: events cannot be folded: fulfil cannot happen to a clock that is fulfilled"
    )
    assert "nothing on the ticket answers it" in said  # the auditor, who knows nothing of the fold


def test_an_event_that_was_taken_away_is_missed(now):
    clock = make_ticket(now=now).clocks.get()
    Clock.objects.update(event_count=2)
    words = "events are not numbered 1 to 2"
    assert verify(now=now).examples == [f"clock {clock.pk}: {words}; its {words}"]


def test_what_differs_is_named_a_hundred_times_at_most():
    found = Verification()
    for number in range(105):
        found.add(number, "state is wrong", [])
    assert (found.differing, found.by_fold, found.by_audit, len(found.examples)) == (105, 105, 0, 100)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_of_clocks_that_are_named_each_is_looked_at_once(now, chunk, monkeypatch):
    monkeypatch.setattr(verification, "CHUNK", chunk)
    first, second, third = (make_ticket(now=now).clocks.get() for _ in range(3))
    Clock.objects.filter(pk__in=[first.pk, third.pk]).update(version=7)
    for ids, checked in (([first.pk, second.pk, third.pk], 3), ([third.pk, first.pk], 2), (None, 3)):
        found = check(ids)
        assert (found.checked, found.differing, found.by_fold) == (checked, 2, 2)
    assert (check([second.pk]).differing, check([]).checked) == (0, 0)


def test_what_is_wrong_with_a_column_is_said(now):
    clock = make_ticket(now=now).clocks.get()
    events = list(clock.events.all())
    assert difference(clock, events) == ""
    clock.version = 7
    assert difference(clock, events) == "version is 7, its events say 1"


def test_the_very_first_clock_is_verified_too(now):
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('helpdesk_clock', 'id'), 1, false)")
    assert make_ticket(now=now).clocks.get().pk == 1
    Clock.objects.update(version=7)
    assert verify(now=now).differing == 1


def test_an_event_more_than_the_clock_counts_is_found(now):
    """Somebody who slips an event in need not have thought of the count."""
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Here.", now=now + MINUTE)
    clock = ticket.clocks.get()
    clock.event_count = 1
    assert difference(clock, list(clock.events.all())) == "events are not numbered 1 to 1"


def test_both_ways_count_what_they_find_and_the_operators_page_hears_of_it(now):
    make_ticket(now=now)
    Clock.objects.update(version=7)
    found = verify(now=now)
    assert (found.differing, found.by_fold, found.by_audit) == (1, 1, 1)
    heard = Heartbeat.objects.get(name="verify_clocks")
    assert (heard.at, heard.detail) == (now, found.as_json())


@pytest.mark.django_db(transaction=True)
def test_the_second_look_waits_for_who_works_on_the_clock(now):
    """Otherwise it reads the columns of before and the events of after, and cries wolf."""
    clock = make_ticket(now=now).clocks.get()
    Clock.objects.update(version=7)
    found, looked = [], threading.Event()

    def look():
        found.append(check([clock.pk]))
        looked.set()
        connection.close()

    with transaction.atomic():
        Clock.objects.select_for_update(no_key=True).get(pk=clock.pk)
        watcher = threading.Thread(target=look)
        watcher.start()
        assert not looked.wait(1)
        Clock.objects.update(version=clock.version)
    watcher.join(10)
    assert [result.differing for result in found] == [0]


@pytest.mark.django_db(transaction=True)
def test_the_second_look_holds_up_nobody_who_only_names_the_clock(now, monkeypatch):
    """An exception that is asked for meanwhile refers to the clock, and changes nothing of it."""
    clock = make_ticket(now=now).clocks.get()
    Clock.objects.update(version=7)
    folded, named = verification._folded, []

    def name_it():
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM helpdesk_clock WHERE id = %s FOR KEY SHARE", [clock.pk])
            named.extend(cursor.fetchall())

    def meanwhile(ids):
        if connection.in_atomic_block:
            without_waiting(name_it)
        return folded(ids)

    monkeypatch.setattr(verification, "_folded", meanwhile)
    assert check([clock.pk]).differing == 1
    assert named == [(clock.pk,)]
