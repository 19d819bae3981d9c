"""A customer's ticket in a real browser, after it was sent: what comes in by itself, and what they do."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.escalation.models import ManagerRequest
from helpdesk.tickets import services
from helpdesk.tickets.models import Rating, Status
from tests.e2e.test_pages import problems
from tests.factories import make_ticket


def test_an_answer_comes_in_while_one_types_and_the_draft_stays(world, new_context):
    ticket = make_ticket(world.mina.memberships.get(), now=timezone.now() - timedelta(minutes=5))
    page = new_context(world.mina)
    page.goto(f"/tickets/{ticket.pk}/")
    page.fill("#id_body", "One more thing: the")
    services.reply(ticket=ticket, actor=world.anna, body="The theme was renamed.", now=timezone.now())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#thread")).to_contain_text("The theme was renamed.")
    expect(page.locator("#news")).to_contain_text("Anna Meier replied at")
    expect(page.locator("#first-reply")).to_contain_text("Promise kept")
    expect(page.locator("#id_body")).to_have_value("One more thing: the")
    expect(page.locator("#id_body")).to_be_focused()
    assert problems(page) == []


def test_escalating_and_rating_on_a_phone(world, new_context):
    now = timezone.now() - timedelta(hours=1)
    ticket = make_ticket(world.mina.memberships.get(), now=now)
    services.reply(ticket=ticket, actor=world.anna, body="Done.", status=Status.SOLVED, now=now + timedelta(minutes=1))
    new_context.tolerated = ["422"]  # the form without a reason
    page = new_context(world.mina, viewport={"width": 390, "height": 844})
    page.goto(f"/tickets/{ticket.pk}/")
    page.get_by_text("Fully", exact=True).click()
    page.get_by_label("What was good").fill("Quick.")
    page.get_by_role("button", name="Send the rating").click()
    expect(page.get_by_text("Thank you. Your specialist")).to_be_visible()
    assert (Rating.objects.get().score, Rating.objects.get().comment) == (5, "Quick.")
    page.get_by_text("Escalate to a manager").click()
    page.get_by_role("button", name="Escalate", exact=True).click()
    expect(page.get_by_text("Say why: the manager reads it.")).to_be_visible()
    page.get_by_label("Why?").fill("It has come back twice.")
    page.get_by_role("button", name="Escalate", exact=True).click()
    expect(page.get_by_text("A manager was asked for")).to_be_visible()
    assert ManagerRequest.objects.get().reason == "It has come back twice."
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
