"""Sent, and on to the next ticket of the view that one came from."""

import pytest
from django.utils import timezone

from helpdesk.tickets import services
from helpdesk.tickets.models import Draft, Status
from helpdesk.tickets.services import leave_drafts
from tests.factories import StaffFactory, make_ticket
from tests.workspace.composer.box import KEY, MINUTE, page, replies, send, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def undoable(settings):
    settings.REPLY_UNDO_SECONDS = 10


@pytest.fixture
def tickets(ticket):
    """The one that is answered, of three in the order of their deadlines."""
    return [ticket, *(make_ticket(now=timezone.now() - (8 - n) * MINUTE) for n in range(2))]


def post(client, ticket, *, view="open", act="reply", **values):
    said = {"kind": act, "body": "We are on it.", "submission": KEY, **values}
    return client.post(f"{url(ticket, act)}?view={view}", said)


@pytest.mark.usefixtures("undoable")
def test_the_next_ticket_opens_in_the_same_view_and_the_reply_can_be_taken_back_from_there(client, specialist, tickets):
    here, onward, _ = tickets
    answer = post(client, here, status="waiting", once="next")
    assert answer.url == f"{url(onward)}?view=open"
    shown = client.get(answer.url).content.decode()
    assert f'<a href="{url(here)}?view=open">{here.reference}</a> is sent. It leaves' in shown
    assert replies(here) == []
    back = client.post(f"{url(here, 'undo')}?view=open", follow=True).content.decode()
    assert "We are on it.</textarea>" in back
    assert leave_drafts(now=timezone.now() + MINUTE)["left"] == 0


@pytest.mark.usefixtures("undoable")
def test_what_is_on_its_way_is_its_writers_alone_and_no_longer_shown_when_it_has_left(client, specialist, tickets):
    here, onward, _ = tickets
    post(client, here, once="next")
    client.force_login(StaffFactory())
    assert "is sent. It leaves" not in page(client, onward)
    client.force_login(specialist)
    leave_drafts(now=timezone.now() + MINUTE)
    assert "is sent. It leaves" not in page(client, onward)


def test_a_reply_that_takes_the_ticket_out_of_the_view_goes_on_to_the_one_that_was_next(client, specialist, tickets):
    for ticket in tickets:
        services.assign(ticket=ticket, owner=specialist, actor=specialist, now=timezone.now())
    answer = post(client, tickets[1], view="mine", status="solved", once="next")
    assert answer.url == f"{url(tickets[2])}?view=mine"
    assert f"{tickets[1].reference}: your reply has left." in client.get(answer.url).content.decode()
    tickets[1].refresh_from_db()
    assert tickets[1].status == Status.SOLVED


def test_after_the_last_one_the_page_stays_and_says_so(client, specialist, tickets):
    answer = post(client, tickets[2], once="next")
    assert answer.url == f"{url(tickets[2])}?view=open"
    assert "That was the last ticket of this view." in client.get(answer.url).content.decode()


def test_a_note_goes_on_by_the_key_and_not_by_the_box(client, specialist, tickets):
    here, onward, _ = tickets
    assert post(client, here, act="note", then="next").url == f"{url(here)}?view=open"
    answer = post(client, here, act="note", submission="f" * 32, once="next")
    assert answer.url == f"{url(onward)}?view=open"
    assert f"{here.reference}: your note is added." in client.get(answer.url).content.decode()


def test_what_is_refused_or_crossed_another_stays(client, specialist, tickets):
    here = tickets[0]
    assert post(client, here, body="", then="next").status_code == 422
    services.customer_reply(ticket=here, actor=here.requester, body="We found it.", now=timezone.now())
    answer = post(client, here, seen_message=here.messages.earliest("pk").pk, then="next")
    assert answer.status_code == 409
    assert 'name="then" value="next" checked' in answer.content.decode()
    assert (replies(here), Draft.objects.get().body) == ([], "We are on it.")


def test_the_box_is_remembered_on_the_device_and_the_key_is_not(client, specialist, tickets):
    ticked = 'name="then" value="next" checked'
    send(client, tickets[0], once="next")
    assert ticked not in page(client, tickets[1])
    send(client, tickets[0], submission="a" * 32, then="next")
    assert ticked in page(client, tickets[1])
    send(client, tickets[1], act="note", submission="b" * 32)
    assert ticked in page(client, tickets[1])
    send(client, tickets[1], submission="c" * 32)
    assert ticked not in page(client, tickets[1])


def test_the_next_of_a_long_view_is_found_at_the_end_of_the_strip(client, specialist, monkeypatch, tickets):
    monkeypatch.setattr("helpdesk.workspace.ticket_page.IN_STRIP", 2)
    assert post(client, tickets[1], once="next").url == f"{url(tickets[2])}?view=open"
