"""Drafts of the reply box, replies that are taken back and replies that cross."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from helpdesk.tickets import services
from helpdesk.tickets.models import Draft
from helpdesk.tickets.services import leave_drafts
from tests.factories import StaffFactory, make_ticket
from tests.workspace.composer.box import KEY, MINUTE, keep, page, replies, send, url

pytestmark = pytest.mark.django_db


def test_what_is_typed_is_there_again_on_another_machine(client, specialist, ticket):
    answer = keep(client, ticket, kind="note").json()
    assert answer["words"].startswith("Draft saved ")
    elsewhere = Client()
    elsewhere.force_login(specialist)
    shown = page(elsewhere, ticket)
    assert "\nHalf a sentence</textarea>" in shown
    assert 'value="note" id="kind-note" checked' in shown
    assert f'name="saved_at" value="{answer["saved_at"]}"' in shown
    colleague = Client()
    colleague.force_login(StaffFactory())
    assert "Half a sentence" not in page(colleague, ticket)


def test_a_draft_changed_elsewhere_is_shown_before_it_is_written_over(client, specialist, ticket):
    known = keep(client, ticket, "From the office").json()["saved_at"]
    keep(client, ticket, "From the train", saved_at=known)
    answer = keep(client, ticket, "From home", saved_at=known)
    assert answer.status_code == 409
    assert "From the train" in answer.json()["stale"]
    assert Draft.objects.get().body == "From the train"
    assert keep(client, ticket, "From home", saved_at=known, overwrite="1").status_code == 200
    assert Draft.objects.get().body == "From home"


def test_without_a_script_a_button_keeps_the_draft(client, specialist, ticket):
    data = {"kind": "reply", "body": "By hand", "files": SimpleUploadedFile("log.txt", b"It broke.")}
    assert client.post(url(ticket, "draft"), data).status_code == 302
    shown = page(client, ticket)
    assert "By hand</textarea>" in shown
    assert "log.txt" in shown
    answer = client.post(url(ticket, "draft"), {"kind": "reply", "body": "Another text"})
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "Another text</textarea>" in shown
    assert "You changed this draft on another screen" in shown
    assert "By hand" in shown


def test_sending_ends_the_draft_and_discarding_too(client, specialist, ticket):
    keep(client, ticket)
    send(client, ticket)
    assert not Draft.objects.exists()
    keep(client, ticket)
    assert client.post(url(ticket, "draft/discard")).status_code == 302
    assert not Draft.objects.exists()
    assert replies(ticket) == ["We are on it."]


@pytest.fixture
def undoable(settings):
    settings.REPLY_UNDO_SECONDS = 10


@pytest.mark.usefixtures("undoable")
def test_a_reply_can_be_taken_back_while_it_is_on_its_way(client, specialist, ticket):
    assert send(client, ticket, status="waiting").status_code == 302
    shown = page(client, ticket)
    assert "Your reply is sent. It leaves" in shown
    assert "on its way" in shown
    assert "\n</textarea>" in shown  # the box is free for the next text
    assert replies(ticket) == []
    assert "It was not sent. The text is back" in client.post(url(ticket, "undo"), follow=True).content.decode()
    shown = page(client, ticket)
    assert "We are on it.</textarea>" in shown
    assert "on its way" not in shown
    assert leave_drafts(now=timezone.now() + MINUTE)["left"] == 0


@pytest.mark.usefixtures("undoable")
def test_when_it_has_left_undo_says_so(client, specialist, ticket):
    send(client, ticket)
    leave_drafts(now=timezone.now() + MINUTE)
    assert "has left already" in client.post(url(ticket, "undo"), follow=True).content.decode()
    assert replies(ticket) == ["We are on it."]


@pytest.mark.usefixtures("undoable")
def test_a_colleague_sees_that_a_reply_is_on_its_way_but_not_what_it_says(client, specialist, ticket):
    send(client, ticket, "Not said yet")
    colleague = Client()
    colleague.force_login(StaffFactory())
    shown = page(colleague, ticket)
    assert "Anna Meier has sent a reply to the customer; it leaves at" in shown
    assert "Not said yet" not in shown


@pytest.mark.usefixtures("undoable")
def test_less_than_a_minute_before_the_deadline_it_leaves_at_once_and_the_page_says_so(client, specialist):
    ticket = make_ticket(now=timezone.now() - 59.5 * MINUTE)
    answer = client.post(url(ticket, "reply"), {"kind": "reply", "body": "In time", "submission": KEY}, follow=True)
    assert "It left at once: less than a minute was left" in answer.content.decode()
    assert replies(ticket) == ["In time"]
    assert ticket.clocks.get(metric="first_response").is_met


@pytest.mark.usefixtures("undoable")
def test_a_text_that_could_not_leave_is_shown_with_the_reason_even_where_nothing_can_be_said(client, specialist):
    ticket = make_ticket(now=timezone.now() - 10 * MINUTE)
    send(client, ticket, "All that work")
    services.mark_spam(ticket=ticket, actor=specialist, reason="Spam", now=timezone.now())
    leave_drafts(now=timezone.now() + MINUTE)
    shown = page(client, ticket)
    assert "What you sent did not leave." in shown
    assert "This ticket is not worked on any more." in shown
    assert "All that work</textarea>" in shown


@pytest.mark.usefixtures("undoable")
def test_while_one_is_on_its_way_the_next_draft_waits(client, specialist, ticket):
    send(client, ticket)
    answer = keep(client, ticket, "And another thing")
    assert (answer.status_code, answer.json()["again"]) == (409, True)
    assert Draft.objects.get().body == "We are on it."


def test_what_came_in_is_shown_and_nothing_is_sent_until_one_says_so_again(client, specialist, ticket):
    seen = ticket.messages.get().pk
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="We found it.", now=timezone.now())
    answer = send(client, ticket, status="open", seen_message=seen)
    assert answer.status_code == 409
    shown = answer.content.decode()
    for text in ("A message came in while you wrote.", "We found it.", "We are on it.</textarea>", "Send anyway"):
        assert text in shown
    assert '<button class="btn btn--go" type="submit" name="status" value="open">' in shown
    assert replies(ticket) == []
    assert Draft.objects.get().body == "We are on it."
    last = ticket.messages.order_by("pk").last().pk
    assert f'name="seen_message" value="{last}"' in shown
    assert send(client, ticket, status="open", seen_message=last).status_code == 302
    assert replies(ticket) == ["We are on it."]


def test_the_page_names_the_last_message_that_it_shows(client, specialist, ticket):
    note = services.add_note(ticket=ticket, actor=StaffFactory(), body="Note", now=timezone.now())
    assert f'name="seen_message" value="{note.pk}"' in page(client, ticket)
