"""Tickets put in order in a real browser, by keyboard: merged, handed out, tagged, answered together (SPEC 2.8)."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from tests.factories import DesignatedFactory, make_ticket

WIDE = {"viewport": {"width": 1440, "height": 900}}
MINUTE = timedelta(minutes=1)


def test_a_duplicate_is_merged_with_keys_alone(world, new_context):
    mina, now = world.mina.memberships.get(), timezone.now()
    first = make_ticket(mina, subject="Forms are blank", now=now - 20 * MINUTE)
    again = make_ticket(mina, subject="Forms are blank again", now=now - 5 * MINUTE)
    anna = new_context(world.anna, **WIDE)
    anna.goto(f"/admin/helpdesk/ticket/{again.pk}/change/")
    anna.keyboard.press("m")
    expect(anna.locator("#id_other")).to_be_focused()
    anna.keyboard.type(first.reference)
    anna.keyboard.press("Enter")
    stays = anna.locator(".org-side--stays")
    expect(stays).to_contain_text("Forms are blank")
    expect(stays).to_contain_text("Counts on as it is.")
    anna.get_by_label("Reason, for the history").fill("The same outage")
    anna.get_by_role("button", name=f"Merge {again.reference} into {first.reference}").click()
    expect(anna.locator(".messagelist")).to_contain_text("is merged into")
    expect(anna.locator(".talk .msg")).to_have_count(2)
    again.refresh_from_db()
    assert (again.status, again.merged_into) == (Status.MERGED, first)


def test_a_lead_hands_out_and_tags_and_replies_to_a_whole_incident(world, new_context):
    now = timezone.now()
    incident = make_ticket(world.mina.memberships.get(), subject="E-mails go out twice", now=now - 20 * MINUTE)
    part = make_ticket(DesignatedFactory(), subject="Two e-mails each", now=now - 10 * MINUTE)
    services.join_incident(ticket=part, incident=incident, actor=world.olu, now=now)
    anna = new_context(world.anna, **WIDE)  # it is handed out among those who are here
    anna.goto("/admin/helpdesk/ticket/")
    expect(anna.locator(".toasts[data-by=socket]")).to_be_attached()
    olu = new_context(world.olu, **WIDE)
    olu.goto(f"/admin/helpdesk/ticket/{incident.pk}/change/")
    olu.keyboard.press("a")
    expect(olu.locator("select[name=owner]")).to_be_focused()
    olu.get_by_role("button", name="By load").click()
    expect(olu.locator(".tk-meta")).to_contain_text("Anna Meier")
    olu.get_by_label("Add tags, with commas between").fill("outage, e-mail")
    olu.keyboard.press("Enter")
    expect(olu.locator(".tk-meta .tags")).to_contain_text("outage")
    olu.get_by_role("link", name="Reply to all: this and 1 more").click()
    olu.get_by_label("Public reply, the same to each").fill("It is mended since 10:00.")
    olu.get_by_role("button", name="Send to those ticked").click()
    expect(olu.get_by_role("heading", name="Sent on 2 tickets")).to_be_visible()
    for ticket in (incident, part):
        clock = ticket.clocks.get(metric="first_response")
        assert (clock.is_met, clock.answered_by) == (True, world.olu)


def test_a_split_without_a_script_on_a_phone(world, new_context):
    ticket = make_ticket(world.mina.memberships.get(), now=timezone.now() - 10 * MINUTE)
    new_context.tolerated.append("status of 422")
    anna = new_context(world.anna, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    anna.goto(f"/admin/helpdesk/ticket/{ticket.pk}/change/")
    anna.locator(".tk-bar summary", has_text="More").click()
    anna.get_by_role("link", name="Split off a ticket").click()
    anna.get_by_label("Subject of the new ticket").fill("The export")
    anna.get_by_role("button", name="Open the new ticket").click()
    expect(anna.get_by_role("alert")).to_contain_text("Choose at least one message")
    expect(anna.get_by_label("Subject of the new ticket")).to_have_value("The export")
    anna.locator("input[name=messages]").check()
    anna.get_by_role("button", name="Open the new ticket").click()
    expect(anna.locator(".tk-bar h1")).to_have_text("The export")
    expect(anna.locator(".rail")).to_contain_text(f"{ticket.reference} · Related")
