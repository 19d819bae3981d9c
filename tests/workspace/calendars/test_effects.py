"""What a calendar does to an example and to open tickets, said before it is saved."""

import re
from copy import deepcopy
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.sla import versions
from helpdesk.sla.models import Calendar, CalendarVersion, Rollout
from helpdesk.tickets import services
from helpdesk.workspace.calendar_form import parse_hours
from tests.factories import MembershipFactory, StaffFactory, make_ticket
from tests.workspace.calendars.pages import LIST, errors_of, form_of, page_of

pytestmark = pytest.mark.django_db


def example_of(text: str) -> list[str]:
    part = re.search(r'<div id="due".*?</div>', text, re.DOTALL)[0]
    cells = re.findall(r'<th scope="row">(.*?)</th><td class="num strong">(.*?)</td>', part, re.DOTALL)
    return [" ".join(re.sub(r"<.*?>", " ", f"{name}: {due}").split()) for name, due in cells]


def test_the_example_follows_what_is_typed(client, manager, calendar):
    """Tuesday 12:05 UTC, on a calendar that is open from 09:00 to 17:00 UTC."""
    assert example_of(client.get(page_of(calendar)).content.decode()) == ["1 business day: Wed 12:05", "4 hours: 16:05"]
    shorter = form_of(calendar, tue_to=["13:00"], days=[("2026-11-25", "", "")], _preview="1")
    assert example_of(client.post(page_of(calendar), shorter).content.decode()) == [
        "1 business day: Thu 12:05 ▲ was Wed 12:05",
        "4 hours: Thu 12:05 ▲ was 16:05",
    ]
    longer = form_of(calendar, tue_from=["00:00"], tue_to=["24:00"], sent="2026-11-24T06:00", _preview="1")
    assert example_of(client.post(page_of(calendar), longer).content.decode()) == [
        "1 business day: Wed 09:00",
        "4 hours: 10:00 ▼ was 13:00",
    ]
    wrong = form_of(calendar, tue_to=["8"], _preview="1")
    answer = client.post(page_of(calendar), wrong)
    assert (answer.status_code, example_of(answer.content.decode())) == (200, [])
    assert "Shown as soon as this is corrected:" in answer.content.decode()


def test_an_instant_that_cannot_be_read_is_said(client, manager, calendar):
    text = client.post(page_of(calendar), form_of(calendar, sent="tomorrow", _preview="1")).content.decode()
    assert errors_of(text) == {"sent": ["Write the day and the time: 2026-12-24 09:00."]}
    assert 'value="tomorrow"' in text


def counts_of(text: str) -> dict[str, int]:
    part = re.search(r'<div id="moving">.*?</table>', text, re.DOTALL)
    rows = re.findall(r'<th scope="row">(.*?)</th><td class="num.*?">(\d+)</td>', part[0], re.DOTALL) if part else []
    return {re.sub(r"<.*?>", "", name).strip(): int(count) for name, count in rows}


def test_open_tickets_are_counted_and_moved_on_request(client, manager, calendar, now):
    """Sent at 12:05, aim of one business day; the day after becomes a holiday."""
    ticket = make_ticket(MembershipFactory(), now=now)
    sent = form_of(calendar, days=[("2026-11-25", "Holiday", "")])
    text = client.post(page_of(calendar), sent | {"_preview": "1"}).content.decode()
    assert counts_of(text) == {
        "Deadlines still to come": 1,
        "Deadline changes": 1,
        "…of these, sooner": 0,
        "…of these, later": 1,
        "…late at once": 0,
    }
    assert client.post(page_of(calendar), sent | {"_save": "1"}).status_code == 302
    assert ticket.clocks.get().calendar_version.number == 1
    assert Rollout.objects.count() == 0
    # Afterwards the same page still offers to move what stayed behind, and makes no version for it.
    assert counts_of(client.get(page_of(calendar)).content.decode())["Deadline changes"] == 1
    client.post(page_of(calendar), form_of(calendar, move="on", note="Holiday", _save="1"))
    rollout = Rollout.objects.get()
    assert (rollout.calendar, rollout.reason, rollout.created_by) == (calendar, "Holiday", manager)
    assert calendar.versions.count() == 2
    text = client.get(page_of(calendar)).content.decode()
    assert "Open tickets are being moved to the version in force: 0 of 1 so far." in text
    services.rollouts.advance_rollouts(now=now)
    clock = ticket.clocks.get()
    assert (clock.calendar_version.number, clock.due_at) == (2, now + timedelta(days=2))
    assert counts_of(client.get(page_of(calendar)).content.decode()) == {}


def test_nobody_makes_tickets_late_without_having_been_told(client, manager, calendar, now, today):
    """One business day from Monday 12:05 is Tuesday 12:05; with Tuesday closed at 11:00 it was over by 11:30."""
    ticket = make_ticket(MembershipFactory(), now=now - timedelta(days=1))
    today.move_to(now - timedelta(minutes=35), tick=False)
    sent = form_of(calendar, tue_to=["11:00"], move="on", _save="1")
    answer = client.post(page_of(calendar), sent)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert errors_of(text)["move"] == ["1 deadline would be late at once. Look at it, then save again."]
    assert f'<a href="/admin/helpdesk/ticket/{ticket.pk}/change/">{ticket.reference}</a>' in text
    assert (calendar.versions.count(), Rollout.objects.count()) == (1, 0)
    assert re.search(r'name="late_seen" form="calendar_form" value="1"', text)
    assert client.post(page_of(calendar), sent | {"late_seen": "1"}).status_code == 302
    assert (calendar.versions.count(), Rollout.objects.get().calendar) == (2, calendar)


def test_many_deadlines_are_counted_only_when_asked(client, manager, calendar, now, monkeypatch):
    monkeypatch.setattr("helpdesk.workspace.calendar_page.MOST_WHILE_TYPING", 0)
    make_ticket(MembershipFactory(), now=now)
    sent = form_of(calendar, mon_to=["16:00"])
    text = client.post(page_of(calendar), sent).content.decode()
    assert "1 open deadlines: press Preview to count what would change." in text
    assert (
        counts_of(client.post(page_of(calendar), sent | {"_preview": "1"}).content.decode())["Deadlines still to come"]
        == 1
    )


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
def test_others_neither_see_nor_change_calendars(client, calendar, role):
    client.force_login(StaffFactory(staff_role=role))
    before = list(Calendar.objects.values()), list(CalendarVersion.objects.values())
    for url in (page_of(calendar), f"{LIST}add/", f"{LIST}{calendar.pk}/history/"):
        for button in ("_save", "_draft", "_discard", "_preview", "_national"):
            assert client.post(url, form_of(calendar, mon_to=["16:00"], **{button: "1"})).status_code == 403
    assert (list(Calendar.objects.values()), list(CalendarVersion.objects.values())) == before


def test_a_calendar_that_is_not_there(client, manager):
    for key in ("0", "999999", "x"):
        assert client.get(f"{LIST}{key}/change/").status_code == 404
        assert client.post(f"{LIST}{key}/change/", {"_discard": "1"}).status_code == 404


def test_a_forged_form_breaks_nothing(client, manager, calendar):
    forged = {
        "based_on": "9" * 30,
        "late_seen": "-1",
        "_remove": "9" * 30,
        "_add": "<svg>",
        "name": "a\x00b",
        "mon-from": ["1", "2", "3"],
        "country": "../x",
        "region": "'",
    }
    answer = client.post(page_of(calendar), forged)
    assert answer.status_code == 200
    assert 'name="name" value="ab"' in answer.content.decode()
    assert client.post(page_of(calendar), forged | {"_draft": "1"}).status_code == 302
    assert client.get(page_of(calendar)).status_code == 200


def test_the_page_costs_the_same_for_two_versions_and_days_as_for_thirty(client, manager, calendar, now):
    def count(url: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code == 200
        return len(caught)

    def publish(number: int) -> None:
        definition = deepcopy(calendar.versions.get(number=1).definition)
        definition["holidays"] = [f"2026-01-{day + 1:02}" for day in range(number)]
        actor = StaffFactory(staff_role=StaffRole.MANAGER)
        versions.publish_calendar(calendar=calendar, definition=definition, day_names={}, actor=actor, now=now)
        make_ticket(MembershipFactory(), now=now)

    publish(1)
    publish(2)
    pages = page_of(calendar), f"{LIST}{calendar.pk}/history/"
    for page in pages:
        count(page)
    before = [count(page) for page in pages]
    for number in range(3, 31):
        publish(number)
    assert [count(page) for page in pages] == before
    assert max(before) <= 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("09:00–12:30, 13:30–18:00", [["09:00", "12:30"], ["13:30", "18:00"]]),
        ("13:30-18; 9 - 12.30", [["09:00", "12:30"], ["13:30", "18:00"]]),
        ("0930~1745", [["09:30", "17:45"]]),
        ("９：００～１７：３０", [["09:00", "17:30"]]),
        ("9時〜17時30分、20時から24時", [["09:00", "17:30"], ["20:00", "24:00"]]),
        ("9 am to 5:30 pm", [["09:00", "17:30"]]),
        ("12am-12pm", [["00:00", "12:00"]]),
        ("9h30-10h", [["09:30", "10:00"]]),
    ],
)
def test_hours_as_people_write_them(text, expected):
    assert parse_hours(text) == expected
