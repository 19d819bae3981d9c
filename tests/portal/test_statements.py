"""The account's statements in the portal, and the page that verifies one (SPEC 2.7, 2.8)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from helpdesk.accounts.models import Membership
from helpdesk.reports import statements
from helpdesk.reports.periods import month_start
from helpdesk.reports.statement_files import LARGEST, as_json
from helpdesk.reports.statement_pdf import render
from helpdesk.tickets import services
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
ISSUED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def mina():
    return DesignatedFactory(account=AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin"))


@pytest.fixture
def made(mina):
    ticket = make_ticket(mina, now=NOON)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", now=NOON + 2 * HOUR)
    return statements.issue(account=mina.account, month=OCTOBER, actor=None, now=ISSUED)[0]


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def upload(content: bytes, name: str = "statement.pdf", client: Client | None = None):
    return (client or Client()).post("/statements/verify/", {"file": SimpleUploadedFile(name, content)})


def test_a_super_admin_reads_and_downloads_the_accounts_statements(mina, made):
    client = signed_in(mina.user)
    assert f"/statements/{made.pk}/" in client.get("/account/").text
    page = client.get("/statements/").text
    assert "October 2026" in page
    assert "0 of 1" in page
    one = client.get(f"/statements/{made.pk}/").text
    assert "14 Oct 2026 15:00:00" in one  # due, in Berlin
    assert made.digest in one
    pdf = client.get(f"/statements/{made.pk}/statement.pdf")
    assert pdf.content == render(made, language="en")
    assert pdf["Content-Disposition"] == f'attachment; filename="sla-statement-{mina.account_id}-2026-10-1.pdf"'
    assert client.get(f"/statements/{made.pk}/statement.json").content == as_json(made)


@pytest.mark.parametrize("path", ["", "statement.pdf", "statement.json"])
def test_nobody_else_of_the_account_and_no_other_account_has_them(mina, made, path):
    others = [MembershipFactory(account=mina.account), DesignatedFactory()]
    for other in others:
        assert signed_in(other.user).get(f"/statements/{made.pk}/{path}").status_code == 404
    assert signed_in(others[0].user).get("/statements/").status_code == 404
    assert "Monthly statements" not in signed_in(others[0].user).get("/account/").text


def test_who_is_no_super_admin_any_more_has_them_no_more(mina, made):
    client = signed_in(mina.user)
    Membership.objects.filter(pk=mina.pk).update(role=Membership.Role.USER, is_designated=False)
    assert client.get(f"/statements/{made.pk}/").status_code == 404


def test_of_two_accounts_the_one_that_is_acted_for_counts(mina, made):
    second = DesignatedFactory(user=mina.user, account=AccountFactory(name="Aardvark Works"))  # first by its name
    client = signed_in(mina.user)
    assert client.get(f"/statements/{made.pk}/").status_code == 404
    client.post("/account/switch/", {"account": mina.account_id})
    assert client.get(f"/statements/{made.pk}/").status_code == 200
    assert second.account_id != mina.account_id


def test_a_revision_says_what_it_changed_and_the_old_one_says_that_it_was_replaced(mina):
    ticket = make_ticket(mina, now=NOON)
    first = statements.issue(account=mina.account, month=OCTOBER, actor=None, now=ISSUED)[0]
    services.reply(ticket=ticket, actor=StaffFactory(), body="Sorry.", now=ISSUED + HOUR)
    second = statements.issue(account=mina.account, month=OCTOBER, actor=None, now=ISSUED + 2 * HOUR)[0]
    client = signed_in(mina.user)
    assert "revision 2 has replaced this one" in client.get(f"/statements/{first.pk}/").text
    changed = client.get(f"/statements/{second.pk}/").text
    assert "Changed since revision 1" in changed
    assert "Not answered" in changed
    listed = client.get("/statements/").text
    assert f"/statements/{second.pk}/" in listed
    assert f'/statements/{first.pk}/"' not in listed


def test_queries_of_the_list_and_of_one_do_not_grow(mina, django_assert_num_queries):
    client = signed_in(mina.user)
    make_ticket(mina, now=NOON)
    one = statements.issue(account=mina.account, month=OCTOBER, actor=None, now=ISSUED)[0]
    with django_assert_num_queries(20, exact=False) as lists:
        client.get("/statements/")
    of_list = len(lists)
    with django_assert_num_queries(20, exact=False) as pages:
        client.get(f"/statements/{one.pk}/")
    of_page = len(pages)
    for place in range(29):
        make_ticket(mina, now=NOON - place * HOUR)
    month = OCTOBER
    for _back in range(11):
        month = month_start(month, -1)
        statements.issue(account=mina.account, month=month, actor=None, now=ISSUED)
    many = statements.issue(account=mina.account, month=date(2026, 8, 1), actor=None, now=ISSUED)[0]
    with django_assert_num_queries(of_list):
        assert client.get("/statements/").text.count("statement.pdf") == 12
    with django_assert_num_queries(of_page):
        client.get(f"/statements/{many.pk}/")


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "00000199999999999999999999", "²"])
def test_an_odd_page_number_is_the_first_or_an_empty_page(mina, made, page):
    assert signed_in(mina.user).get("/statements/", {"page": page}).status_code == 200


# --- verifying -----------------------------------------------------------------------------------


def test_anybody_verifies_a_pdf_or_json(made):
    for content, holds in ((render(made, language="en"), 4), (as_json(made), 3)):
        answer = upload(content)
        assert "This statement is genuine" in answer.text
        assert answer.text.count("> It holds<") == holds
        assert "Kestrel Freight Group, October 2026, revision 1: 0 %" in answer.text


def test_a_forged_one_is_called_that_and_its_figures_are_not_repeated(made):
    answer = upload(as_json(made).replace(b'"met":0', b'"met":1'), "statement.json")
    assert "not a genuine statement" in answer.text
    assert "of the guarantees kept" not in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "This file is empty"),
        (b"hello", "This is no SLA statement"),
        (b"%PDF-1.7 hello", "This is no SLA statement"),
        (b" " * (LARGEST + 1), "larger than any statement"),
    ],
)
def test_another_file_gets_a_clear_word(content, words):
    answer = upload(content)
    assert (answer.status_code, words in answer.text) == (400, True)


def test_no_file_gets_a_clear_word():
    answer = Client().post("/statements/verify/")
    assert (answer.status_code, "Choose the file of a statement" in answer.text) == (400, True)


def test_staff_verify_too(made):
    manager = StaffFactory(staff_role="manager")
    assert "genuine" in upload(as_json(made), client=signed_in(manager)).text
