"""The queue in a real browser: many tickets at once and back again, a view that is kept, words in Japanese."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from helpdesk.escalation.sweep import sweep
from helpdesk.tickets.models import SavedView, Ticket
from tests.e2e.test_pages import RULES
from tests.factories import DesignatedFactory, make_ticket

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


def faults(page) -> list[str]:
    return [fault["id"] for fault in Axe().run(page, options=RULES).response["violations"]]


@pytest.fixture
def tickets(world) -> list[Ticket]:
    membership = DesignatedFactory()
    subjects = ["全ユーザーがログインできません", "Forms show a blank page", "Sync stops at row 7,412"]
    return [make_ticket(membership, subject=subject, now=timezone.now()) for subject in subjects]


def test_many_at_once_with_an_account_and_undo(world, tickets, new_context):
    new_context.tolerated.append("422")
    page = new_context(world.anna, **WIDE)
    page.goto("/admin/helpdesk/ticket/?view=open")
    for box in page.locator(".action-select").all():
        box.check()
    page.select_option("#bulk-do", "spam")
    assert page.locator("#bulk-tags").is_hidden()
    page.click("text=Apply to 3")
    assert "Say why" in page.locator("#bulk-reason-error").inner_text()
    assert faults(page) == []
    page.select_option("#bulk-do", "tag")
    page.fill("#bulk-tags", "go-live")
    page.fill("#bulk-reason", "Kestrel goes live")
    page.click("text=Apply to 3")
    assert "3 tickets changed" in page.locator(".account").inner_text()
    assert faults(page) == []
    page.click(".account >> text=Undo")
    assert "3 tickets are as before" in page.locator(".account").inner_text()
    assert not Ticket.objects.filter(tags__name="go-live").exists()


def test_a_view_is_kept_and_its_filters_work_at_once(world, tickets, new_context):
    page = new_context(world.olu, **WIDE)
    page.goto("/admin/helpdesk/ticket/?view=open")
    with page.expect_navigation():
        page.select_option("#pick-owner", "nobody")
    page.fill("#searchbar", "ログイン")
    page.press("#searchbar", "Enter")
    page.wait_for_url("**q=*")
    assert page.locator("#result_list tbody tr").count() == 1
    page.click("summary:has-text('Save view')")
    page.fill("#save-name", "Logins")
    page.select_option("#save-audience", label="Content team")
    assert faults(page) == []
    page.click(".keep[open] .btn--go")
    page.wait_for_url("**saved=*")
    view = SavedView.objects.get()
    assert (view.team, view.params) == (world.team, {"view": "open", "owner": "nobody", "q": "ログイン"})
    assert page.locator(".ws-views [aria-current]").inner_text().split() == ["Logins", "1"]
    page.goto("/admin/helpdesk/ticket/views/")
    assert faults(page) == []


def test_the_bar_of_acts_fits_a_phone(world, tickets, new_context):
    page = new_context(world.olu, language="ja", **PHONE)
    page.goto("/admin/helpdesk/ticket/?view=open")
    page.locator(".action-select").first.check()
    for act in ("assign", "status", "priority", "tag", "merge"):
        page.select_option("#bulk-do", act)
        assert page.locator(".actions .btn--go").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto("/admin/helpdesk/ticket/views/")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert faults(page) == []


def test_on_a_phone_the_ticket_heads_the_card_of_what_happened_and_keys_are_not_named(world, new_context):
    now = timezone.now()
    ticket = make_ticket(DesignatedFactory(), now=now - timedelta(minutes=35), subject="Forms show a blank page")
    sweep(now=now)
    page = new_context(world.helen, **PHONE)
    page.goto("/admin/helpdesk/escalation/")
    tops = page.locator("#result_list tbody tr").first.evaluate(
        "row => ['.field-ticket_link', 'th', '.field-account'].map(part => row.querySelector(part).offsetTop)"
    )
    assert tops == sorted(tops)
    assert page.locator("#result_list .field-ticket_link").first.inner_text().startswith(ticket.reference)
    assert faults(page) == []
    page.goto("/admin/")
    assert page.locator(".btn kbd:visible").count() == 0
