"""The watchdog tells operators once what is not well and when it is again, and keeps promises meanwhile (SPEC 2.5)."""

import json
from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from helpdesk.escalation import watchdog as module
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.escalation.watchdog import watch
from helpdesk.management.commands import watchdog as command
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.notifications.services import beat, deliver
from helpdesk.sla.models import Clock, PolicyVersion
from helpdesk.sla.verification import verify
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def well(now) -> None:
    """Everything that the watchdog looks at is as it should be."""
    sweep(now=now)
    verify(now=now)


def alarms() -> set[tuple]:
    return set(Alarm.objects.values_list("name", "since", "until"))


def told(person) -> list[tuple]:
    """What a person was told of alarms, and by which way."""
    notices = Notice.objects.filter(recipient=person, kind="alarm").order_by("pk")
    mails = OutboxMail.objects.filter(recipient=person, template="alarm").order_by("pk")
    assert [row.key for row in notices] == [row.key for row in mails]
    return [(row.context["name"], row.context["until_at"] is not None) for row in notices]


def test_nothing_is_wrong(crew, now):
    well(now)
    found = watch(now=now + 5 * SECOND)
    assert (found.open, found.opened, found.closed, found.stands_in) == ([], [], [], False)
    assert alarms() == set()
    assert Heartbeat.objects.get(name="watchdog").at == now + 5 * SECOND


def test_a_sweep_that_stopped_opens_an_alarm_once_and_closes_it_when_it_runs_again(crew, now):
    well(now)
    assert watch(now=now + 30 * SECOND).opened == []
    assert watch(now=now + 31 * SECOND).opened == ["sweep_late"]
    assert watch(now=now + 36 * SECOND).opened == []
    assert told(crew.robin) == [("sweep_late", False)]
    sweep(now=now + 40 * SECOND)
    assert watch(now=now + 41 * SECOND).closed == ["sweep_late"]
    assert watch(now=now + 46 * SECOND).closed == []
    assert told(crew.robin) == [("sweep_late", False), ("sweep_late", True)]
    assert told(crew.helen) == []  # a manager sees it on the page
    assert alarms() == {("sweep_late", now + 31 * SECOND, now + 41 * SECOND)}


def test_the_same_thing_again_is_another_alarm(crew, now):
    for start in (now, now + HOUR):
        well(start)
        watch(now=start + SECOND)
        watch(now=start + MINUTE)
    assert told(crew.robin) == [("sweep_late", False), ("sweep_late", True), ("sweep_late", False)]


def test_while_the_sweep_is_late_it_sweeps_and_delivers_itself(crew, smtp, now):
    """A beat or a broker that is dead costs no promise."""
    inbox = smtp()
    well(now)
    ticket = make_ticket(now=now)
    for minute in range(1, 70):
        watch(now=now + minute * MINUTE + SECOND)
    assert list(Escalation.objects.order_by("due_at").values_list("percent", "state", "due_at", "detected_at")) == [
        (50, "fired", now + 30 * MINUTE, now + 30 * MINUTE + SECOND),
        (75, "fired", now + 45 * MINUTE, now + 45 * MINUTE + SECOND),
        (100, "fired", now + 60 * MINUTE, now + 60 * MINUTE + SECOND),
    ]
    assert not Escalation.objects.filter(delivered_at=None).exists()
    subjects = Counter(subject.split(":")[0] for _id, _to, subject in inbox.received)
    assert subjects["Alarm"] == 1
    assert sum(count for subject, count in subjects.items() if ticket.reference in subject) == 3 + 1 + 1 + 1
    # Its own sweeps don't pass for the ones that it misses.
    assert alarms() == {("sweep_late", now + MINUTE + SECOND, None)}
    assert watch(now=now + 2 * HOUR).as_json()["swept"]["claimed"] == 1


def test_it_stands_in_only_then(crew, now):
    well(now)
    make_ticket(now=now)
    sweep(now=now + 31 * MINUTE - SECOND)
    found = watch(now=now + 31 * MINUTE)
    assert (found.stands_in, found.swept, found.sent) == (False, None, None)


def test_a_sweep_that_runs_but_leaves_a_clock_behind_is_late_as_well(crew, now):
    verify(now=now)
    make_ticket(now=now)
    OutboxMail.objects.all().delete()
    beat(name="sweep", now=now + 31 * MINUTE, detail={})
    assert watch(now=now + 30 * MINUTE + 30 * SECOND).opened == []
    beat(name="sweep", now=now + 31 * MINUTE, detail={})
    assert watch(now=now + 30 * MINUTE + 31 * SECOND).opened == ["sweep_late"]


def test_a_clock_that_cannot_be_reckoned_is_its_own_alarm_and_no_late_sweep(crew, now):
    clock = make_ticket(now=now).clocks.get()
    good = clock.policy_version
    bad = PolicyVersion.objects.create(
        policy=good.policy, number=2, document={"steps": "none"}, is_current=False, created_at=now
    )
    later = now + 2 * HOUR
    OutboxMail.objects.all().delete()
    verify(now=later)
    Clock.objects.update(policy_version=bad)
    sweep(now=later)
    assert watch(now=later).opened == ["clocks_unreadable"]
    Clock.objects.update(policy_version=good)
    sweep(now=later + SECOND)
    assert watch(now=later + SECOND).closed == ["clocks_unreadable"]


def test_mail_that_nobody_takes(crew, smtp, now):
    well(now)
    make_ticket(now=now)
    for minute in range(6):
        sweep(now=now + minute * MINUTE)
        deliver(now=now + minute * MINUTE)  # nobody listens
        assert watch(now=now + minute * MINUTE).opened == []
    at = now + 5 * MINUTE + SECOND
    assert watch(now=at).opened == ["mail_waiting"]
    assert Alarm.objects.get().detail == {"count": 1, "oldest_at": now.isoformat()}
    smtp()
    deliver(now=at + MINUTE)
    sweep(now=at + MINUTE)
    assert watch(now=at + MINUTE).closed == ["mail_waiting"]


def test_mail_that_waits_for_quiet_hours_is_no_alarm_before_they_are_over(crew, now):
    make_ticket(now=now)
    OutboxMail.objects.update(held_until=now + 8 * HOUR, next_attempt_at=now + 8 * HOUR)
    for hours, opened in ((1, []), (8, [])):
        well(now + hours * HOUR)
        Escalation.objects.all().delete()
        OutboxMail.objects.exclude(template="acknowledgement").delete()
        assert watch(now=now + hours * HOUR).opened == opened
    late = now + 8 * HOUR + 6 * MINUTE
    sweep(now=late)
    assert "mail_waiting" in watch(now=late).opened


def test_mail_that_was_given_up(crew, now):
    well(now)
    make_ticket(now=now)
    OutboxMail.objects.update(state=Delivery.DEAD, next_attempt_at=None)
    assert watch(now=now).opened == ["mail_dead"]
    OutboxMail.objects.filter(template="acknowledgement").update(state=Delivery.SENT)
    assert watch(now=now + SECOND).closed == ["mail_dead"]


def test_an_open_alarm_says_how_bad_it_has_become_once_a_minute(crew, now):
    well(now)
    for _ in range(4):
        make_ticket(now=now)
    mails = list(OutboxMail.objects.order_by("pk"))

    def given_up(count: int, *, after) -> list[str]:
        sweep(now=now + after)
        chosen = [mail.pk for mail in mails[:count]]
        OutboxMail.objects.update(state=Delivery.SENT, next_attempt_at=None)
        OutboxMail.objects.filter(pk__in=chosen).update(state=Delivery.DEAD)
        return watch(now=now + after).worse

    assert given_up(1, after=SECOND) == []  # it opens
    assert given_up(2, after=MINUTE) == []  # not before a minute is over
    assert Alarm.objects.get().detail == {"count": 1}
    assert given_up(2, after=MINUTE + SECOND) == ["mail_dead"]
    worst = {"count": 2, "as_of": (now + MINUTE + SECOND).isoformat()}
    assert Alarm.objects.get().detail == worst
    assert given_up(2, after=3 * MINUTE) == []  # as bad as it was
    assert given_up(1, after=4 * MINUTE) == []  # a little better
    assert given_up(4, after=4 * MINUTE + SECOND) == ["mail_dead"]
    assert given_up(0, after=9 * MINUTE) == []
    assert alarms() == {("mail_dead", now + SECOND, now + 9 * MINUTE)}
    assert Alarm.objects.get().detail["count"] == 4  # the worst of it stays to be read
    assert told(crew.robin) == [("mail_dead", False), ("mail_dead", True)]


def test_a_sweep_that_is_late_for_a_clock_says_so_once_it_is(crew, now):
    well(now)
    watch(now=now + 31 * SECOND)
    assert Alarm.objects.get().detail == {"last_at": now.isoformat(), "oldest_at": None}
    make_ticket(now=now + MINUTE - 30 * MINUTE)  # its first step is due in a minute
    for look, worse in ((MINUTE, []), (2 * MINUTE, ["sweep_late"])):
        Clock.objects.update(next_check_at=now + MINUTE)  # as if nothing stood in
        OutboxMail.objects.all().delete()
        assert watch(now=now + look).worse == worse
    assert Alarm.objects.get().detail["oldest_at"] == (now + MINUTE).isoformat()


@pytest.mark.parametrize(
    ("known", "found", "worse"),
    [
        ({"count": 2}, {"count": 3}, True),
        ({"count": 3}, {"count": 2}, False),
        ({"count": 2, "oldest_at": "2026-11-24T12:05:00+00:00"}, {"count": 3, "oldest_at": None}, True),
        ({"oldest_at": None}, {"oldest_at": "2026-11-24T12:05:00+00:00"}, True),
        ({"oldest_at": "2026-11-24T12:05:00+00:00"}, {"oldest_at": None}, False),
        ({"oldest_at": "2026-11-24T12:05:00+00:00"}, {"oldest_at": "2026-11-24T12:04:59+00:00"}, True),
        ({"oldest_at": "2026-11-24T12:05:00+00:00"}, {"oldest_at": "2026-11-24T12:05:01+00:00"}, False),
        ({"oldest_at": "2026-11-24T12:05:00+00:00"}, {"oldest_at": "2026-11-24T12:05:00+00:00"}, False),
        ({"last_at": None}, {"last_at": None}, False),
    ],
)
def test_what_counts_as_worse(known, found, worse):
    assert module._is_worse(found, known) is worse


def test_clocks_that_differ_from_their_events(crew, now):
    ticket = make_ticket(now=now)
    Clock.objects.update(due_at=now + HOUR + SECOND)  # somebody was here
    well(now)
    assert watch(now=now).opened == ["clocks_differ"]
    Clock.objects.update(due_at=ticket.clocks.get().started_at + HOUR)
    verify(now=now + SECOND)
    assert watch(now=now + SECOND).closed == ["clocks_differ"]


def test_a_verification_that_is_overdue(crew, now):
    well(now)
    for at, opened in ((26 * HOUR, []), (26 * HOUR + SECOND, ["verify_late"])):
        sweep(now=now + at)
        assert watch(now=now + at).opened == opened
    verify(now=now + 26 * HOUR + SECOND)
    assert watch(now=now + 26 * HOUR + SECOND).closed == ["verify_late"]


def test_a_new_service_has_a_day_for_its_first_verification(crew, now):
    sweep(now=now)
    assert watch(now=now).opened == []
    make_ticket(now=now)
    OutboxMail.objects.all().delete()
    sweep(now=now + 27 * HOUR)
    assert watch(now=now + 27 * HOUR).opened == ["verify_late"]


def test_without_an_administrator_the_managers_hear(now):
    manager, _gone = StaffFactory(staff_role="manager"), StaffFactory(staff_role="administrator", is_active=False)
    watch(now=now)
    assert told(manager) == [("sweep_late", False)]


@pytest.mark.django_db(transaction=True)
def test_two_watchdogs_at_once_open_and_close_once(crew, now):
    well(now)
    at = now + MINUTE
    assert at_once(*[lambda: watch(now=at)] * 3) == []
    assert Alarm.objects.count() == 1
    sweep(now=at)
    assert at_once(*[lambda: watch(now=at)] * 3) == []
    assert told(crew.robin) == [("sweep_late", False), ("sweep_late", True)]


@pytest.mark.parametrize(
    ("language", "alarm", "again"),
    [("en", "Alarm: The sweep is late", "Well again: The sweep is late"), ("ja", None, None)],
)
def test_the_mails_say_what_is_wrong_and_what_to_do(now, language, alarm, again):
    robin = StaffFactory(staff_role="administrator", language=language, time_zone="Europe/Berlin")
    well(now)
    watch(now=now + MINUTE)
    sweep(now=now + 2 * MINUTE)
    watch(now=now + 2 * MINUTE)
    opened, closed = (render(row) for row in OutboxMail.objects.filter(template="alarm").order_by("pk"))
    assert opened.to == closed.to == [robin.email]
    for mail, subject in ((opened, alarm), (closed, again)):
        assert f'<html lang="{language}">' in mail.alternatives[0].content
        assert "/admin/helpdesk/alarm/" in mail.body
        if subject:
            assert mail.subject == subject
    assert "13:05" in opened.body  # the last sweep, in Berlin's time
    if language == "en":
        assert "Until it runs again the watchdog sweeps and delivers in its place" in opened.body
        assert "It lasted from 13:06 until 13:07." in closed.body


@pytest.mark.parametrize("name", module.CHECKS)
def test_every_alarm_has_words(now, name):
    figures = {"count": 2, "last_at": now.isoformat(), "oldest_at": now.isoformat()}
    person = StaffFactory(staff_role="administrator")
    module._open(name, figures, now=now)
    mail = render(OutboxMail.objects.get(template="alarm", recipient=person))
    assert name not in mail.subject
    assert len(mail.body) > 200


def test_the_command_looks_once_and_prints_what_it_found(crew):
    out = StringIO()
    call_command("watchdog", "--once", stdout=out)
    assert json.loads(out.getvalue())["opened"] == ["sweep_late"]


def test_the_loop_outlives_a_database_that_is_away(crew, monkeypatch):
    def away(*, now):
        raise OperationalError("the database system is shutting down")

    loop = command.Command(stdout=StringIO())
    monkeypatch.setattr(command, "watch", away)
    assert loop.look() == command.PAUSE
    monkeypatch.undo()
