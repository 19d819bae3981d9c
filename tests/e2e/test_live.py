"""Notices reach screens that are open, without a reload; and where websockets don't work, a little later."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from helpdesk.notifications.models import Notice
from helpdesk.notifications.services import Reader, Telling, tell
from tests.e2e.test_pages import LOOKS, problems
from tests.factories import make_ticket

QUEUE = "/admin/helpdesk/ticket/"
# Notes when the first toast appeared, and that the page was never loaded again.
WATCH = """() => {
  window.sameSince = true;
  new MutationObserver(() => { window.toastAt = window.toastAt || Date.now(); })
    .observe(document.querySelector(".toasts"), { childList: true });
}"""


def say(*people, key: str, subject: str = "Blank page") -> None:
    said = {"percent": 75, "metric": "first_response", "reference": "PS-7", "subject": subject, "account": "Kestrel"}
    readers = [Reader(email=one.email, user_id=one.pk, language="en", time_zone="UTC") for one in people]
    with transaction.atomic():
        told = Telling(key=key, kind="escalation", context=said, url=QUEUE, readers=readers)
        tell([told], now=timezone.now())


def open_at(page: Page, path: str) -> Page:
    """The page, once its socket has told it how things stand."""
    page.goto(path)
    expect(page.locator(".toasts")).to_have_attribute("data-by", "socket")
    return page


@pytest.mark.slow
def test_an_escalation_shows_on_open_screens_within_a_second(world, jobs, new_context):
    """Real beat, worker and sweep; two windows of the one who is told, and one of somebody who isn't."""
    queue, other, helen = (new_context(person) for person in (world.anna, world.anna, world.helen))
    for page, path in ((queue, QUEUE), (other, "/admin/helpdesk/escalation/"), (helen, QUEUE)):
        open_at(page, path).evaluate(WATCH)
    opened_at = datetime.now(UTC) - timedelta(minutes=30) + timedelta(seconds=3)  # half of the hour is over in 3 s
    ticket = make_ticket(world.account.memberships.get(user=world.mina), now=opened_at)
    for page in (queue, other):
        expect(page.locator(".toast")).to_contain_text(f"50 % · First response · PS-{ticket.pk}", timeout=15000)
        expect(page.locator(".bell b")).to_have_text("1")
        expect(page.locator(".bell")).to_have_attribute("aria-label", "Notices, 1 unread")
        assert page.evaluate("window.sameSince")
        written = Notice.objects.get(recipient=world.anna).created_at
        shown = datetime.fromtimestamp(page.evaluate("window.toastAt") / 1000, UTC)
        assert shown - written < timedelta(seconds=1)
    expect(helen.locator(".toast")).to_have_count(0)
    expect(helen.locator(".bell b")).to_be_hidden()

    queue.locator(".toast a").click()
    expect(queue).to_have_url(f"{QUEUE}{ticket.pk}/change/")
    expect(queue.locator(".toast")).to_have_count(0)  # it was shown already, and is still counted
    expect(queue.locator(".bell b")).to_have_text("1")

    queue.goto("/admin/helpdesk/notice/")
    queue.get_by_role("button", name="Mark all as read").click()
    expect(other.locator(".bell b")).to_be_hidden()
    expect(other.locator(".toast")).to_have_count(0)
    assert other.evaluate("window.sameSince")


@pytest.mark.parametrize("look", LOOKS)
def test_toasts_are_fit_to_be_seen_and_to_be_put_away(world, new_context, look):
    page = new_context(world.anna, language=LOOKS[look]["locale"][:2], **LOOKS[look])
    open_at(page, QUEUE)
    for number in range(4):
        say(world.anna, key=f"step/{number}", subject=f"Every form on all of our sites is a blank page, {number}")
    toasts = page.locator(".toast")
    expect(toasts).to_have_count(3)
    expect(toasts.last).to_contain_text("blank page, 3")
    assert problems(page) == []
    expect(page.locator(".toasts")).to_have_attribute("aria-live", "polite")
    toasts.last.locator("button").focus()
    page.keyboard.press("Escape")
    expect(toasts).to_have_count(2)
    expect(toasts.last.locator("button")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(toasts).to_have_count(0)
    expect(page.locator(".bell")).to_be_focused()
    expect(page.locator(".bell b")).to_have_text("4")


def test_a_toast_goes_by_itself_but_not_while_it_is_read(world, new_context):
    page = new_context(world.anna)
    page.clock.install()
    open_at(page, QUEUE)
    say(world.anna, key="step/1")
    toast = page.locator(".toast")
    expect(toast).to_have_count(1)
    toast.hover()
    page.clock.run_for(60_000)
    expect(toast).to_have_count(1)
    page.mouse.move(700, 20)
    page.clock.run_for(21_000)
    expect(toast).to_have_count(0)
    expect(page.locator(".bell b")).to_have_text("1")


def test_where_sockets_are_refused_the_page_asks_every_half_minute(world, new_context, live_server):
    new_context.tolerated.append("WebSocket connection to")
    live_server.refuses_sockets = True
    try:
        page = new_context(world.anna)
        asked = []
        page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
        page.clock.install()
        with page.expect_response(lambda answer: answer.url.endswith("/admin/live/")):  # asked at once, and then again
            page.goto(QUEUE)
        expect(page.locator(".toasts")).to_have_attribute("data-by", "asking")
        say(world.anna, key="step/1", subject="While nothing listens")
        page.clock.run_for(31_000)
        expect(page.locator(".toast")).to_contain_text("While nothing listens")
        expect(page.locator(".bell b")).to_have_text("1")
    finally:
        live_server.refuses_sockets = False
    while page.locator(".toasts").get_attribute("data-by") != "socket":  # its pauses have grown to a minute at most
        page.clock.run_for(5_000)
        page.wait_for_timeout(100)
    asked.clear()
    say(world.anna, key="step/2", subject="At once again")
    expect(page.locator(".toast").last).to_contain_text("At once again", timeout=2000)
    assert [url for url in asked if url.endswith("/admin/live/")] == []


def test_a_page_whose_session_has_ended_stops_asking(world, new_context, live_server):
    new_context.tolerated.append("WebSocket connection to")
    page = new_context(world.anna)
    asked, opened = [], []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/admin/live/") else None)
    page.on("websocket", lambda socket: opened.append(socket))
    page.clock.install()
    open_at(page, "/admin/helpdesk/account/")
    Session.objects.all().delete()
    live_server.cut_connections()
    page.clock.run_for(300_000)
    page.wait_for_timeout(500)
    before = len(asked), len(opened)
    page.clock.run_for(600_000)
    page.wait_for_timeout(500)
    assert (len(asked), len(opened)) == before
