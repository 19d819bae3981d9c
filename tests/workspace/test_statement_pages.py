"""Statements for managers: listed, previewed and signed by hand (SPEC 2.8)."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from helpdesk.reports import statements
from helpdesk.reports.models import Statement
from helpdesk.tickets import services
from tests.factories import AccountFactory, DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
ISSUED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LIST = "/admin/reports/statements/"


@pytest.fixture
def account():
    return AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")


@pytest.fixture
def manager() -> Client:
    client = Client()
    client.force_login(
        StaffFactory(staff_role="manager"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


@pytest.fixture(autouse=True)
def _in_november():
    with time_machine.travel(ISSUED, tick=False):
        yield


def test_a_month_is_previewed_signed_and_signed_again_only_when_it_changed(account, manager):
    ticket = make_ticket(DesignatedFactory(account=account), now=NOON)
    chosen = {"account": account.pk, "month": "2026-10"}
    preview = manager.get(f"{LIST}preview/", chosen).text
    assert "Not signed and not final" in preview
    assert manager.get(f"{LIST}preview/", {**chosen, "pdf": 1}).content.startswith(b"%PDF")
    assert not Statement.objects.exists()
    page = manager.post(f"{LIST}issue/", chosen, follow=True).text
    assert "The statement is signed: revision 1." in page
    assert f"PS-{ticket.pk}" in page
    assert "Nothing changed since revision 1" in manager.post(f"{LIST}issue/", chosen, follow=True).text
    services.reply(ticket=ticket, actor=StaffFactory(), body="Sorry.", now=ISSUED)
    with time_machine.travel(ISSUED + timedelta(hours=1), tick=False):
        page = manager.post(f"{LIST}issue/", chosen, follow=True).text
    assert "Changed since revision 1" in page
    assert Statement.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose an account."),
        ({"month": ""}, "Give a month."),
        ({"month": "October"}, "Write the month as year and month"),
        ({"month": "2026-13"}, "Write the month as year and month"),
        ({"month": "1999-12"}, "Give a month from 2000 on."),
        ({"month": "2027-01"}, "This month is still to come."),
        ({"month": "2026-11"}, "This month is not over yet"),
    ],
)
def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(account, manager, given, words):
    answer = manager.post(f"{LIST}issue/", {"account": account.pk, **given} if given else {})
    assert (answer.status_code, words in answer.text) == (400, True)
    if given.get("month"):
        assert f'value="{given["month"]}"' in answer.text
    assert not Statement.objects.exists()


def test_the_list_is_narrowed_and_its_queries_do_not_grow(account, manager, django_assert_num_queries):
    statements.issue(account=account, month=date(2026, 10, 1), actor=None, now=ISSUED)
    with django_assert_num_queries(20, exact=False) as few:
        manager.get(LIST)
    count = len(few)
    for _other in range(29):
        statements.issue(account=AccountFactory(), month=date(2026, 10, 1), actor=None, now=ISSUED)
    with django_assert_num_queries(count):
        assert manager.get(LIST).text.count(">PDF<") == 30
    assert manager.get(LIST, {"account": account.pk, "month": "2026-10"}).text.count(">PDF<") == 1
    assert manager.get(LIST, {"month": "2026-09"}).text.count(">PDF<") == 0
    assert "Write the month" in manager.get(LIST, {"month": "soon"}).text


def test_a_statement_leaves_no_way_to_change_it(account, manager):
    made, _new = statements.issue(account=account, month=date(2026, 10, 1), actor=None, now=ISSUED)
    assert manager.post(f"{LIST}{made.pk}/").status_code == 405
    assert manager.get(f"{LIST}issue/").status_code == 405
