"""The editor of calendars in a browser: what is typed is answered at once, rows come and go, nothing is sent twice."""

import pytest

from helpdesk.sla.models import Calendar
from tests.factories import MembershipFactory, make_ticket

pytestmark = pytest.mark.slow


def test_a_manager_sees_what_a_change_would_do_while_typing(world, new_context):
    calendar = Calendar.objects.get(is_default=True)
    make_ticket(MembershipFactory())  # its aim is long past: nothing that a change of hours could move
    page = new_context(world.helen)
    page.goto(f"/admin/helpdesk/calendar/{calendar.pk}/change/")
    page.fill("[name=mon-to]", "13:00")
    page.locator("#drafting .change").wait_for()
    assert page.locator("#drafting .change").all_inner_texts() == ["Monday: 09:00–17:00 → 09:00–13:00"]
    assert page.locator("#strip-mon .o").get_attribute("width") == "16.67"
    page.fill("[name=tue-to]", "8")
    page.locator(".faults li").wait_for()
    assert "Tuesday" in page.locator(".faults").inner_text()
    page.fill("[name=tue-to]", "17")
    page.locator("#due table").wait_for()
    page.click("[name=_add][value=sat]")
    page.keyboard.type("10")
    page.fill("[name=sat-to]", "12")
    page.click("[name=_add][value=day]")
    page.fill("[name=day-date] >> nth=0", "2031-12-24")
    page.fill("[name=day-name] >> nth=0", "Eve")
    page.fill("[name=day-date] >> nth=1", "2031-12-25")
    page.select_option("#id_country", "AT")
    page.locator("[name=region]").wait_for()
    page.click(".submit-row [name=_preview]")
    page.locator(".days .day-week", has_text="Wed").first.wait_for()
    page.click("[name=_remove]:visible >> nth=0")
    page.click("[name=_save]")
    page.locator("ul.messagelist").wait_for()
    version = calendar.versions.get(is_current=True)
    assert (version.number, version.definition["weekly"]["sat"]) == (2, [["10:00", "12:00"]])
    assert version.definition["holidays"] == ["2031-12-25"]
    assert version.definition["weekly"]["mon"] == [["09:00", "13:00"]]


def test_it_works_without_a_script(world, new_context):
    calendar = Calendar.objects.get(is_default=True)
    page = new_context(world.helen, java_script_enabled=False)
    page.goto(f"/admin/helpdesk/calendar/{calendar.pk}/change/")
    page.click("[name=_add][value=sun]")
    page.fill("[name=sun-from]", "22:00")
    page.fill("[name=sun-to]", "6")
    page.press("[name=sun-to]", "Enter")  # looks, and saves nothing
    assert page.locator("#id_sun_error").is_visible()
    page.fill("[name=sun-to]", "24:00")
    page.select_option("#id_country", "AT")
    page.click("[name=_regions]")
    page.select_option("[name=region]", "9")
    page.click("[name=_national]")
    assert page.locator(".days .flag").count() > 10
    assert page.locator("[name=sun-to]").input_value() == "24:00"
    assert calendar.versions.count() == 1
    page.click("[name=_save]")
    version = calendar.versions.get(is_current=True)
    assert version.definition["weekly"]["sun"] == [["22:00", "24:00"]]
    assert len(version.day_names) == len(version.definition["holidays"]) > 10
