"""The customer's forms in a browser: files go up as they are chosen, what is typed outlives the session."""

import pytest
from playwright.sync_api import expect

from helpdesk.tickets.models import Attachment, FormDraft, Ticket
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
PNG = {"name": "blank-checkout.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"\x00" * 90_000}
PROGRAM = {"name": "fix.exe", "mimeType": "image/png", "buffer": b"MZ\x90\x00"}


def test_what_is_typed_and_put_up_outlives_the_session(world, new_context):
    new_context.tolerated = ["422", "401"]
    page = new_context(world.mina)
    page.goto("/tickets/new/")
    page.select_option("#id_hub", "content")
    page.fill("#id_subject", "Checkout forms show a blank page")
    page.set_input_files("#id_files", [PNG, PROGRAM])
    expect(page.locator(".files [data-file]")).to_contain_text("blank-checkout.png")
    expect(page.locator(".files .is-refused")).to_contain_text("fix.exe is a program, which is not taken.")
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")
    assert FormDraft.objects.get().values == {"hub": "content", "subject": "Checkout forms show a blank page"}

    page.context.clear_cookies(name="sessionid")  # the session ends while she types
    page.fill("#id_body", "No visitor can place an order.")
    expect(page.locator("[data-saved]")).to_contain_text("You have been signed out.")
    page.locator("[data-saved] a").click()
    page.fill("#id_login", world.mina.email)
    page.fill("#id_password", "correct horse battery")
    page.press("#id_password", "Enter")
    page.wait_for_url("**/tickets/new/?draft=*")
    expect(page.locator("#id_body")).to_have_value("No visitor can place an order.")
    expect(page.locator("#id_subject")).to_have_value("Checkout forms show a blank page")
    expect(page.locator(".files [data-file]")).to_contain_text("blank-checkout.png")

    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(lambda url: url.rstrip("/").split("/")[-1].isdigit())
    expect(page.locator(".thread .files")).to_contain_text("blank-checkout.png")
    assert Attachment.objects.get().message.ticket == Ticket.objects.get()
    assert not FormDraft.objects.exists()


def test_a_file_that_is_dropped_goes_with_the_reply(world, new_context):
    ticket = make_ticket(world.mina.memberships.get())
    page = new_context(world.mina)
    page.goto(f"/tickets/{ticket.pk}/")
    page.fill("#reply #id_body", "Here is the log.")
    dropped = page.evaluate_handle(
        "() => { const all = new DataTransfer(); all.items.add(new File(['It broke.'], 'checkout.log')); return all; }"
    )
    page.dispatch_event("#reply", "drop", {"dataTransfer": dropped})
    expect(page.locator("#reply .files [data-file]")).to_contain_text("checkout.log")
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_load_state()
    expect(page.locator(".thread .msg").last).to_contain_text("checkout.log")
    assert Attachment.objects.get().file.read() == b"It broke."


def test_two_windows_with_one_draft_lose_nothing_and_the_second_is_told(world, new_context):
    page = new_context(world.mina)
    page.goto("/tickets/new/")
    page.fill("#id_subject", "Checkout forms show a blank page")
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")
    other = page.context.new_page()
    other.goto("/tickets/new/")
    other.fill("#id_body", "Typed in the second window.")
    expect(other.locator("[data-saved]")).to_contain_text("Draft saved")
    expect(page.locator("[data-saved]")).to_contain_text("This draft was changed in another window.")

    page.fill("#id_body", "Typed in the first window.")
    expect(page.locator("[data-crossed]")).to_contain_text("Nothing is lost: yours goes on here")
    expect(page.locator("[data-saved]")).to_contain_text("Draft saved")
    page.get_by_role("link", name="Go on with the other text").click()
    expect(page.locator("#id_body")).to_have_value("Typed in the second window.")
    page.locator(".notice").get_by_role("link", name="Checkout forms show a blank page").click()
    expect(page.locator("#id_body")).to_have_value("Typed in the first window.")
