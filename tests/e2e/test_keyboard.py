"""The workspace by keyboard alone (SPEC 2.8)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.tickets.models import Status, Ticket
from tests.e2e.test_live import QUEUE
from tests.e2e.test_pages import LOOKS, problems
from tests.factories import make_ticket

MINUTE = timedelta(minutes=1)


@pytest.fixture
def tickets(world):
    mina, now = world.account.memberships.get(user=world.mina), timezone.now()
    return [make_ticket(mina, now=now - (20 - 5 * n) * MINUTE, subject=f"Question {n}") for n in range(4)]


def test_from_the_queue_to_a_reply_to_the_next_ticket_without_a_mouse(world, tickets, new_context):
    page = new_context(world.anna)
    page.goto(f"{QUEUE}?view=open")
    press = page.keyboard.press
    press("j")
    press("j")
    expect(page.locator("tr.is-cursor")).to_have_attribute("data-id", str(tickets[1].pk))
    press("x")
    expect(page.locator(".action-select:checked")).to_have_count(1)
    press("Escape")
    expect(page.locator(".action-select:checked")).to_have_count(0)
    press("k")
    expect(page.locator("tr.is-cursor")).to_have_attribute("data-id", str(tickets[0].pk))
    press("o")
    page.wait_for_url(f"**/ticket/{tickets[0].pk}/change/?view=open")
    press("r")
    page.keyboard.type("Reload the page, jx?")  # letters are letters while one types
    press("Escape")
    expect(page.locator("#reply-text")).not_to_be_focused()
    press("n")
    expect(page.locator("#kind-note")).to_be_checked()
    press("Escape")
    press("r")
    press("Control+Enter")
    expect(page.locator(".talk .msg--staff")).to_contain_text("Reload the page, jx?")
    sent = Ticket.objects.get(pk=tickets[0].pk)
    assert (sent.status, sent.owner) == (Status.WAITING, world.anna)
    press("g")
    press("q")
    page.wait_for_url(lambda url: url.endswith(QUEUE))
    press("t")
    page.wait_for_url(f"**/ticket/{tickets[1].pk}/change/")
    press("j")
    page.wait_for_url(f"**/ticket/{tickets[2].pk}/change/**")
    press("k")
    page.wait_for_url(f"**/ticket/{tickets[1].pk}/change/**")
    press("g")
    press("h")
    page.wait_for_url(lambda url: url.endswith("/admin/"))
    press("g")
    press("q")
    page.wait_for_url(lambda url: url.endswith(QUEUE))
    press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("?")
    expect(page.locator("#keys")).to_be_hidden()


@pytest.mark.parametrize("look", LOOKS)
def test_the_sheet_of_keys_says_what_this_page_can(world, tickets, new_context, look):
    page = new_context(world.anna, language=LOOKS[look]["locale"][:2], **LOOKS[look])
    page.goto(f"{QUEUE}?view=open")
    page.keyboard.press("?")
    sheet = page.locator("#keys")
    expect(sheet).to_be_visible()
    expect(sheet.locator("[data-own] dt").first).to_be_visible()
    assert "t" in [text.strip() for text in sheet.locator("[data-own] dt").all_text_contents()]
    assert problems(page) == []
    page.keyboard.press("j")
    expect(page.locator("tr.is-cursor")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("?")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()


def test_keys_of_the_browser_and_of_an_input_method_are_left_alone(world, tickets, new_context):
    page = new_context(world.anna)
    page.goto(f"{QUEUE}?view=open")
    caught = page.evaluate(
        """() => [{ key: "j", isComposing: true }, { key: "j", ctrlKey: true },
            { key: "/", altKey: true }, { key: "j" }]
          .map(values => !document.body.dispatchEvent(
            new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...values })))"""
    )
    assert caught == [False, False, False, True]


def test_a_reply_that_solves_and_the_next_ticket_without_a_mouse(world, tickets, new_context):
    page = new_context(world.anna)
    page.goto(f"{QUEUE}{tickets[0].pk}/change/?view=open")
    press = page.keyboard.press
    press("r")
    page.keyboard.type("It is mended.")
    press("Control+Shift+Enter")
    expect(page.locator(".composer .menu-list .is-on")).to_be_focused()  # what Ctrl and Enter alone would do
    press("ArrowDown")
    press("Enter")
    expect(page.locator(".talk .msg--staff")).to_contain_text("It is mended.")
    assert Ticket.objects.get(pk=tickets[0].pk).status == Status.SOLVED
    press("j")
    page.wait_for_url(lambda url: f"/{tickets[0].pk}/" not in url and "/change/" in url)


def test_one_reply_after_another_without_a_mouse_and_the_last_one_is_taken_back(world, tickets, new_context, settings):
    settings.REPLY_UNDO_SECONDS = 1800
    new_context.tolerated.append("status of 422")
    page = new_context(world.anna, viewport={"width": 1440, "height": 900})
    page.goto(f"{QUEUE}{tickets[0].pk}/change/?view=open")
    press = page.keyboard.press
    press("?")
    expect(page.locator("#keys")).to_contain_text("Send, then open the next ticket")
    press("Escape")
    press("r")
    press("Control+Alt+Enter")  # nothing is typed: the page stays, with the reason
    expect(page.locator("#reply-errors")).to_contain_text("There is nothing to send yet.")
    page.locator("#reply-text").press_sequentially("It is mended.")
    press("Control+Alt+Enter")
    page.wait_for_url(f"**/ticket/{tickets[1].pk}/change/?view=open")
    expect(page.locator(".leaving--elsewhere")).to_contain_text(f"Your reply to PS-{tickets[0].pk} is sent.")
    assert problems(page) == []
    press("r")
    page.keyboard.type("This one, too.")
    press("Control+Shift+Enter")
    page.get_by_label("Then open the next ticket").check()
    expect(page.locator(".composer .btn--go .then")).to_be_visible()
    assert problems(page) == []
    press("Escape")
    press("r")
    press("Control+Enter")
    page.wait_for_url(f"**/ticket/{tickets[2].pk}/change/?view=open")
    expect(page.locator(".leaving--elsewhere")).to_have_count(2)
    expect(page.locator(".composer .btn--go .then")).to_be_visible()  # remembered
    page.locator(".leaving--elsewhere").last.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/ticket/{tickets[1].pk}/change/?view=open")
    expect(page.locator("#reply-text")).to_have_value("This one, too.")
    assert not tickets[1].messages.filter(kind="reply").exists()
