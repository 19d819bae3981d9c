"""A manager changes a policy in a real browser: with scripts, and without."""

import pytest
from playwright.sync_api import expect

from helpdesk.sla.models import Policy
from tests.factories import make_ticket

pytestmark = pytest.mark.slow


@pytest.fixture
def address(world) -> str:
    policy = Policy.objects.get(name="Standard, designated super admins")
    return f"/admin/helpdesk/policy/{policy.pk}/change/"


def test_the_page_follows_what_is_typed(world, new_context, address):
    make_ticket(subject="Open")
    page = new_context(world.helen)
    page.goto(address)
    page.fill("#id_first_response-amount", "45")
    page.select_option("#id_first_response-unit", "minutes")
    expect(page.locator("#changes")).to_contain_text("First response: 1 hour → 45 minutes")
    expect(page.locator("#look")).to_contain_text("was")
    expect(page.locator("#ladder")).to_contain_text("First response, 45 minutes")

    page.click("#add-step")
    expect(page.locator("#id_step3-percent")).to_be_focused()
    page.keyboard.type("80")
    expect(page.locator("#look")).to_contain_text("after 100 % this one needs more")
    page.fill("#id_step3-percent", "150")
    page.check("#id_step3-recipients_4")
    expect(page.locator("#changes")).to_contain_text("New step: At 150 % of the time: who is on call")
    expect(page.locator("#ladder")).to_contain_text("150 %")
    page.click("[name=_remove_step][value='0']")
    expect(page.locator("#changes")).to_contain_text("50 % step: gone")
    assert page.input_value("#id_first_response-amount") == "45"

    page.fill("#id_add_account", "Kestrel")
    expect(page.locator("#known-accounts option")).to_have_count(1)
    page.fill("#id_add_account", "Kestrel Freight Group")
    page.click("[name=_add_account]")
    expect(page.locator("#accounts")).to_contain_text("Kestrel Freight Group")
    page.click("text=Save as version 2")
    expect(page.locator(".messagelist")).to_contain_text("Version 2 is in force for new tickets.")
    terms = Policy.objects.get(name="Standard, designated super admins").versions.get(is_current=True).terms
    assert [step.percent for step in terms.steps] == [75, 100, 150]
    assert terms.conditions.accounts == {world.account.pk}


def test_it_works_without_scripts(world, new_context, address):
    page = new_context(world.helen, java_script_enabled=False)
    page.goto(address)
    page.fill("#id_first_response-amount", "2")
    page.click("#add-step")
    assert page.input_value("#id_first_response-amount") == "2"
    page.fill("#id_step3-percent", "80")
    page.press("#id_name", "Enter")
    expect(page.locator("#errors")).to_contain_text("after 100 % this one needs more")
    page.click("[name=_remove_step][value='3']")
    page.click("section >> text=Preview")
    expect(page.locator("#changes")).to_contain_text("First response: 1 hour → 2 hours")
    page.click("text=Save the draft")
    expect(page.locator(".messagelist")).to_contain_text("The draft is saved")
    page.click("text=Discard…")
    page.click("text=Discard the draft")
    expect(page.locator(".messagelist")).to_contain_text("The draft is gone")
    assert Policy.objects.get(name="Standard, designated super admins").versions.count() == 1
