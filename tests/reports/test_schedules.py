"""Reports by mail: each period once to each recipient, whatever beat does meanwhile (SPEC 2.6)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import User
from helpdesk.core.zones import zone_of
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.reports import schedules
from helpdesk.reports.models import ReportMail, ReportSchedule
from helpdesk.reports.schedules import Order
from helpdesk.tickets import services
from helpdesk.tickets.services import Refused
from tests.factories import StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
DAY = timedelta(days=1)


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager", full_name="Helen Marsh")


@pytest.fixture
def order(manager):
    def order_(**given) -> Order:
        usual = {
            "name": "Guarantees",
            "query": {"promise": "guaranteed", "metric": "first_response"},
            "every": "day",
            "weekday": 0,
            "at": time(7, 0),
            "time_zone": "Europe/Berlin",
            "file": "csv",
            "recipients": [manager],
        }
        return Order(**usual | given)

    return order_


@pytest.fixture
def daily(order, manager):
    return schedules.save_schedule(order=order(), actor=manager, now=NOW)


def states(schedule: ReportSchedule) -> list[tuple[str, str]]:
    return [(f"{row.due_at:%d %H:%M}", row.state) for row in schedule.mails.order_by("due_at", "id")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["2026-11-25T06:00", "2026-11-26T06:00"]),
        ({"every": "week", "weekday": 1}, ["2026-12-01T06:00", "2026-12-08T06:00"]),
        ({"every": "month"}, ["2026-12-01T06:00", "2027-01-01T06:00"]),
        ({"time_zone": "America/New_York", "at": time(8, 30)}, ["2026-11-24T13:30", "2026-11-25T13:30"]),
    ],
)
def test_it_is_due_at_the_local_time(order, manager, given, expected):
    made = schedules.save_schedule(order=order(**given), actor=manager, now=NOW)
    following = schedules.next_after(made, made.next_at)
    assert [f"{at:%Y-%m-%dT%H:%M}" for at in (made.next_at, following)] == expected


def test_it_stays_at_seven_when_the_clocks_change(order, manager):
    made = schedules.save_schedule(order=order(), actor=manager, now=datetime(2027, 3, 26, 12, tzinfo=UTC))
    hours = []
    for _day in range(3):
        hours.append(made.next_at.astimezone(zone_of("Europe/Berlin")).hour)
        made.next_at = schedules.next_after(made, made.next_at)
    assert hours == [7, 7, 7]


def test_a_time_that_the_clocks_skip_comes_an_hour_later_and_once(order, manager):
    made = schedules.save_schedule(
        order=order(at=time(2, 30)), actor=manager, now=datetime(2027, 3, 27, 12, tzinfo=UTC)
    )
    assert made.next_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert schedules.next_after(made, made.next_at) == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)


def test_each_period_goes_out_once_also_with_nothing_to_report(daily):
    due = daily.next_at
    assert schedules.send_due(now=due - timedelta(seconds=1))["sent"] == 0
    assert schedules.send_due(now=due)["sent"] == 1
    assert schedules.send_due(now=due + timedelta(hours=1))["sent"] == 0
    mail = render(OutboxMail.objects.get())
    assert mail.subject == "Guarantees: nothing fell due, 24 November 2026"
    assert "Nothing fell due in this time." in mail.body
    assert [name for name, _content, _type in mail.attachments] == ["breaches-2026-11-24-to-2026-11-24.csv"]
    assert schedules.send_due(now=due + DAY)["sent"] == 1


def test_after_a_gap_the_newest_goes_out_and_older_ones_are_written_down(daily):
    late = daily.next_at + 3 * DAY + timedelta(hours=2)
    assert schedules.send_due(now=late) == {"sent": 1, "skipped": 3, "failed": 0}
    assert states(daily) == [
        ("25 06:00", "skipped"),
        ("26 06:00", "skipped"),
        ("27 06:00", "skipped"),
        ("28 06:00", "sent"),
    ]
    daily.refresh_from_db()
    assert daily.next_at == datetime(2026, 11, 29, 6, tzinfo=UTC)


def test_the_database_refuses_a_period_twice(daily, manager):
    row = {"schedule": daily, "recipient": manager, "due_at": NOW, "created_at": NOW}
    ReportMail.objects.create(state="skipped", **row)
    with pytest.raises(IntegrityError, match="report_mail_once"), transaction.atomic():
        ReportMail.objects.create(state="sent", **row)


def test_it_says_what_the_report_says(daily, manager):
    for minutes in (10, 90):
        ticket = make_ticket(now=NOW)
        services.reply(ticket=ticket, actor=manager, body="Done.", now=NOW + timedelta(minutes=minutes))
    schedules.send_due(now=daily.next_at)
    mail = render(OutboxMail.objects.get(template="report"))
    assert mail.subject == "Guarantees: 50.0 %, 24 November 2026"
    assert "Met, net: 50.0 % (1 of 2), before: –" in mail.body
    assert "start=2026-11-24&end=2026-11-24" in mail.body
    content = mail.attachments[0][1]
    assert content.count("Forms show a blank page") == 2


def test_each_recipient_reads_it_in_their_language(order, manager):
    yuki = StaffFactory(language="ja", staff_role="manager")
    made = schedules.save_schedule(order=order(recipients=[manager, yuki]), actor=manager, now=NOW)
    schedules.send_due(now=made.next_at)
    subjects = {mail.recipient_id: render(mail).subject for mail in OutboxMail.objects.all()}
    assert subjects[manager.pk] == "Guarantees: nothing fell due, 24 November 2026"
    assert subjects[yuki.pk].endswith("、2026年11月24日")


def test_who_may_not_open_reports_gets_no_link(order, manager):
    anna = StaffFactory()
    made = schedules.save_schedule(order=order(recipients=[anna]), actor=manager, now=NOW)
    schedules.send_due(now=made.next_at)
    assert "/admin/reports/" not in render(OutboxMail.objects.get()).body


def test_a_workbook_is_attached(order, manager):
    made = schedules.save_schedule(order=order(file="xlsx"), actor=manager, now=NOW)
    schedules.send_due(now=made.next_at)
    assert render(OutboxMail.objects.get()).attachments[0][1].startswith(b"PK")


def test_a_file_too_large_for_a_mail_is_left_to_the_report(daily, monkeypatch):
    monkeypatch.setattr(schedules, "MOST_ROWS", 0)
    make_ticket(now=NOW)
    schedules.send_due(now=daily.next_at)
    mail = render(OutboxMail.objects.get(template="report"))
    assert mail.attachments == []
    assert "too large for a mail" in mail.body


def test_a_test_goes_to_the_one_who_asks_and_takes_no_period(daily, manager):
    other = StaffFactory(staff_role="manager")
    schedules.send_test(schedule=daily, actor=other, now=NOW)
    schedules.send_test(schedule=daily, actor=other, now=NOW)
    assert [mail.to for mail in OutboxMail.objects.all()] == [[other.email]] * 2
    assert render(OutboxMail.objects.first()).subject.startswith("Test: ")
    assert states(daily) == [("24 06:00", "test")] * 2
    assert schedules.send_due(now=daily.next_at)["sent"] == 1


def test_a_pause_is_not_made_up_for(daily):
    schedules.set_active(schedule=daily, active=False, now=NOW)
    assert schedules.send_due(now=NOW + 5 * DAY) == {"sent": 0, "skipped": 0, "failed": 0}
    schedules.set_active(schedule=daily, active=True, now=NOW + 5 * DAY)
    assert schedules.send_due(now=NOW + 5 * DAY) == {"sent": 0, "skipped": 0, "failed": 0}
    assert schedules.send_due(now=NOW + 6 * DAY) == {"sent": 1, "skipped": 0, "failed": 0}


def test_a_deleted_one_sends_nothing_and_keeps_what_it_sent(daily):
    schedules.send_due(now=daily.next_at)
    schedules.end_schedule(schedule=daily, now=NOW + DAY)
    assert schedules.send_due(now=NOW + 9 * DAY)["sent"] == 0
    assert daily.mails.count() == 1
    with pytest.raises(Refused, match="deleted"):
        schedules.set_active(schedule=daily, active=True, now=NOW)


def test_it_pauses_when_its_manager_may_read_reports_no_more(daily, manager):
    User.objects.filter(pk=manager.pk).update(staff_role="specialist")
    assert schedules.send_due(now=daily.next_at)["sent"] == 0
    daily.refresh_from_db()
    assert (daily.is_active, daily.next_at) == (False, None)


def test_who_left_gets_nothing(order, manager):
    anna = StaffFactory()
    made = schedules.save_schedule(order=order(recipients=[anna, manager]), actor=manager, now=NOW)
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert schedules.send_due(now=made.next_at)["sent"] == 1


@pytest.mark.parametrize("people", [lambda: [], lambda: [UserFactory()], lambda: [StaffFactory(is_active=False)]])
def test_it_goes_to_active_staff_only(order, manager, people):
    with pytest.raises(Refused):
        schedules.save_schedule(order=order(recipients=people()), actor=manager, now=NOW)


def test_files_of_mails_of_long_ago_are_cleared(daily, settings):
    schedules.send_due(now=daily.next_at)
    sent = daily.mails.get()
    assert schedules.default_storage.exists(sent.file)
    schedules.set_active(schedule=daily, active=False, now=NOW)
    schedules.send_due(now=daily.next_at + schedules.KEPT + DAY)
    assert not schedules.default_storage.exists(sent.file)


def test_the_figures_are_counted_once_and_the_file_made_once_a_language(order, manager, monkeypatch):
    """Fifty people on a list don't cost fifty reports."""
    people = [manager, *(StaffFactory(staff_role="manager", language=language) for language in ("en", "ja"))]
    weekly = schedules.save_schedule(order=order(recipients=people, file="csv"), actor=manager, now=NOW)
    counted, report = [], schedules.report
    monkeypatch.setattr(schedules, "report", lambda *args, **given: counted.append(1) or report(*args, **given))
    assert schedules.send_due(now=weekly.next_at)["sent"] == 3
    assert len(counted) == 1
    assert len(set(weekly.mails.values_list("file", flat=True))) == 2


def test_one_that_fails_holds_up_nobody_and_is_tried_again_after_growing_pauses(order, manager, monkeypatch, client):
    broken, sound = (schedules.save_schedule(order=order(name=name), actor=manager, now=NOW) for name in "ab")
    due, contents = sound.next_at, schedules.contents

    def failing(*, edition, **given):
        if edition.schedule == broken:
            raise ValueError("no such team")
        return contents(edition=edition, **given)

    def at(minutes: int) -> dict[str, int]:
        return schedules.send_due(now=due + timedelta(minutes=minutes))

    monkeypatch.setattr(schedules, "contents", failing)
    assert at(0) == {"sent": 1, "skipped": 0, "failed": 1}
    assert [at(minutes)["failed"] for minutes in (0, 1, 2, 5, 6, 20, 21)] == [0, 1, 0, 0, 1, 0, 1]
    broken.refresh_from_db()
    assert (broken.failures, broken.failure) == (4, "ValueError: no such team")
    assert broken.retry_at == due + timedelta(minutes=81)
    client.force_login(manager)
    assert "4 attempts, again at" in client.get("/admin/reports/schedules/").text
    monkeypatch.setattr(schedules, "contents", contents)
    assert "ValueError: no such team" in client.get(f"/admin/reports/schedules/{broken.pk}/").text
    assert at(81) == {"sent": 1, "skipped": 0, "failed": 0}
    assert (broken.mails.count(), sound.mails.count()) == (1, 1)
    broken.refresh_from_db()
    assert (broken.failures, broken.retry_at, broken.failure) == (0, None, "")


def test_a_later_hour_of_the_same_day_sends_no_period_twice(daily, order, manager):
    schedules.send_due(now=daily.next_at)
    moved = schedules.save_schedule(
        order=order(at=time(9, 0)), actor=manager, now=daily.next_at + timedelta(hours=1), schedule=daily
    )
    assert moved.next_at == datetime(2026, 11, 26, 8, tzinfo=UTC)
    schedules.set_active(schedule=moved, active=False, now=daily.next_at + timedelta(hours=1))
    again = schedules.set_active(schedule=moved, active=True, now=daily.next_at + timedelta(hours=1))
    assert again.next_at == datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "spans"),
    [
        # Sent on Wednesday the 25th for Tuesday; a week would begin on Monday, which went out on Tuesday already.
        ({}, {"every": "week", "weekday": 0}, ["25 to 29", "30 to 06"]),
        # Sent on Tuesday the 1st for the week; a day would leave Tuesday out.
        ({"every": "week", "weekday": 1}, {"every": "day"}, ["01 to 02", "03 to 03"]),
        ({"every": "week", "weekday": 1}, {"every": "week", "weekday": 4}, ["01 to 03", "04 to 10"]),
        # Sent on the 1st for November.
        ({"every": "month"}, {"every": "week", "weekday": 0}, ["01 to 06", "07 to 13"]),
    ],
)
def test_a_change_of_how_often_sends_no_day_twice_and_leaves_none_out(order, manager, before, after, spans):
    made = schedules.save_schedule(order=order(**before), actor=manager, now=NOW)
    schedules.send_due(now=made.next_at)
    changed_at = made.next_at + DAY
    made = schedules.save_schedule(order=order(**after), actor=manager, now=changed_at, schedule=made)
    found = []
    for _edition in spans:
        period = schedules.period_of(made, made.next_at)
        found.append(f"{period.first:%d} to {period.last:%d}")
        assert schedules.send_due(now=made.next_at)["sent"] == 1
        made.refresh_from_db()
    assert found == spans


def test_files_that_no_mail_names_are_cleared_after_a_day(daily, settings):
    schedules.send_due(now=daily.next_at)
    sent = daily.mails.get().file
    orphan = schedules.default_storage.save("reports/left-behind.csv", schedules.ContentFile(b"x"))
    later = datetime.now(tz=UTC) + timedelta(hours=25)
    schedules.clear_orphans(now=later - timedelta(hours=2))
    assert schedules.default_storage.exists(orphan)
    assert schedules.clear_orphans(now=later) >= 1
    assert (schedules.default_storage.exists(sent), schedules.default_storage.exists(orphan)) == (True, False)
