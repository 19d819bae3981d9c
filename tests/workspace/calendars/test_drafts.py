"""Two managers at once, and drafts of a calendar."""

import re

import pytest
from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.sla import versions
from helpdesk.workspace.calendar_form import Typed
from tests.factories import StaffFactory
from tests.workspace.calendars.pages import errors_of, form_of, page_of

pytestmark = pytest.mark.django_db


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
