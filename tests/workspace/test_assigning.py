"""The menu to give a ticket to somebody says who is here, who is away, and how much each has (SPEC 2.8)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.accounts import presence
from helpdesk.accounts.models import Absence, StaffRole
from helpdesk.tickets import services
from helpdesk.workspace import assigning
from tests.factories import StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def own(person, tickets: int) -> None:
    for _ in range(tickets):
        ticket = make_ticket(now=timezone.now())
        services.assign(ticket=ticket, owner=person, actor=person, now=timezone.now())


def test_here_first_then_the_others_then_who_is_away_the_least_busy_first(client, monkeypatch):
    lead = StaffFactory(full_name="Lea Lead", staff_role=StaffRole.TEAM_LEAD)
    busy, idle, elsewhere, away = (StaffFactory(full_name=name) for name in ("Busy", "Idle", "Elsewhere", "Away"))
    own(busy, 2)
    done = make_ticket(now=timezone.now())
    services.assign(ticket=done, owner=idle, actor=idle, now=timezone.now())
    services.mark_spam(ticket=done, actor=idle, reason="An advertisement.", now=timezone.now())
    now = timezone.now()
    Absence.objects.create(user=away, starts_at=now - HOUR, ends_at=now + HOUR)
    monkeypatch.setattr(assigning, "people_present", lambda: {busy.pk, idle.pk, away.pk})
    client.force_login(lead)
    groups = client.get(f"/admin/helpdesk/ticket/{done.pk}/change/").context["staff"]
    found = [(group["label"], [pk for pk, _text in group["people"]]) for group in groups]
    assert found == [
        ("Here now", [idle.pk, busy.pk]),
        ("No screen open", [elsewhere.pk, lead.pk]),
        ("Away", [away.pk]),
    ]
    texts = {pk: text for group in groups for pk, text in group["people"]}
    assert texts[busy.pk] == "Busy · 2 open"
    assert texts[away.pk].startswith("Away · 0 open · until ")


def test_where_nobody_knows_who_is_here_only_absences_count(monkeypatch):
    person = StaffFactory()
    monkeypatch.setattr(assigning, "people_present", lambda: None)
    assert [group["label"] for group in assigning.staff_groups(now=timezone.now())] == ["Not away"]
    Absence.objects.create(user=person, starts_at=timezone.now() - HOUR, ends_at=timezone.now() + HOUR)
    assert [group["label"] for group in assigning.staff_groups(now=timezone.now())] == ["Away"]


def test_one_query_however_many_people_there_are(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(assigning, "people_present", set)
    StaffFactory()
    for number in (0, 29):
        for _ in range(number):
            StaffFactory()
        with django_assert_num_queries(1):
            assigning.staff_groups(now=timezone.now())


def test_the_menu_is_a_list_of_groups_for_the_keyboard(client):
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    client.force_login(lead)
    presence.note(screen="one", user=lead)
    page = client.get(f"/admin/helpdesk/ticket/{make_ticket(now=timezone.now()).pk}/change/").content.decode()
    presence.leave(screen="one")
    menu = page.split('name="owner">')[1].split("</select>")[0]
    assert '<optgroup label="Here now">' in menu
    assert f'<option value="{lead.pk}">' in menu
