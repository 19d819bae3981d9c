"""A manager tries a draft over past tickets in a real browser, and comes back to it: with scripts, and without."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.dryrun.services import advance_dry_runs
from helpdesk.sla.models import Policy
from helpdesk.tickets.services import reply
from helpdesk.workspace import dry_runs
from tests.factories import make_ticket

pytestmark = pytest.mark.slow


@pytest.fixture
def address(world) -> str:
    for minutes in (20, 50):
        begun = timezone.now() - timedelta(days=1, minutes=minutes)
        ticket = make_ticket(subject=f"Answered after {minutes}", now=begun)
        reply(ticket=ticket, actor=world.anna, body="Done.", now=begun + timedelta(minutes=minutes))
    policy = Policy.objects.get(name="Standard, designated super admins")
    return f"/admin/helpdesk/policy/{policy.pk}/change/"


@pytest.mark.parametrize("scripts", [True, False])
def test_from_what_is_typed_to_what_would_have_been_and_back(world, new_context, address, scripts):
    page = new_context(world.helen, java_script_enabled=scripts)
    page.goto(address)
    page.fill("#id_first_response-amount", "30")
    page.select_option("#id_first_response-unit", "minutes")
    page.click("text=Dry run over past tickets…")
    page.select_option("#id_try_period", "30")
    page.click("text=Try it")
    expect(page.locator(".verdict-says")).to_contain_text("Attainment would have been 50.0 % instead of 100.0 %.")
    expect(page.locator("#changed tbody tr").first).to_contain_text("Answered after 50")
    page.click("text=Back to the draft")
    assert page.input_value("#id_first_response-amount") == "30"
    assert page.input_value("#id_first_response-unit") == "minutes"
    assert Policy.objects.get(name="Standard, designated super admins").versions.count() == 1


def test_one_that_takes_longer_is_watched_until_its_answer_is_there(world, new_context, address, monkeypatch):
    monkeypatch.setattr(dry_runs, "advance_dry_runs", lambda **_values: 0)
    page = new_context(world.helen)
    page.goto(address)
    page.dblclick("text=Try it")
    expect(page.locator("#progress")).to_contain_text("0 %")
    assert DryRun.objects.count() == 1
    advance_dry_runs(now=timezone.now())
    expect(page.locator(".verdict-says")).to_contain_text("Nothing would have been different")
