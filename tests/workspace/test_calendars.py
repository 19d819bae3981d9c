"""The editor of calendars: errors beside their fields, nothing typed is lost, a version is never touched."""

import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.sla import versions
from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.sla.ics import MOST_BYTES, MOST_DAYS
from helpdesk.sla.models import Calendar, CalendarVersion, Rollout
from helpdesk.tickets import services
from helpdesk.workspace.calendar_form import Plan, Typed, Wrong, parse_date, parse_hours
from helpdesk.workspace.calendar_words import changes
from tests.factories import AccountFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
LIST = "/admin/helpdesk/calendar/"


@pytest.fixture(autouse=True)
def today(now):
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture
def manager(client):
    person = StaffFactory(staff_role=StaffRole.MANAGER, full_name="Mary Okoye")
    client.force_login(person)
    return person


@pytest.fixture
def calendar():
    return Calendar.objects.get()


def page_of(calendar: Calendar) -> str:
    return f"{LIST}{calendar.pk}/change/"


def form_of(calendar: Calendar | None = None, **changed) -> dict:
    """What the page sends when nothing is changed on it, and what is changed."""
    if calendar is None:
        typed = Typed.new("Europe/Berlin")
    else:
        typed = Typed.of_version(calendar.versions.get(is_current=True))
    data = {"name": typed.name, "timezone": typed.timezone, "note": "", "based_on": typed.based_on, "draft_seen": ""}
    for day in DAY_NAMES:
        data[f"{day}-from"] = [begin for begin, _end in typed.week[day]]
        data[f"{day}-to"] = [end for _begin, end in typed.week[day]]
    rows = [(row.day, row.name, row.hours) for row in typed.days] + changed.pop("days", [])
    for index, column in enumerate(("day-date", "day-name", "day-hours")):
        data[column] = [row[index] for row in rows] + [""]
    return data | {name.replace("_from", "-from").replace("_to", "-to"): value for name, value in changed.items()}


def errors_of(text: str) -> dict[str, list[str]]:
    """Errors by the field that they stand with; each has to be told to who cannot see it, too."""
    lists = re.findall(r'<ul class="errorlist" id="id_(\w+)_error">(.*?)</ul>', text, re.DOTALL)
    found = {}
    for name, rows in lists:
        said = [row.strip() for row in re.findall(r"</svg>(.*?)</li>", rows, re.DOTALL)]
        found[name] = [row.replace("&#x27;", "'").replace("&quot;", '"') for row in said]
        if name not in ("week", "days"):
            assert f"id_{name}_error" in text.replace(f'id="id_{name}_error"', "")
    return found


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


def test_the_second_of_two_managers_is_told_and_loses_nothing(client, manager, calendar, now):
    mine, theirs = form_of(calendar, mon_to=["16:00"], _save="1"), form_of(calendar, tue_to=["18:30"], _save="1")
    other = Client()
    other.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    assert other.post(page_of(calendar), theirs).status_code == 302
    answer = client.post(page_of(calendar), mine)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Version 2 was published meanwhile. Compare, and save again." in text
    assert "What it changed: Tuesday: 09:00–17:00 → 09:00–18:30" in text
    # What saving would now undo is in sight, with what was typed.
    assert "Tuesday: 09:00–18:30 → 09:00–17:00" in text
    assert 'name="mon-to" value="16:00"' in text
    assert calendar.versions.count() == 2
    based_on = re.search(r'name="based_on" value="(\d+)"', text)[1]
    assert client.post(page_of(calendar), mine | {"based_on": based_on, "tue-to": ["18:30"]}).status_code == 302
    newest = calendar.versions.get(is_current=True)
    assert (newest.number, newest.definition["weekly"]["mon"]) == (3, [["09:00", "16:00"]])
    assert newest.definition["weekly"]["tue"] == [["09:00", "18:30"]]


def test_a_draft_is_kept_as_it_is_and_thrown_away(client, manager, calendar, now):
    sent = form_of(calendar, mon_to=["8"], days=[("2026-02-30", "?", "noon")], note="Not yet", _draft="1")
    assert client.post(page_of(calendar), sent).status_code == 302
    calendar.refresh_from_db()
    assert (calendar.draft_at, calendar.draft_by) == (now, manager)
    text = client.get(page_of(calendar)).content.decode()
    assert set(errors_of(text)) == {"mon", "day0"}
    for kept in ('value="8"', 'value="2026-02-30"', 'value="noon"', 'value="Not yet"', "Draft saved 12:05, Mary Okoye"):
        assert kept in text
    mark = re.search(r'name="draft_seen" value="(.*?)"', text)[1]
    discarded = form_of(calendar, draft_seen=mark, _discard="1")
    assert client.post(page_of(calendar), discarded).status_code == 302
    calendar.refresh_from_db()
    assert (calendar.draft, calendar.versions.count()) == (None, 1)


def test_saving_a_draft_as_a_version_ends_it(client, manager, calendar):
    client.post(page_of(calendar), form_of(calendar, mon_to=["16:00"], _draft="1"))
    calendar.refresh_from_db()
    sent = form_of(calendar, mon_to=["16:00"], draft_seen=calendar.draft_at.isoformat(), _save="1")
    assert client.post(page_of(calendar), sent).status_code == 302
    calendar.refresh_from_db()
    assert (calendar.draft, calendar.draft_at, calendar.versions.count()) == (None, None, 2)


@pytest.mark.parametrize("button", ["_save", "_draft", "_discard"])
def test_nobody_throws_away_a_draft_that_they_have_not_seen(client, manager, calendar, now, button):
    sent = form_of(calendar, mon_to=["16:00"], **{button: "1"})
    versions.save_calendar_draft(
        calendar=calendar,
        draft=Typed.of_version(calendar.versions.get()).to_draft(),
        actor=StaffFactory(full_name="Tom Haas"),
        now=now,
    )
    answer = client.post(page_of(calendar), sent)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Tom Haas saved a draft at 12:05. Save again, and it is thrown away." in text
    mark = re.search(r'name="draft_seen" value="(.*?)"', text)[1]
    assert client.post(page_of(calendar), sent | {"draft_seen": mark}).status_code == 302


def rows_of(text: str) -> list[tuple[str, str]]:
    found = re.findall(r'name="day-date" value="(.*?)".*?name="day-name" value="(.*?)"', text, re.DOTALL)
    return [row for row in found if any(row)]


def test_national_holidays_come_in_for_review_and_never_twice(client, manager, calendar):
    asked = {"country": "DE", "region": "BE", "years-from": "2026", "years-to": "2026", "_national": "1"}
    there = [("2026-12-25", "Feast", "9-12")]
    text = client.post(page_of(calendar), form_of(calendar, days=there) | asked).content.decode()
    rows = rows_of(text)
    assert ("2026-12-25", "Feast") in rows
    assert ("2026-03-08", "Women&#x27;s Day") in rows
    assert len({day for day, _name in rows}) == len(rows) == 10
    assert rows == sorted(rows)
    assert "9 days were added." in text
    assert "1 stood there already." in text
    assert calendar.versions.count() == 1
    days = [(day, name.replace("&#x27;", "'"), "") for day, name in rows]
    again = client.post(page_of(calendar), form_of(calendar, days=days) | asked).content.decode()
    assert "No day was added." in again
    assert rows_of(again) == rows


@pytest.mark.parametrize(
    ("asked", "where", "said"),
    [
        ({"country": "Atlantis"}, "country", "Choose a country."),
        ({"years-from": "soon"}, "years", "Give the years in four digits."),
        ({"years-from": "2028"}, "years", "The last year comes before the first one."),
        ({"years-to": "9999"}, "years", "Give a date of the years 1900 to 2199."),
        ({"years-to": "2036"}, "years", "Take 10 years at a time at most."),
    ],
)
def test_holidays_of_nowhere_and_never(client, manager, calendar, asked, where, said):
    sent = {"country": "DE", "years-from": "2026", "years-to": "2027", "_national": "1"} | asked
    answer = client.post(page_of(calendar), form_of(calendar, mon_to=["16:00"]) | sent)
    assert (answer.status_code, errors_of(answer.content.decode())) == (422, {where: [said]})
    assert 'name="mon-to" value="16:00"' in answer.content.decode()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("days.ics", content, content_type="text/calendar")


CHRISTMAS = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20201224\r\nDTEND;VALUE=DATE:20201227\r\n"
    b"RRULE:FREQ=YEARLY\r\nSUMMARY:Weihnachten <b>\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20261201T100000Z\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_a_file_of_holidays_comes_in_for_review(client, manager, calendar):
    sent = form_of(calendar) | {"years-from": "2026", "years-to": "2027", "_file": "1", "file": upload(CHRISTMAS)}
    text = client.post(page_of(calendar), sent).content.decode()
    dates = [f"{year}-12-{day}" for year in (2026, 2027) for day in (24, 25, 26)]
    assert rows_of(text) == [(day, "Weihnachten &lt;b&gt;") for day in dates]
    assert "1 event was left out" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Choose a file first."),
        (b"x" * (MOST_BYTES + 1), "The file is larger than 1 MB. A calendar of holidays is much smaller."),
        (b"%PDF-1.7", "This is no iCalendar file. Such files begin with BEGIN:VCALENDAR."),
        (
            b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 5001,
            "The file holds more than 2000 days, or too many events. Take one of holidays only, or fewer years.",
        ),
    ],
)
def test_a_file_that_is_no_use_is_refused_beside_its_field(client, manager, calendar, content, said):
    sent = form_of(calendar, mon_to=["16:00"], _file="1") | ({} if content is None else {"file": upload(content)})
    answer = client.post(page_of(calendar), sent)
    assert (answer.status_code, errors_of(answer.content.decode())) == (422, {"file": [said]})
    assert 'name="mon-to" value="16:00"' in answer.content.decode()


def test_rows_come_and_go_without_a_script(client, manager, calendar):
    days = [("2026-12-24", "Eve", ""), ("2026-12-25", "Day", "")]
    text = client.post(page_of(calendar), form_of(calendar, days=days, _add="sat")).content.decode()
    assert re.findall(r'name="sat-(?:from|to)" value="(.*?)"', text) == ["", ""]
    text = client.post(page_of(calendar), form_of(calendar, days=days, _remove="0")).content.decode()
    assert rows_of(text) == [("2026-12-25", "Day")]
    assert calendar.versions.count() == 1


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


@pytest.mark.parametrize(
    "text", ["9", "9-", "9-10-11", "9:60-10", "24:01-25", "13 pm - 14 pm", "0 am-5", "9-12,,13-14", "-"]
)
def test_hours_that_are_none(text):
    with pytest.raises(Wrong):
        parse_hours(text)


@pytest.mark.parametrize("text", ["2026-12-25", "2026/12/25", "25.12.2026", "2026年12月25日", "２０２６－１２－２５"])
def test_dates_as_people_write_them(text):
    assert parse_date(text).isoformat() == "2026-12-25"


def test_what_changed_is_told_in_words():
    office = [["09:00", "17:00"]]
    week = {day: office for day in DAY_NAMES[:5]}
    before = Plan.of(
        {
            "timezone": "UTC",
            "weekly": week,
            "holidays": ["2026-12-25", "2026-12-26"],
            "special_days": {"2026-12-26": office},
        },
        {"2026-12-25": "Christmas"},
    )
    after = Plan.of(
        {
            "timezone": "Europe/Berlin",
            "weekly": {**{day: [["09:00", "18:00"]] for day in DAY_NAMES[:4]}, "fri": office, "sun": office},
            "holidays": ["2026-12-25", *(f"2027-01-{day:02}" for day in range(1, 6))],
            "special_days": {"2026-12-24": [["09:00", "12:00"]]},
        },
        {"2026-12-25": "Christmas Day", "2026-12-24": "Eve"},
    )
    assert changes(before, after) == [
        "Time zone: UTC → Europe/Berlin",
        "Monday to Thursday: 09:00–17:00 → 09:00–18:00",
        "Sunday: closed → 09:00–17:00",
        "6 days added: 24 December 2026 to 5 January 2027",
        "26 December 2026: as any other day",
        "25 December 2026: Christmas → Christmas Day",
    ]
    assert changes(after, after) == []
    assert changes(after, before)[-2:] == [
        "6 days removed: 24 December 2026 to 5 January 2027",
        "25 December 2026: Christmas Day → Christmas",
    ]
