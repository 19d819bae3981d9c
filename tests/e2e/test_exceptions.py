"""An exception from the specialist's request to the lead's approval, in a real browser (SPEC 2.4)."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from helpdesk.sla.models import ClockException
from tests.factories import make_ticket


def test_asked_with_a_preview_and_approved_by_the_lead(world, new_context):
    opened = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=70)
    ticket = make_ticket(world.mina.memberships.get(), now=opened)

    anna = new_context(world.anna, viewport={"width": 1440, "height": 900})
    anna.goto(f"/admin/helpdesk/ticket/{ticket.pk}/change/")
    anna.get_by_role("link", name="Request an exception").click()
    effects = anna.locator("input[name=effect]")
    expect(effects).to_have_count(4)
    anna.get_by_label("Third party").check()
    expect(effects).to_have_count(2)  # what this code allows; nothing complains before it is sent
    expect(anna.locator("[role=alert]")).to_have_count(0)
    expect(anna.locator("#id_out_from")).to_be_hidden()
    expect(anna.locator(".exc-side > #exception-preview")).to_be_visible()  # where it was, and as it was
    anna.get_by_label("Pause: a stretch does not count").check()
    for name, minutes in (("out_from", 10), ("out_until", 40)):
        anna.fill(f"#id_{name}", (opened + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S"))
    anna.fill("#id_evidence", "Their case 88-2041.")
    preview = anna.locator("#exception-preview")
    expect(preview.locator("tbody tr").first).to_contain_text("left")  # net: no longer late
    expect(preview.locator("tbody tr").last).to_contain_text("no change")  # gross
    anna.get_by_role("button", name="Request it").click()
    expect(anna.locator(".exc")).to_contain_text("Their case 88-2041.")
    expect(anna.get_by_role("button", name="Approve")).to_have_count(0)

    olu = new_context(world.olu, viewport={"width": 1440, "height": 900})
    olu.get_by_role("link", name="Exceptions").click()
    olu.locator("#result_list tbody .field-asked a").click()
    expect(olu.get_by_role("button", name="Refuse")).to_be_visible()
    olu.get_by_role("button", name="Approve").click()
    expect(olu.locator(".messagelist")).to_contain_text("Approved")
    assert ClockException.objects.get().state == "approved"
    clock = ticket.clocks.get()
    assert (clock.breached_at, clock.gross_breached_at) == (None, opened + timedelta(minutes=60))


def test_without_a_script_it_is_previewed_and_asked_too(world, new_context):
    opened = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    ticket = make_ticket(world.mina.memberships.get(), now=opened)
    anna = new_context(world.anna, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    anna.goto(f"/admin/helpdesk/ticket/{ticket.pk}/exception/?clock={ticket.clocks.get().pk}")
    anna.get_by_label("Declared incident").check()
    anna.get_by_label("Void: the target does not count").check()
    anna.get_by_role("button", name="Preview").click()
    expect(anna.locator("#exception-preview tbody tr").first).to_contain_text("does not count")
    anna.fill("#id_evidence", "Incident 4471.")
    anna.get_by_role("button", name="Request it").click()
    expect(anna.locator(".messagelist")).to_contain_text("no effect before it is approved")
