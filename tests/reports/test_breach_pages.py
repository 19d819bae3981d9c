"""Every number opens exactly its tickets, for managers and nobody else (SPEC 2.6)."""

import csv
import html
import io
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.accounts.models import Membership
from helpdesk.reports.export import harmless
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager", time_zone="Europe/Berlin")


@pytest.fixture
def get(client, manager, now):
    """Open an address as the manager, a day after the tickets of `now`."""
    client.force_login(manager)

    def open_(address: str, **parameters):
        with time_machine.travel(now + timedelta(days=1), tick=False):
            return client.get(address, parameters)

    return open_


@pytest.fixture
def mixed(now):
    """Met, answered late, unanswered, closed: in two accounts and hubs, of three owners."""
    ada, ben = StaffFactory(full_name="Ada Ash"), StaffFactory(full_name="Ben Birch")
    first, second = DesignatedFactory(), DesignatedFactory()
    plan = [
        (first, "content", ada, 10),
        (first, "content", ada, 61),
        (first, "sales", None, 75),
        (second, "sales", ben, 30),
        (second, "content", ben, None),
        (second, "content", None, None),
    ]
    for index, (member, hub, owner, minutes) in enumerate(plan):
        opened = now - index * timedelta(days=2, hours=3)
        ticket = make_ticket(member, hub=hub, now=opened, critical=index == 4)
        if owner:
            services.assign(ticket=ticket, owner=owner, actor=owner, now=opened)
        if minutes:
            services.reply(ticket=ticket, actor=ada, body="Done.", now=opened + minutes * MINUTE)
    claimed = make_ticket(first, critical=True, now=now)
    services.judge_claim(ticket=claimed, actor=ada, confirmed=False, reason="One user.", now=now + 45 * MINUTE)
    closed = make_ticket(second, now=now)
    services.close_by_customer(ticket=closed, actor=closed.requester, now=now + 100 * MINUTE)
    gone = make_ticket(second, now=now)
    services.close_by_customer(ticket=gone, actor=gone.requester, now=now + MINUTE)
    services.reply(
        ticket=make_ticket(MembershipFactory(role=Membership.Role.USER), now=now - timedelta(days=7)),
        actor=ada,
        body="Done.",
        now=now - timedelta(days=5),
    )


LINK = re.compile(
    r'<a (?:class="v" )?href="([^"]*/reports/breaches/tickets/[^"]*)">'
    r"(?:of )?([\d,]+)(?: due| <small>[^<]*</small>)?</a>"
)


def rows_of(response) -> int:
    return len(response.context["targets"])


@pytest.mark.parametrize("promise", ["guaranteed", "objective"])
def test_behind_each_number_stand_as_many_tickets(get, mixed, promise):
    report = get(reverse("admin:breach_report"), promise=promise)
    assert report.status_code == 200
    numbers = [(html.unescape(address), int(number)) for address, number in LINK.findall(report.content.decode())]
    assert len(numbers) > 25
    wrong = [(address, number, found) for address, number in numbers if (found := rows_of(get(address))) != number]
    assert wrong == []


def test_the_figures_of_the_mixed_month(get, mixed):
    found = get(reverse("admin:breach_report")).context["report"]
    total = found.total.now
    assert (total.due, total.met, total.answered_late, total.unanswered) == (8, 2, 2, 4)
    assert [(row.key, row.now.due, row.now.late) for row in found.hubs if row.now.due] == [
        ("sales", 2, 1),
        ("content", 6, 5),
    ]
    assert len(found.hubs) == Hub.objects.count()
    assert [(row.label, row.now.late) for row in found.specialists] == [
        ("", 4),
        ("Ada Ash", 1),
        ("Ben Birch", 1),
    ]


def test_the_parts_add_up_to_the_whole(get, mixed):
    found = get(reverse("admin:breach_report")).context["report"]
    for rows in (found.hubs, found.accounts, found.specialists, found.buckets):
        assert sum(row.now.due for row in rows) == found.total.now.due
        assert sum(row.now.late for row in rows) == found.total.now.late
    assert sum(row.now.late for row in found.causes) == found.total.now.late
    assert sum(found.slots.values()) == found.total.now.late


def test_a_link_means_the_same_days_tomorrow(get, mixed):
    report = get(reverse("admin:breach_report"))
    address = html.unescape(LINK.search(report.content.decode())[1])
    query = parse_qs(urlsplit(address).query)
    assert (query["start"], query["end"]) == (["2026-10-27"], ["2026-11-25"])


def test_nothing_due_shows_a_dash_and_never_100(get, now):
    report = get(reverse("admin:breach_report"))
    assert report.context["report"].total.now.attainment is None
    assert b"Nothing fell due" in report.content
    assert b"100" not in report.content.split(b'class="kpis ')[1]


def csv_of(response) -> list[list[str]]:
    async def read() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    assert response.is_async
    text = async_to_sync(read)().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_file_has_the_rows_of_the_list(get, mixed):
    for parameters in ({}, {"outcome": "late"}, {"outcome": "unanswered", "hub": "content"}, {"specialist": "nobody"}):
        listed = get(reverse("admin:breach_list"), **parameters).context["targets"]
        heading, *rows = csv_of(get(reverse("admin:breach_csv"), **parameters))
        assert [row[0] for row in rows] == [target.reference for target in listed]
        assert [row[heading.index("Outcome")] for row in rows] == [target.verdict_words for target in listed]


def test_the_file_tells_times_with_their_offset_and_is_named_by_its_days(get, now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(full_name="Ada Ash"), body="Done.", now=now + 61 * MINUTE)
    response = get(reverse("admin:breach_csv"), period="month")
    assert response["Content-Disposition"] == 'attachment; filename="breaches-2026-11-01-to-2026-11-30.csv"'
    heading, row = csv_of(response)
    cells = dict(zip(heading, row, strict=True))
    assert cells["Started"] == "2026-11-24T13:05:00+01:00"
    assert cells["Due"] == "2026-11-24T14:05:00+01:00"
    assert cells["Answered"] == "2026-11-24T14:06:00+01:00"
    assert (cells["Outcome"], cells["Over target, seconds"]) == ("Answered late", "60")


def test_a_subject_that_a_spreadsheet_would_run_stays_text(get, now):
    account = AccountFactory(name="@SUM(A1)")
    make_ticket(DesignatedFactory(account=account), subject='=HYPERLINK("http://x.example")', now=now)
    _heading, row = csv_of(get(reverse("admin:breach_csv")))
    assert row[1:3] == ['\'=HYPERLINK("http://x.example")', "'@SUM(A1)"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "＝1"])
def test_formulas_are_neutralised(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "1+1", "株式会社ミナト商事"])
def test_plain_text_is_left_alone(text):
    assert harmless(text) == text


@pytest.mark.parametrize("name", ["breach_report", "breach_list", "breach_csv"])
@pytest.mark.parametrize(
    ("role", "status"), [("manager", 200), ("administrator", 200), ("team_lead", 404), ("specialist", 404), ("", 404)]
)
def test_only_managers_find_the_report(client, name, role, status):
    client.force_login(StaffFactory(staff_role=role))
    assert client.get(reverse(f"admin:{name}")).status_code == status


def test_who_is_not_signed_in_is_asked_to(client):
    response = client.get(reverse("admin:breach_report"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"period": "custom"}, "start", "Give the first day."),
        ({"period": "custom", "start": "2026-11-10", "end": "2026-11-09"}, "end", "The last day lies before"),
        ({"period": "custom", "start": "2026-13-10", "end": "2026-11-09"}, "start", "2026-11-23"),
        ({"period": "custom", "start": "2027-01-01", "end": "2027-01-02"}, "start", "still to come"),
        ({"period": "custom", "start": "2020-01-01", "end": "2026-01-02"}, "end", "three years"),
        ({"period": "custom", "start": "0001-01-01", "end": "0001-01-02"}, "start", "from 2000"),
        ({"period": "fortnight"}, "period", "Select a valid choice"),
        ({"account": "99999999999999999999"}, "account", "Select a valid choice"),
        ({"hub": "\x00"}, "hub", "Null characters"),
    ],
)
@pytest.mark.parametrize("name", ["breach_report", "breach_list", "breach_csv"])
def test_what_is_wrong_with_a_filter_is_said_beside_it(get, name, given, field, message):
    response = get(reverse(f"admin:{name}"), **given)
    assert response.status_code == 400
    assert message in " ".join(response.context["form"].errors[field])
    assert message in html.unescape(response.content.decode())


@pytest.mark.parametrize("given", [{"outcome": "x"}, {"specialist": "x"}, {"hour": "24"}, {"page": "0"}])
def test_a_part_that_no_link_names_does_not_exist(get, given):
    assert get(reverse("admin:breach_list"), **given).status_code == 404


def test_a_list_is_paged_without_gaps(get, now, monkeypatch):
    monkeypatch.setattr("helpdesk.workspace.reports.PAGE", 2)
    member = DesignatedFactory()
    tickets = [make_ticket(member, now=now + index * MINUTE).reference for index in range(5)]
    pages = [get(reverse("admin:breach_list"), page=number) for number in (1, 2, 3)]
    assert [target.reference for each in pages for target in each.context["targets"]] == tickets[::-1]
    assert [each.context["has_next"] for each in pages] == [True, True, False]


@pytest.mark.parametrize("name", ["breach_report", "breach_list"])
def test_thirty_accounts_take_no_more_queries_than_one(get, now, name):
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert get(reverse(f"admin:{name}")).status_code == 200
        return len(context)

    ada = StaffFactory()
    services.assign(ticket=make_ticket(now=now), owner=ada, actor=ada, now=now)
    queries()
    one = queries()
    for _index in range(29):
        make_ticket(now=now)
    assert queries() == one <= 17


def test_no_page_needs_a_style_or_a_script_of_its_own(get, mixed):
    for name in ("breach_report", "breach_list"):
        body = get(reverse(f"admin:{name}")).content.decode().split('id="content-main"')[1]
        assert "style=" not in body
        assert "<script" not in body
