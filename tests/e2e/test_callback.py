"""A customer asks for a call, a specialist makes it, the customer sees what came of it."""

import re

import pytest
from django.db import connection
from playwright.sync_api import expect

from helpdesk.channels.callback.models import CallRequest
from helpdesk.sla.models import CalendarVersion
from tests.e2e.test_pages import problems

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


@pytest.fixture
def day_and_night(world):
    """The standard hours never close, whenever this runs."""
    hours = {"timezone": "UTC", "weekly": {day: [["00:00", "24:00"]] for day in DAYS}}
    with connection.cursor() as cursor:  # a version is never edited: a trigger sees to it
        cursor.execute("ALTER TABLE helpdesk_calendarversion DISABLE TRIGGER USER")
        CalendarVersion.objects.update(definition=hours | {"holidays": [], "special_days": {}})
        cursor.execute("ALTER TABLE helpdesk_calendarversion ENABLE TRIGGER USER")


@pytest.mark.slow
def test_from_the_question_to_the_call_and_its_outcome(world, day_and_night, new_context):
    mina = new_context(world.mina, **PHONE)
    mina.goto("/ask/?q=Deals don't move")
    mina.get_by_role("link", name="Ask for a call").click()
    expect(mina.get_by_label("What is it about?")).to_have_value("Deals don't move")
    mina.get_by_label("In a window").check()
    expect(mina.locator("#promise")).to_contain_text("At the latest by")
    mina.get_by_label("Time zone").select_option("Asia/Tokyo")
    expect(mina.locator("#windows")).to_contain_text("Tokyo time")
    assert problems(mina) == []
    mina.get_by_label("Now").check()
    expect(mina.locator("#promise")).to_contain_text("Within 5 minutes, not guaranteed")
    mina.get_by_label("Your number").fill("030 12")
    mina.get_by_role("button", name="Ask for the call").click()
    expect(mina.locator("#errors")).to_contain_text("Begin with the country code")
    mina.get_by_label("Your number").fill("+49 151 2345 6789")
    mina.get_by_role("button", name="Ask for the call").click()
    expect(mina.locator("#call")).to_contain_text("You're first in the queue.")
    assert problems(mina) == []

    anna = new_context(world.anna)
    anna.goto("/admin/")
    anna.get_by_role("link", name=re.compile("^Calls 1$")).click()
    expect(anna.locator("#h-due")).to_be_visible()
    assert problems(anna) == []
    anna.keyboard.press("t")
    expect(anna.get_by_role("heading", name="Call Mina Okafor")).to_be_visible()
    anna.keyboard.press("d")
    expect(anna.locator(".call-now")).to_contain_text("Anna Meier calls since")
    assert problems(anna) == []
    expect(mina.locator("#call")).to_contain_text("Anna Meier is calling you", timeout=15000)
    anna.get_by_label("Connected").check()
    anna.get_by_label("Note, for the ticket").fill("Turned the workflow on again.")
    anna.get_by_role("button", name="Write it down").click()
    expect(mina.locator("#call")).to_contain_text("Anna Meier called you at", timeout=15000)
    expect(mina.locator("#call")).to_contain_text("kept")
    assert problems(mina) == []
    call = CallRequest.objects.get()
    assert (call.state, call.clock.is_met, call.time_zone) == ("connected", True, "Asia/Tokyo")


def test_on_a_phone_in_japanese_times_and_numbers_stay_on_their_line(world, day_and_night, new_context):
    """Beside the button that asks for the call, and under *Or dial us yourself*."""
    mina = new_context(world.mina, **PHONE, language="ja")
    mina.goto("/callback/")
    mina.locator("[name=when][value=window]").check()
    mina.locator("#windows select").last.select_option(index=12)  # on a day that must be named
    expect(mina.locator("#send-promise .fig")).to_contain_text("–")
    lines = "one => one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).fontSize)"
    assert mina.locator("#send-promise .fig").evaluate(lines) < 2
    assert mina.locator(".sendbar .btn").evaluate("one => one.getBoundingClientRect().height") < 60
    assert mina.locator("aside a[href^='tel:']").evaluate("one => one.getClientRects().length") == 1
    assert problems(mina) == []
