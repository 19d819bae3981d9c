"""Managers set reports up that go out by mail (SPEC 2.6)."""

import pytest
from django.db import connection
from django.test import Client

from helpdesk.notifications.models import OutboxMail
from helpdesk.reports import schedules
from helpdesk.reports.models import ReportSchedule
from tests.factories import StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/reports/schedules/"


@pytest.fixture
def helen():
    return StaffFactory(staff_role="manager", full_name="Helen Marsh", time_zone="Europe/Berlin")


@pytest.fixture
def manager(helen) -> Client:
    client = Client()
    client.force_login(helen, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def given(helen):
    return {
        "name": "Guarantees of the week",
        "every": "week",
        "weekday": "0",
        "at": "07:00",
        "time_zone": "Europe/Berlin",
        "file": "csv",
        "recipients": [helen.pk],
        "promise": "guaranteed",
        "metric": "first_response",
        "hub": "content",
    }


def test_a_report_is_set_up_from_the_filters_of_the_page_tested_paused_and_deleted(manager, given, helen):
    page = manager.get("/admin/reports/breaches/", {"hub": "content"}).text
    assert "hub=content" in page.partition(f"{LIST}new/?")[2].partition('"')[0]
    assert '<option value="content" selected>' in manager.get(f"{LIST}new/", {"hub": "content"}).text
    made = manager.post(f"{LIST}new/", given, follow=True)
    schedule = ReportSchedule.objects.get()
    assert "It goes out next at" in made.text
    assert schedule.query == {"promise": "guaranteed", "metric": "first_response", "hub": "content"}
    assert "The last period would say" in made.text
    assert helen.email in manager.post(f"{LIST}{schedule.pk}/test/", follow=True).text
    assert OutboxMail.objects.get().to == [helen.email]
    assert ">paused<" in manager.post(f"{LIST}{schedule.pk}/pause/", follow=True).text
    assert ">paused<" not in manager.post(f"{LIST}{schedule.pk}/resume/", follow=True).text
    manager.post(f"{LIST}{schedule.pk}/", {**given, "name": "All of it", "hub": ""})
    schedule.refresh_from_db()
    assert (schedule.name, "hub" in schedule.query) == ("All of it", False)
    manager.post(f"{LIST}{schedule.pk}/delete/")
    assert manager.get(f"{LIST}{schedule.pk}/").status_code == 404
    assert "No report goes out by mail yet" in manager.get(LIST).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "Give it a name"),
        ({"at": "seven"}, "Write the time as hours and minutes"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"recipients": []}, "Choose at least one recipient."),
        ({"every": "hour"}, "Select a valid choice"),
        ({"hub": "nothing"}, "Select a valid choice"),
        ({"account": "999999999999999999999"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(manager, given, wrong, words):
    answer = manager.post(f"{LIST}new/", {**given, "name": "Weekly of ours", **wrong})
    assert (answer.status_code, words in answer.text) == (400, True)
    if "name" not in wrong:
        assert 'value="Weekly of ours"' in answer.text
    assert not ReportSchedule.objects.exists()


def test_a_customer_is_no_recipient(manager, given):
    answer = manager.post(f"{LIST}new/", {**given, "recipients": [UserFactory().pk]})
    assert answer.status_code == 400
    assert not ReportSchedule.objects.exists()


def test_queries_of_the_list_do_not_grow(manager, given, django_assert_num_queries):
    manager.post(f"{LIST}new/", given)
    with django_assert_num_queries(20, exact=False) as few:
        manager.get(LIST)
    count = len(few)
    for _more in range(29):
        manager.post(f"{LIST}new/", {**given, "recipients": [StaffFactory().pk]})
    with django_assert_num_queries(count):
        assert manager.get(LIST).text.count("Guarantees of the week") == 30


@pytest.mark.parametrize("broken", ["SELECT 1 / 0", "SELECT pg_sleep(5)"])
def test_a_preview_that_cannot_be_counted_says_so_in_its_place(manager, given, monkeypatch, broken):
    """The page is where a report is paused or mended: it must not fall with what it would say."""
    manager.post(f"{LIST}new/", given)
    schedule = ReportSchedule.objects.get()

    def contents(**_given):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 50")
            cursor.execute(broken)

    monkeypatch.setattr(schedules, "contents", contents)
    answer = manager.get(f"{LIST}{schedule.pk}/")
    assert (answer.status_code, "It cannot be counted at the moment." in answer.text) == (200, True)
    assert "Guarantees of the week" in answer.text
    assert ">paused<" in manager.post(f"{LIST}{schedule.pk}/pause/", follow=True).text
