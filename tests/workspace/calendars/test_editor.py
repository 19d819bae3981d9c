"""The editor of calendars: errors beside their fields, nothing typed is lost, a version is never touched."""

import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.sla import versions
from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.sla.ics import MOST_DAYS
from helpdesk.sla.models import Calendar, CalendarVersion
from tests.factories import AccountFactory, StaffFactory
from tests.workspace.calendars.pages import LIST, errors_of, form_of, page_of

pytestmark = pytest.mark.django_db


def test_the_page_shows_the_version_in_force(client, manager, calendar):
    text = client.get(page_of(calendar)).content.decode()
    assert "Version 1 is in force." in text
    assert re.findall(r'name="mon-(?:from|to)" value="(.*?)"', text) == ["09:00", "17:00"]
    assert 'name="sat-from"' not in text
    assert errors_of(text) == {}


def test_a_new_version_leaves_the_old_row_untouched(client, manager, calendar, now):
    before = list(calendar.versions.values())
    days = [("2026-12-25", "Christmas Day", ""), ("2026-12-24", "", "9-12.30, 13:30–15")]
    sent = form_of(calendar, fri_to=["15:00"], days=days, note="Shorter Fridays", _save="1")
    answer = client.post(page_of(calendar), sent, follow=True)
    assert "Version 2 is in force for new tickets." in answer.content.decode()
    old, new = calendar.versions.order_by("number").values()
    assert old == before[0] | {"is_current": False}
    assert (new["number"], new["is_current"], new["created_by_id"], new["created_at"]) == (2, True, manager.pk, now)
    assert (new["note"], new["day_names"]) == ("Shorter Fridays", {"2026-12-25": "Christmas Day"})
    expected = deepcopy(old["definition"]) | {
        "holidays": ["2026-12-25"],
        "special_days": {"2026-12-24": [["09:00", "12:30"], ["13:30", "15:00"]]},
    }
    expected["weekly"]["fri"] = [["09:00", "15:00"]]
    assert {**new["definition"], "weekly": {k: v for k, v in new["definition"]["weekly"].items() if v}} == expected


def test_a_page_saved_as_it_came_makes_no_version(client, manager, calendar):
    answer = client.post(page_of(calendar), form_of(calendar, _save="1"), follow=True)
    assert "Nothing was different" in answer.content.decode()
    assert calendar.versions.count() == 1


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"name": ""}, "name", "Give the calendar a name."),
        ({"name": "Tokyo"}, "name", "Another calendar has this name already."),
        ({"name": "x" * 81}, "name", "This is longer than 80 characters (81). Please shorten it."),
        ({"note": "x" * 201}, "note", "This is longer than 200 characters (201). Please shorten it."),
        (
            {"timezone": "Mars/Olympus"},
            "timezone",
            "“Mars/Olympus” is not a time zone. Use a name such as Europe/Berlin.",
        ),
        ({"timezone": ""}, "timezone", "Choose the time zone that the hours are meant in."),
        ({"mon_to": ["08:00"]}, "mon", "The end, 08:00, comes before the beginning, 09:00."),
        ({"mon_to": ["09:00"]}, "mon", "09:00 to 09:00 is no time at all."),
        ({"mon_to": ["25:00"]}, "mon", "“25:00” is not a time. Write it like 09:00, from 00:00 to 24:00."),
        ({"mon_to": [""]}, "mon", "Give both the beginning and the end."),
        (
            {"tue_from": ["09:00", "12:00"], "tue_to": ["13:00", "18:00"]},
            "tue",
            "09:00–13:00 and 12:00–18:00 overlap. Each time can be open only once.",
        ),
        ({f"{day}_{end}": [] for day in DAY_NAMES for end in ("from", "to")}, "week", "This calendar never opens."),
        ({"days": [("2026-02-30", "", "")]}, "day0", "There is no such day as “2026-02-30”."),
        ({"days": [("soon", "", "")]}, "day0", "“soon” is not a date. Write year, month, day: 2026-12-25."),
        ({"days": [("1815-06-18", "", "")]}, "day0", "Give a date of the years 1900 to 2199."),
        ({"days": [("", "Christmas", "")]}, "day0", "Give the date, or remove the row."),
        ({"days": [("2026-12-24", "", "noon")]}, "day0", "“noon” is not a time span."),
        ({"days": [("2026-12-24", "", "12-9")]}, "day0", "The end, 9, comes before the beginning, 12."),
        ({"days": [("2026-12-24", "", "9-12, 11-13")]}, "day0", "09:00–12:00 and 11:00–13:00 overlap."),
        ({"days": [("2026-12-24", "x" * 81, "")]}, "day0", "This is longer than 80 characters (81)."),
        (
            {"days": [("2026-12-25", "Christmas", ""), ("25.12.2026", "again", "9-12")]},
            "day1",
            "25 December 2026 stands here twice. Remove one of the two.",
        ),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_what_cannot_work_is_refused_beside_its_field_and_kept(client, manager, calendar, changed, where, said, new):
    versions.create_calendar(
        name="Tokyo", definition=calendar.versions.get().definition, day_names={}, actor=None, now=datetime.now(UTC)
    )
    count = CalendarVersion.objects.count()
    sent = form_of(None if new else calendar, **({"name": "Berlin"} if new else {}) | dict(changed), _save="1")
    answer = client.post(f"{LIST}add/" if new else page_of(calendar), sent)
    text = answer.content.decode()
    assert answer.status_code == 422
    found = errors_of(text)
    assert list(found) == [where]
    assert found[where][0].startswith(said)
    for name, values in sent.items():
        for value in values if isinstance(values, list) else [values]:
            if name not in ("_save", "based_on", "draft_seen", "day-date") and value:
                assert f'name="{name}" value="{value}"' in text
    assert (CalendarVersion.objects.count(), Calendar.objects.count()) == (count, 2)


def test_of_two_who_give_one_name_at_once_the_second_is_refused(client, manager, calendar, monkeypatch):
    monkeypatch.setattr("helpdesk.workspace.calendar_form._check_texts", lambda *args: None)  # looked before
    answer = client.post(f"{LIST}add/", form_of(None, name=calendar.name, _save="1"))
    assert answer.status_code == 422
    assert errors_of(answer.content.decode()) == {"name": ["Another calendar has this name already."]}


def test_a_date_that_cannot_be_read_is_kept_as_it_was_typed(client, manager, calendar):
    text = client.post(page_of(calendar), form_of(calendar, days=[("2026-02-30", "", "")], _save="1")).content.decode()
    assert '<input type="text" name="day-date" value="2026-02-30"' in text


@pytest.mark.parametrize("days", [MOST_DAYS, MOST_DAYS + 1])
def test_a_calendar_holds_so_many_days(client, manager, calendar, now, days):
    rows = [((now.date() + timedelta(days=number)).isoformat(), "", "") for number in range(days)]
    answer = client.post(page_of(calendar), form_of(calendar, days=rows, _save="1"))
    assert answer.status_code == (302 if days == MOST_DAYS else 422)
    if days > MOST_DAYS:
        assert list(errors_of(answer.content.decode())) == ["days"]


def test_a_calendar_is_made_and_chosen_on_an_account(client, manager):
    answer = client.post(f"{LIST}add/", form_of(None, name="Berlin", timezone="europe/berlin", _save="1"))
    made = Calendar.objects.get(name="Berlin")
    assert answer.headers["Location"] == page_of(made)
    assert made.versions.get().definition["timezone"] == "Europe/Berlin"
    account = AccountFactory()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    data = {"name": account.name, "time_zone": "UTC", "calendar": made.pk}
    for prefix in ("subscriptions", "memberships"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    assert client.post(f"/admin/helpdesk/account/{account.pk}/change/", data).status_code == 302
    account.refresh_from_db()
    assert account.calendar == made
    assert "1 account counts by it." in client.get(page_of(made)).content.decode()


def test_name_and_standing_are_no_part_of_a_version_but_kept_in_the_history(client, manager, calendar):
    other = versions.create_calendar(
        name="Tokyo", definition=calendar.versions.get().definition, day_names={}, actor=None, now=datetime.now(UTC)
    )
    sent = form_of(other, name="Osaka", is_default="on", _save="1")
    text = client.post(page_of(other), sent, follow=True).content.decode()
    assert "The name and standing of the calendar are saved." in text
    assert list(Calendar.objects.values_list("name", "is_default")) == [("Osaka", True), (calendar.name, False)]
    assert other.versions.count() == 1
    text = client.get(f"{LIST}{other.pk}/history/").content.decode()
    assert "Tokyo → Osaka" in text
    assert "Mary Okoye" in text
