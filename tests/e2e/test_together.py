"""Two people at work at once: each sees what the other does, at once and without a reload (SPEC 2.8)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket
from tests.e2e.test_live import QUEUE, open_at
from tests.e2e.test_pages import problems
from tests.factories import make_ticket

AT_ONCE = 2500  # milliseconds; a second of the product's, and the browser's own on a busy machine
MINUTE = timedelta(minutes=1)


@pytest.fixture
def tickets(world):
    """Four of Mina's, the most urgent one first."""
    mina, now = world.account.memberships.get(user=world.mina), timezone.now()
    return [make_ticket(mina, now=now - (20 - 5 * n) * MINUTE, subject=f"Question {n}") for n in range(4)]


def row(page, ticket):
    return page.locator(f'#result_list tr[data-id="{ticket.pk}"]')


def change(ticket) -> str:
    return f"{QUEUE}{ticket.pk}/change/"


def test_a_queue_follows_the_others_work(world, tickets, new_context):
    now = timezone.now()
    queue = open_at(new_context(world.anna), f"{QUEUE}?view=unassigned")
    expect(queue.locator("#result_list tbody tr")).to_have_count(4)
    queue.evaluate("window.sameSince = true")

    services.assign(ticket=tickets[1], owner=world.olu, actor=world.olu, now=now)
    expect(row(queue, tickets[1])).to_have_class("is-gone", timeout=AT_ONCE)
    expect(row(queue, tickets[1])).to_contain_text("Taken by Olu Adeyemi")
    row(queue, tickets[1]).hover()  # it stays while somebody looks at it
    expect(queue.locator(".ws-sum b").first).to_have_text("3")
    assert problems(queue) == []
    urgent = make_ticket(
        world.account.memberships.get(user=world.mina), now=now - 18 * MINUTE, subject="New and urgent"
    )
    expect(row(queue, urgent)).to_be_visible(timeout=AT_ONCE)
    order = queue.locator("#result_list tbody tr").evaluate_all("rows => rows.map(row => Number(row.dataset.id))")
    assert order == [tickets[0].pk, urgent.pk, *[ticket.pk for ticket in tickets[1:]]]
    queue.mouse.move(700, 20)
    expect(row(queue, tickets[1])).to_have_count(0, timeout=10_000)

    # Held back while something is selected, and then all there.
    row(queue, tickets[0]).locator(".action-select").check()
    services.assign(ticket=tickets[2], owner=world.olu, actor=world.olu, now=now)
    later = make_ticket(world.account.memberships.get(user=world.mina), now=now, subject="Came meanwhile")
    expect(queue.locator(".held")).to_contain_text("1 new, 1 changed.", timeout=AT_ONCE)
    expect(row(queue, later)).to_have_count(0)
    row(queue, tickets[0]).locator(".action-select").uncheck()
    expect(row(queue, later)).to_be_visible()
    expect(row(queue, tickets[2])).to_have_class("is-gone")
    expect(queue.locator(".held")).to_be_hidden()
    assert queue.evaluate("window.sameSince")


def test_who_looks_and_types_is_shown(world, tickets, new_context):
    queue = open_at(new_context(world.helen), f"{QUEUE}?view=open")
    anna = open_at(new_context(world.anna), change(tickets[0]))
    expect(row(queue, tickets[0]).locator(".seen")).to_contain_text("AM", timeout=AT_ONCE)
    olu = open_at(new_context(world.olu), change(tickets[0]))
    expect(olu.locator(".tk-meta .seen")).to_contain_text("Anna Meier")
    expect(anna.locator(".tk-meta .seen")).to_contain_text("Olu Adeyemi", timeout=AT_ONCE)
    expect(anna.locator("[data-typing]")).to_be_hidden()
    olu.keyboard.press("r")
    olu.keyboard.type("Hello")
    expect(anna.locator("[data-typing]")).to_have_text(
        "Olu Adeyemi is typing a public reply. Sending yours will ask first.", timeout=AT_ONCE
    )
    expect(olu.locator("[data-typing]")).to_be_hidden()
    olu.locator("#reply-text").fill("")
    expect(anna.locator("[data-typing]")).to_be_hidden(timeout=AT_ONCE)
    olu.goto(f"{QUEUE}?view=open")
    expect(anna.locator(".tk-meta .seen")).to_be_hidden(timeout=AT_ONCE)
    expect(row(olu, tickets[0]).locator(".seen")).to_contain_text("AM")  # as the server renders it


def test_a_ticket_follows_and_what_is_typed_is_kept(world, tickets, new_context):
    page = open_at(new_context(world.anna), change(tickets[0]))
    page.evaluate("window.sameSince = true")
    page.locator("#reply-text").fill("I am on it")
    ticket, now = Ticket.objects.get(pk=tickets[0].pk), timezone.now()
    services.assign(ticket=ticket, owner=world.olu, actor=world.olu, now=now)
    expect(page.locator(".tk-meta")).to_contain_text("Owner Olu Adeyemi", timeout=AT_ONCE)
    services.add_note(ticket=ticket, actor=world.olu, body="Same as PS-1, I think", now=now)
    services.customer_reply(ticket=ticket, actor=world.mina, body="It is still blank", now=now + timedelta(seconds=1))
    expect(page.locator("[data-news]")).to_contain_text("2 new messages", timeout=AT_ONCE)
    expect(page.locator(".talk .msg")).to_have_count(1)
    page.locator("[data-news] button").click()
    expect(page.locator(".talk .msg")).to_have_count(3)
    expect(page.locator("[data-news]")).to_be_hidden()
    assert page.locator("#reply-text").input_value() == "I am on it"
    assert page.evaluate("window.sameSince")
    page.locator("#reply-text").fill("")
