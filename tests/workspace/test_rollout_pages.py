"""Rollouts as managers follow and stop them (SPEC 2.2)."""

from datetime import timedelta

import pytest
from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Calendar, Policy, Rollout
from helpdesk.tickets.services.rollouts import start_rollout
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
ROOT = "/admin/helpdesk/rollout/"


def signed_in(role: str = StaffRole.MANAGER) -> Client:
    client = Client()
    client.force_login(StaffFactory(staff_role=role))
    return client


@pytest.fixture
def rollout(now):
    made = start_rollout(policy=Policy.objects.get(name="Chat"), reason="Shorter", actor=StaffFactory(), now=now)
    Rollout.objects.filter(pk=made.pk).update(state="running", total=200, seen=50, changed=12, late=3)
    made.refresh_from_db()
    return made


def test_the_page_tells_how_far_it_is_and_asks_again_until_it_is_over(rollout, now):
    client = signed_in()
    page = client.get(f"{ROOT}{rollout.pk}/change/").content.decode()
    assert '<progress max="100" value="25"' in page
    assert f'hx-get="{ROOT}{rollout.pk}/progress/" hx-trigger="every 2s"' in page
    assert "Shorter" in page
    part = client.get(f"{ROOT}{rollout.pk}/progress/").content.decode()
    assert 'id="progress"' in part
    assert "<html" not in part
    Rollout.objects.filter(pk=rollout.pk).update(state="done", seen=200, finished_at=now)
    part = client.get(f"{ROOT}{rollout.pk}/progress/").content.decode()
    assert "hx-trigger" not in part
    assert '<div id="stop" hx-swap-oob="true"></div>' in part
    assert 'value="100"' in part


def test_a_rollout_of_a_calendar_leads_to_it(now):
    calendar = Calendar.objects.get(is_default=True)
    made = start_rollout(calendar=calendar, reason="", actor=None, now=now)
    page = signed_in().get(f"{ROOT}{made.pk}/change/").content.decode()
    assert f'href="/admin/helpdesk/calendar/{calendar.pk}/change/"' in page


def test_it_is_stopped_once(rollout, now):
    client = signed_in()
    assert client.get(f"{ROOT}{rollout.pk}/stop/").status_code == 405
    page = client.post(f"{ROOT}{rollout.pk}/stop/", follow=True).content.decode()
    assert "What has moved stays moved." in page
    rollout.refresh_from_db()
    assert rollout.state == Rollout.State.STOPPED
    assert "It was over already." in client.post(f"{ROOT}{rollout.pk}/stop/", follow=True).content.decode()
    assert 'formaction="stop"' not in page


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
def test_others_neither_see_nor_stop_it(rollout, role):
    client = signed_in(role)
    assert client.get(ROOT).status_code == 403
    assert client.get(f"{ROOT}{rollout.pk}/progress/").status_code == 403
    assert client.post(f"{ROOT}{rollout.pk}/stop/").status_code == 403
    rollout.refresh_from_db()
    assert rollout.state == "running"


def test_what_is_unknown_is_not_there(rollout):
    client = signed_in()
    for act in ("change", "progress"):
        assert client.get(f"{ROOT}{rollout.pk + 1}/{act}/").status_code == 404
    assert client.post(f"{ROOT}{rollout.pk + 1}/stop/").status_code == 404


def test_the_newest_is_on_top(rollout, now):
    later = start_rollout(policy=Policy.objects.get(name="Callback"), reason="x", actor=None, now=now + timedelta(1))
    page = signed_in().get(ROOT)
    assert page.context["cl"].result_list == [later, rollout]
    assert "50 of 200" in page.content.decode()


@pytest.mark.parametrize(
    ("state", "seen", "total", "percent"),
    [("waiting", 0, 0, 0), ("running", 5, 3, 99), ("running", 50, 200, 25), ("done", 0, 0, 100), ("stopped", 1, 4, 25)],
)
def test_how_far_in_per_cent(state, seen, total, percent):
    assert Rollout(state=state, seen=seen, total=total).percent == percent
