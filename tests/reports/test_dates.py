"""A report by the day of creation or of the answer, beside that of the deadline (SPEC 2.6)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from helpdesk.reports.breaches import Filters, Part, selection
from helpdesk.reports.figures import report
from helpdesk.reports.models import ReportSchedule
from helpdesk.reports.periods import Period
from helpdesk.reports.schedules import Edition, contents
from helpdesk.reports.verification import verify_report
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.reports.test_breach_pages import csv_of

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BASES = ("due", "created", "replied")


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager", time_zone="Europe/Berlin")


@pytest.fixture
def split(now):
    """Created, due and answered on three days (in Berlin): 24, 25 and 26 November; and one without an answer."""
    at = now.replace(hour=22, minute=30)  # 23:30 in Berlin; the target is an hour
    ticket = make_ticket(now=at)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", now=at + DAY)
    return ticket, make_ticket(now=at)


def on(day: int, dates: str) -> Filters:
    return Filters(
        period=Period(first=date(2026, 11, day), last=date(2026, 11, day), zone=ZoneInfo("Europe/Berlin")), dates=dates
    )


@pytest.mark.parametrize(
    ("dates", "counted"),
    [("created", {24: 2, 25: 0}), ("due", {24: 0, 25: 2, 26: 0}), ("replied", {24: 0, 25: 1, 26: 0})],
)
def test_each_basis_puts_a_target_into_its_own_day(manager, split, now, dates, counted):
    later = now + 3 * DAY
    for day, due in counted.items():
        found = report(on(day, dates), reader=manager, now=later)
        assert (found.total.now.due, found.total.gross.due) == (due, due)
        assert sum(row.now.due for row in found.buckets) == due
        assert selection(on(day, dates), reader=manager, now=later).count() == due
        assert sum(found.slots.values()) == found.total.now.late


def test_what_is_not_due_yet_counts_by_no_basis(manager, now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", now=now + MINUTE)
    for dates in BASES:
        assert report(on(24, dates), reader=manager, now=now + 30 * MINUTE).total.now.due == 0
        assert report(on(24, dates), reader=manager, now=now + 2 * HOUR).total.now.due == 1


def test_the_hour_behind_a_cell_is_that_of_the_basis(manager, split, now):
    created = report(on(24, "created"), reader=manager, now=now + 3 * DAY)
    assert created.slots == {(1, 23): 2}  # a Tuesday, 23:30 in Berlin
    part = Part(weekday=1, hour=23, outcome="late")
    assert selection(on(24, "created"), reader=manager, now=now + 3 * DAY, part=part).count() == 2


def test_the_page_says_its_basis_and_every_link_and_file_keeps_it(manager, split, now, client):
    client.force_login(manager)
    with time_machine.travel(now + 3 * DAY, tick=False):
        page = client.get(reverse("admin:breach_report"), {"dates": "created"}).text
        assert "of tickets <b>created</b>" in page
        assert page.count("dates=created") > 10
        listed = client.get(reverse("admin:breach_list"), {"dates": "replied"})
        assert "Answered 29 Oct 2026" in listed.text
        assert len(listed.context["targets"]) == 1
        file = client.get(reverse("admin:breach_csv"), {"dates": "created"})
        assert "breaches-by-created-2026" in file["Content-Disposition"]
        assert [row[-2:] for row in csv_of(file)[1:]] == [["Ticket created", "Europe/Berlin"]] * 2
        wrong = client.get(reverse("admin:breach_report"), {"dates": "x"})
        assert wrong.status_code == 400
        assert "dates" in wrong.context["form"].errors


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dates", BASES)
def test_the_events_say_the_same_by_each_basis(split, now, dates):
    result = verify_report(on(25, "due").period, now=now + 3 * DAY, dates=dates)
    assert result.examples == []
    assert result.due == {"due": 2, "created": 0, "replied": 1}[dates]


@pytest.mark.parametrize(("query", "said"), [({"dates": "created"}, True), ({}, False)])
def test_a_mailed_report_counts_by_its_basis_and_says_so(manager, split, now, query, said):
    schedule = ReportSchedule(name="Daily", query=query, every="day", time_zone="Europe/Berlin", created_by=manager)
    due_at = datetime(2026, 11, 25, 6, tzinfo=UTC)  # the report of the 24th
    edition = Edition(schedule=schedule, due_at=due_at, now=now + 3 * DAY)
    words = contents(edition=edition, recipient=manager)
    assert ("dates by: Ticket created" in words["scope"]) is said
    assert words["is_empty"] is not said


def test_an_older_promise_that_a_merge_brought_in_counts_by_its_ticket(manager, now):
    """The only target that fell due before its ticket was created: reading by the deadline must not pass it over."""
    mina = DesignatedFactory()
    older, younger = make_ticket(mina, now=now), make_ticket(mina, now=now + 2 * DAY)
    services.merge(ticket=older, into=younger, reason="The same.", actor=StaffFactory(), now=now + 2 * DAY + MINUTE)
    kept = younger.clocks.exclude(state="cancelled").get()
    assert kept.counted_at < younger.created_at - DAY
    found = report(on(26, "created"), reader=manager, now=now + 4 * DAY)
    assert found.total.now.due == selection(on(26, "created"), reader=manager, now=now + 4 * DAY).count() == 1
    assert found.oldest == [kept.pk]
    assert report(on(26, "due"), reader=manager, now=now + 4 * DAY).total.now.due == 0
