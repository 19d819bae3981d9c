"""Causes are coded where the breaches are listed, many at once, and the list leaves as a workbook (SPEC 2.6)."""

import io
import zipfile
from datetime import timedelta

import pytest
import time_machine

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
LIST, CAUSES = "/admin/reports/breaches/tickets/", "/admin/reports/breaches/causes/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def manager(client):
    person = StaffFactory(staff_role=StaffRole.MANAGER)
    client.force_login(person)
    return person


@pytest.fixture
def clocks(now):
    """Two missed, one kept."""
    anna = StaffFactory(full_name="Anna Meier")
    for minutes in (61, 75, 10):
        ticket = make_ticket(DesignatedFactory(), now=now - timedelta(days=1))
        services.reply(ticket=ticket, actor=anna, body="Here.", now=now - timedelta(days=1) + minutes * MINUTE)
    return list(Clock.objects.filter(metric="first_response").order_by("pk"))


def send(client, now, **values):
    with time_machine.travel(now, tick=False):
        return client.post(CAUSES, {"query": "outcome=late", **values}, follow=True)


def test_many_breaches_are_coded_at_once_and_each_refusal_is_told(client, manager, clocks, now):
    ids = [clock.pk for clock in clocks]
    page = send(client, now, clocks=ids, cause="capacity", note="A storm.").content.decode()
    assert list(Clock.objects.filter(cause="capacity", cause_note="A storm.").values_list("pk", flat=True)) == ids[:2]
    assert "2 breaches are coded." in page
    assert f"PS-{clocks[2].ticket_id} was not coded: This target was not missed." in page


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"cause": "capacity", "note": "x"}, "Tick the targets"),
        ({"cause": "", "note": "x"}, "Choose a cause"),
        ({"cause": "weather", "note": "x"}, "Select a valid choice"),
        ({"cause": "capacity", "note": " "}, "Say in a note"),
        ({"cause": "capacity", "note": "x", "clocks": ["1; DROP", "９"]}, "Select a valid choice"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_changed(values, why, client, manager, clocks, now):
    chosen = {} if why.startswith("Tick") else {"clocks": [clocks[0].pk]}
    assert why in send(client, now, **{**chosen, **values}).content.decode()
    assert not Clock.objects.exclude(cause="").exists()


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
def test_for_others_the_address_does_not_exist(role, client, clocks, now):
    client.force_login(StaffFactory(staff_role=role))
    assert client.post(CAUSES, {"clocks": [clocks[0].pk], "cause": "capacity", "note": "x"}).status_code == 404
    assert not Clock.objects.exclude(cause="").exists()


def test_the_workbook_has_the_rows_of_the_list_and_runs_no_formula(client, manager, clocks, now):
    ticket = clocks[0].ticket
    ticket.subject = "=HYPERLINK(1)"
    ticket.save(update_fields=["subject"])
    with time_machine.travel(now, tick=False):
        answer = client.get("/admin/reports/breaches/tickets.xlsx?outcome=late")
        book = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 3  # the heading and two that were missed
    assert "=HYPERLINK(1)" in sheet
    assert "<f>" not in sheet
    assert answer["Content-Disposition"].endswith('.xlsx"')


def test_a_workbook_of_nothing_still_opens(client, manager, now):
    with time_machine.travel(now, tick=False):
        answer = client.get("/admin/reports/breaches/tickets.xlsx")
        book = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert "Ticket" in book.read("xl/worksheets/sheet1.xml").decode()
