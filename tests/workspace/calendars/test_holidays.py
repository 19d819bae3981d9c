"""Holidays of a country or a file come in for review; rows come and go without a script."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.sla.ics import MOST_BYTES
from tests.workspace.calendars.pages import errors_of, form_of, page_of

pytestmark = pytest.mark.django_db


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
