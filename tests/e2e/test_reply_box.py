"""The reply box in a real browser: nothing typed is lost, a reply can be taken back (SPEC 2.8)."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.tickets import services
from helpdesk.tickets.models import CannedReply, Draft
from tests.e2e.test_pages import problems
from tests.factories import make_ticket

WIDE = {"width": 1440, "height": 900}


def open_ticket(world, new_context, person, **options):
    ticket = make_ticket(world.mina.memberships.get(), now=timezone.now() - timedelta(minutes=5))
    page = new_context(person, viewport=WIDE, **options)
    page.goto(f"/admin/helpdesk/ticket/{ticket.pk}/change/")
    return ticket, page


def replies(ticket) -> list[str]:
    return list(ticket.messages.filter(kind="reply").values_list("body", flat=True))


def is_accessible(page) -> None:
    assert problems(page) == []


def test_a_draft_survives_and_a_reply_is_taken_back(world, new_context, settings):
    settings.REPLY_UNDO_SECONDS = 1800
    ticket, here = open_ticket(world, new_context, world.anna)
    here.fill("#reply-text", "Hello Mina, we found")
    expect(here.locator("[data-saved]")).to_contain_text("Draft saved")
    there = new_context(world.anna, viewport=WIDE)  # the first one is gone: another machine
    there.goto(f"/admin/helpdesk/ticket/{ticket.pk}/change/")
    expect(there.locator("#reply-text")).to_have_value("Hello Mina, we found")
    there.fill("#reply-text", "Hello Mina, we found the cause.")
    there.press("#reply-text", "Control+Enter")
    expect(there.locator(".leaving")).to_contain_text("It leaves in 17")
    expect(there.locator("#reply-text")).to_have_value("")
    is_accessible(there)
    there.get_by_role("button", name="Undo").click()
    expect(there.locator("#reply-text")).to_have_value("Hello Mina, we found the cause.")
    assert replies(ticket) == []

    Draft.objects.update(saved_at=timezone.now())  # the first screen knows an older one
    new_context.tolerated.append("status of 409")
    here.fill("#reply-text", "Hello Mina, something else")
    expect(here.locator(".composer-stale")).to_contain_text("You changed this draft on another screen")
    here.get_by_role("link", name="Take the other one").click()
    expect(here.locator("#reply-text")).to_have_value("Hello Mina, we found the cause.")
    here.close(run_before_unload=False)


def test_when_it_has_left_the_conversation_shows_it_and_the_box_is_left_alone(world, new_context, settings):
    settings.REPLY_UNDO_SECONDS = 2
    ticket, page = open_ticket(world, new_context, world.anna)
    page.fill("#reply-text", "We found the cause.")
    page.press("#reply-text", "Control+Enter")
    expect(page.locator(".msg--leaving")).to_contain_text("We found the cause.")
    page.fill("#reply-text", "And one more thing")
    new_context.tolerated.append("status of 409")  # the next draft waits until this one has left
    page.wait_for_timeout(2100)
    services.leave_drafts(now=timezone.now())
    expect(page.locator(".leaving")).to_have_count(0, timeout=15_000)
    expect(page.locator(".msg--staff")).to_contain_text("We found the cause.")
    expect(page.locator("#reply-text")).to_have_value("And one more thing")
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved", timeout=15_000)
    assert replies(ticket) == ["We found the cause."]


def test_canned_text_mention_file_and_preview(world, new_context):
    CannedReply.objects.create(name="Thanks", shortcut="thanks", body="Hello {{ requester.first_name }}, thank you.")
    ticket, page = open_ticket(world, new_context, world.anna)
    page.locator("#reply-text").press_sequentially("/tha")
    expect(page.locator("#mention-options [aria-selected=true]")).to_contain_text("Thanks")
    is_accessible(page)
    page.press("#reply-text", "Tab")
    expect(page.locator("#reply-text")).to_have_value("Hello Mina, thank you.")
    page.set_input_files(".attach input", {"name": "list.csv", "mimeType": "text/csv", "buffer": b"a,b\n"})
    expect(page.locator(".files--waiting")).to_contain_text("list.csv")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview .mail-card")).to_contain_text("Hello Mina, thank you.")
    is_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Canned").click()
    expect(page.locator(".canned-text")).to_contain_text("Hello Mina, thank you.")
    is_accessible(page)
    page.keyboard.press("Escape")
    page.locator(".seg", has_text="Internal note").click()
    page.fill("#reply-text", "")
    page.locator("#reply-text").press_sequentially("@ol")
    expect(page.locator("#mention-options [aria-selected=true]")).to_contain_text("Olu Adeyemi")
    page.press("#reply-text", "Enter")
    page.locator("#reply-text").press_sequentially("please look")
    page.press("#reply-text", "Control+Enter")
    expect(page.locator(".msg--note .mention")).to_have_text("@Olu Adeyemi")
    note = ticket.messages.get(kind="note")
    assert (note.body, note.mentioned) == ("@Olu Adeyemi please look", [world.olu.pk])
    assert [file.name for file in note.attachments.all()] == ["list.csv"]
