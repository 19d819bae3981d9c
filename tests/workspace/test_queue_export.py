"""The queue as a file: the rows and the order of the screen, harmless in a spreadsheet."""

import csv
import io
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from helpdesk.tickets import services
from helpdesk.workspace import queue_export
from tests.factories import AccountFactory, DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
QUEUE = "/admin/helpdesk/ticket/"


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


def exported(client, **query) -> list[dict[str, str]]:
    answer = client.get(QUEUE + "export/", query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="tickets-')

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    text = async_to_sync(read)().decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_it_holds_what_the_screen_shows_in_its_order(client, specialist, monkeypatch):
    monkeypatch.setattr(queue_export, "CHUNK", 2)
    now = timezone.now()
    tickets = [make_ticket(now=now - timedelta(minutes=number), subject=f"Walrus {number}") for number in range(5)]
    make_ticket(now=now, subject="Quokka")
    shown = [row.reference for row in client.get(QUEUE, {"q": "walrus"}).context["cl"].result_list]
    assert [row["Ticket"] for row in exported(client, q="walrus")] == shown
    assert shown == [ticket.reference for ticket in reversed(tickets)]
    monkeypatch.setattr(queue_export, "MOST_ROWS", 3)
    assert [row["Ticket"] for row in exported(client, q="walrus")] == shown[:3]


def test_cells_that_a_spreadsheet_would_run_are_harmless(client, specialist):
    membership = DesignatedFactory(account=AccountFactory(name="@SUM(A1)"))
    ticket = make_ticket(membership, subject='=HYPERLINK("http://evil.example")', now=timezone.now())
    services.change_tags(ticket=ticket, add=["-1+2"], actor=specialist, now=timezone.now())
    (row,) = exported(client, view="open")
    assert row["Subject"] == '\'=HYPERLINK("http://evil.example")'
    assert (row["Account"], row["Tags"]) == ("'@SUM(A1)", "'-1+2")


def test_it_opens_the_saved_view_too(client, specialist):
    make_ticket(subject="Quokka", now=timezone.now())
    found = make_ticket(subject="Walrus", now=timezone.now())
    view = services.saved_views.save_view(
        name="W", params={"view": "open", "q": "walrus"}, columns=[], actor=specialist, now=timezone.now()
    )
    assert [row["Ticket"] for row in exported(client, saved=view.pk)] == [found.reference]


def test_an_address_cannot_ask_the_file_for_more_than_the_page_offers(client, specialist):
    assert client.get(QUEUE + "export/", {"owner__email": "a"}).status_code == 400
    assert client.get(QUEUE + "export/", {"p": "0"}).status_code == 200
