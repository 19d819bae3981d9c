"""Exceptions are no loophole: what they lift is in sight, and each number opens its tickets (SPEC 2.4)."""

import csv
import html
import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.accounts.models import StaffRole
from helpdesk.reports.breaches import NOT_DUE, VOID, Filters, Part, selection, targets
from helpdesk.reports.charts import trend
from helpdesk.reports.figures import Figures, Row, report
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import Wish
from tests.factories import DesignatedFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
NOVEMBER = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=BERLIN)
DECEMBER = Period(first=date(2026, 12, 1), last=date(2026, 12, 31), zone=BERLIN)
VOID_IT = Wish(effect=Effect.VOID)


@pytest.fixture
def manager():
    return StaffFactory(staff_role=StaffRole.MANAGER, full_name="Helen Falk", time_zone="Europe/Berlin")


@pytest.fixture
def ada():
    return StaffFactory(full_name="Ada Ash")


def out(ticket: Ticket, begin: float, end: float) -> Wish:
    since = ticket.created_at
    return Wish(effect=Effect.PAUSE, out_from=since + begin * MINUTE, out_until=since + end * MINUTE)


def longer(minutes: int) -> Wish:
    return Wish(effect=Effect.RETARGET, target_seconds=minutes * 60)


@pytest.fixture
def grant(manager, ada):
    """Ask for an exception of a ticket's first response, or another target, and approve it at once."""
    ExceptionCode.objects.filter(code__in=["third-party", "declared-incident"]).update(effects=list(Effect))

    def grant_(
        ticket: Ticket,
        wish: Wish,
        *,
        at: datetime,
        code: str = "third-party",
        approve: bool = True,
        metric: str = "first_response",
    ) -> None:
        clock = ticket.clocks.get(metric=metric)
        code = ExceptionCode.objects.get(code=code)
        asked = services.request_exception(clock=clock, code=code, wish=wish, evidence="Log.", actor=ada, now=at)
        services.decide_exception(exception=asked, approve=approve, note="Seen.", actor=manager, now=at)

    return grant_


@pytest.fixture
def ticket(ada):
    """A ticket, answered after so many minutes (None: never), by a member whose account and hub don't matter."""
    member = DesignatedFactory()

    def ticket_(answered: float | None = None, *, opened: datetime = NOW, hub: str = "content") -> Ticket:
        made = make_ticket(member, now=opened, hub=hub)
        if answered is not None:
            services.reply(ticket=made, actor=ada, body="Done.", now=opened + answered * MINUTE)
        return made

    return ticket_


def total(manager, *, now=NOW + timedelta(days=1), period=NOVEMBER, **filters) -> Row:
    return report(Filters(period=period, **filters), reader=manager, now=now).total


def short(figures: Figures) -> tuple[int, int, int, int]:
    return figures.due, figures.met, figures.answered_late, figures.unanswered


def test_without_exceptions_gross_is_net(manager, ticket):
    for minutes in (10, 61, None):
        ticket(minutes)
    row = total(manager)
    assert short(row.now) == short(row.gross) == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("answered", "wish", "net", "gross"),
    [
        (70, lambda made: out(made, 10, 25), (1, 1, 0, 0), (1, 0, 1, 0)),  # late gross, in time net
        (70, lambda made: out(made, 10, 12), (1, 0, 1, 0), (1, 0, 1, 0)),  # late by both
        (70, lambda made: VOID_IT, (0, 0, 0, 0), (1, 0, 1, 0)),
        (50, lambda made: VOID_IT, (0, 0, 0, 0), (1, 1, 0, 0)),  # a void target lifts no attainment unseen
        (50, lambda made: longer(90), (1, 1, 0, 0), (1, 1, 0, 0)),
        (None, lambda made: VOID_IT, (0, 0, 0, 0), (1, 0, 0, 1)),
        (None, lambda made: longer(90), (1, 0, 0, 1), (1, 0, 0, 1)),
        (None, lambda made: longer(2000), (0, 0, 0, 0), (1, 0, 0, 1)),  # net it is not due yet
    ],
)
def test_what_an_approved_exception_makes_of_a_target(manager, ticket, grant, answered, wish, net, gross):
    made = ticket(answered)
    grant(made, wish(made), at=NOW + 200 * MINUTE)
    row = total(manager)
    assert (short(row.now), short(row.gross)) == (net, gross)


def test_what_was_refused_lifts_nothing(manager, ticket, grant):
    grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE, approve=False)
    found = report(Filters(period=NOVEMBER), reader=manager, now=NOW + timedelta(days=1))
    assert short(found.total.now) == short(found.total.gross) == (1, 0, 1, 0)
    assert (found.codes, found.excepted.targets) == ([], 0)


def test_a_void_target_is_late_gross_once_its_time_has_passed_although_nobody_looked(manager, ticket, grant):
    made = ticket()
    grant(made, VOID_IT, at=NOW + 30 * MINUTE)
    assert short(total(manager, now=NOW + 60 * MINUTE).gross) == (0, 0, 0, 0)
    assert short(total(manager, now=NOW + 61 * MINUTE).gross) == (1, 0, 0, 1)


@pytest.mark.parametrize("dates", ["due", "created"])
def test_what_is_late_gross_counts_while_the_other_count_is_paused_and_has_no_deadline(
    manager, ticket, grant, ada, dates
):
    made = ticket(10)
    services.customer_reply(ticket=made, actor=made.requester, body="And now?", now=NOW + 20 * MINUTE)
    owed = made.clocks.get(metric="next_response")
    grant(made, longer(10_000), at=NOW + 30 * MINUTE, metric="next_response")
    services.set_status(ticket=made, status=Status.WAITING, actor=ada, now=owed.gross_due_at + 10 * MINUTE)
    assert made.clocks.get(metric="next_response").counted_at is None
    row = total(manager, dates=dates, metric="next_response", promise=owed.promise, now=NOW + timedelta(days=3))
    assert (short(row.now), short(row.gross)) == ((0, 0, 0, 0), (1, 0, 0, 1))


def test_spam_is_in_neither_count(manager, ticket, ada):
    services.mark_spam(ticket=ticket(), actor=ada, reason="Casino.", now=NOW + 90 * MINUTE)
    row = total(manager)
    assert short(row.now) == short(row.gross) == (0, 0, 0, 0)


def test_closed_unanswered_before_the_deadline_that_an_exception_gave(manager, ticket, grant):
    made = ticket()
    services.close_by_customer(ticket=made, actor=made.requester, now=NOW + 70 * MINUTE)
    grant(made, longer(90), at=NOW + 200 * MINUTE)
    row = total(manager)
    assert (short(row.now), short(row.gross)) == ((0, 0, 0, 0), (1, 0, 0, 1))


def test_each_count_has_its_own_period(manager, ticket, grant):
    """Due on 30 November at 23:50 in Berlin; two hours later, by an exception, that is December."""
    made = ticket(70, opened=datetime(2026, 11, 30, 21, 50, tzinfo=UTC))
    grant(made, longer(180), at=made.created_at + 200 * MINUTE)
    after = datetime(2027, 1, 4, tzinfo=UTC)
    november, december = (total(manager, now=after, period=period) for period in (NOVEMBER, DECEMBER))
    assert (short(november.now), short(november.gross)) == ((0, 0, 0, 0), (1, 0, 1, 0))
    assert (short(december.now), short(december.gross)) == ((1, 1, 0, 0), (0, 0, 0, 0))
    assert (short(december.before), short(december.gross_before)) == ((0, 0, 0, 0), (1, 0, 1, 0))


def test_the_trend_has_gross_by_its_own_days(manager, ticket, grant):
    week = Period(first=date(2026, 11, 23), last=date(2026, 11, 26), zone=BERLIN)
    made = ticket(70, opened=datetime(2026, 11, 24, 21, 50, tzinfo=UTC))
    ticket(10, opened=datetime(2026, 11, 25, 12, 0, tzinfo=UTC))
    grant(made, longer(180), at=made.created_at + 200 * MINUTE)
    found = report(Filters(period=week), reader=manager, now=datetime(2026, 11, 30, tzinfo=UTC))
    assert [(row.key.day, row.now.due, row.gross.due) for row in found.buckets] == [
        (23, 0, 0),
        (24, 0, 1),
        (25, 2, 1),
        (26, 0, 0),
    ]
    assert found.is_parted
    drawn = trend(found)
    assert [column.gross_y is None for column in drawn.columns] == [True, False, False, True]
    assert (len(drawn.lines), len(drawn.gross_lines)) == (0, 1)


def test_labels_of_the_two_lines_never_lie_on_each_other(manager, ticket, grant):
    for minutes in [10] * 50:
        ticket(minutes)
    grant(made := ticket(70), out(made, 10, 25), at=NOW + 200 * MINUTE)
    drawn = trend(report(Filters(period=NOVEMBER), reader=manager, now=NOW + timedelta(days=1)))
    assert float(drawn.gross_label_y) - float(drawn.label_y) >= 15


def test_hubs_accounts_and_specialists_have_both(manager, ticket, grant, ada):
    for made in (ticket(70), ticket(10)):
        services.assign(ticket=made, owner=ada, actor=ada, now=NOW + 90 * MINUTE)
    grant(made := ticket(80, hub="sales"), out(made, 10, 40), at=NOW + 200 * MINUTE)
    grant(ticket(90, hub="sales"), VOID_IT, at=NOW + 200 * MINUTE)
    found = report(Filters(period=NOVEMBER), reader=manager, now=NOW + timedelta(days=1))
    hubs = {row.key: (short(row.now), short(row.gross)) for row in found.hubs if row.gross.due}
    assert hubs == {"content": ((2, 1, 1, 0), (2, 1, 1, 0)), "sales": ((1, 1, 0, 0), (2, 0, 2, 0))}
    for rows in (found.hubs, found.accounts, found.specialists, found.buckets):
        assert sum(row.gross.due for row in rows) == 4
        assert sum(row.gross.met for row in rows) == 1


def test_exceptions_by_code(manager, ticket, grant):
    at = NOW + 300 * MINUTE
    grant(made := ticket(70), out(made, 10, 25), at=at)  # lifted
    grant(ticket(70), VOID_IT, at=at, code="declared-incident")  # lifted
    grant(ticket(10), VOID_IT, at=at, code="declared-incident")  # was met
    grant(made := ticket(70), out(made, 10, 12), at=at)  # still late
    both = ticket(70)  # two of one code, one of another: lifted by all of them together
    grant(both, out(both, 10, 12), at=at)
    grant(both, longer(62), at=at + MINUTE)
    grant(both, longer(90), at=at + 2 * MINUTE, code="declared-incident")
    grant(ticket(70), VOID_IT, at=at, approve=False)
    found = report(Filters(period=NOVEMBER), reader=manager, now=NOW + timedelta(days=1))
    assert [(row.key, row.targets, row.effects, row.lifted) for row in found.codes] == [
        ("declared-incident", 3, {"void": 2, "retarget": 1}, 2),
        ("third-party", 3, {"pause": 3, "retarget": 1}, 2),
    ]
    assert (found.excepted.targets, found.excepted.effects, found.excepted.lifted) == (
        5,
        {"void": 2, "pause": 3, "retarget": 1},
        3,
    )


def test_guarantees_and_aims_are_apart_in_the_codes_too(manager, ticket, grant):
    grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE)
    found = report(Filters(period=NOVEMBER, promise="objective"), reader=manager, now=NOW + timedelta(days=9))
    assert found.codes == []


def test_a_list_of_the_gross_count_says_what_each_target_is_net(manager, ticket, grant):
    grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE)
    grant(ticket(), longer(2000), at=NOW + 200 * MINUTE)
    ticket(10)
    clocks = selection(Filters(period=NOVEMBER), reader=manager, now=NOW + timedelta(days=1), part=Part(gross=True))
    rows = {(row.verdict, row.gross_verdict, row.answered_at is None, *row.exceptions) for row in targets(clocks)}
    assert rows == {
        (VOID, "answered_late", False, "third-party"),
        (NOT_DUE, "unanswered", True, "third-party"),
        ("met", "met", False),
    }


def test_attainment_gross_is_cut_as_net_is(manager, ticket, grant):
    for _index in range(2):
        ticket(10)
    grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE)
    row = total(manager)
    assert (row.now.attainment, row.gross.attainment) == (Decimal(100), Decimal("66.6"))


@pytest.fixture
def get(client, manager):
    client.force_login(manager)

    def open_(address: str, **parameters):
        with time_machine.travel(NOW + timedelta(days=1), tick=False):
            return client.get(address, parameters)

    return open_


@pytest.fixture
def mixed(ticket, grant):
    """Lifted, still late, void, not due yet net, met; with and without exceptions, in two hubs."""
    at = NOW + 200 * MINUTE
    grant(made := ticket(70), out(made, 10, 25), at=at)
    grant(made := ticket(70), out(made, 10, 12), at=at, code="declared-incident")
    grant(ticket(70, hub="sales"), VOID_IT, at=at)
    grant(ticket(10, hub="sales"), VOID_IT, at=at, code="declared-incident")
    grant(ticket(), longer(5000), at=at)
    ticket(10)
    ticket(70, hub="sales")
    ticket()


LINK = re.compile(r'<a (?:class="v" )?href="([^"]*/reports/breaches/tickets/[^"]*)">([\d,]+)</a>')


def test_behind_each_number_stand_as_many_targets(get, mixed):
    page = get(reverse("admin:breach_report")).content.decode()
    numbers = [(html.unescape(address), int(number)) for address, number in LINK.findall(page)]
    gross = [address for address, _number in numbers if "basis=gross" in address]
    codes = [address for address, _number in numbers if "excepted=" in address]
    assert (len(gross) >= 3, len(codes)) == (True, 14)
    found = {address: len(get(address).context["targets"]) for address, _number in numbers}
    assert [(address, number, found[address]) for address, number in numbers if found[address] != number] == []


def test_the_page_says_both_side_by_side(get, mixed):
    response = get(reverse("admin:breach_report"))
    row = response.context["report"].total
    assert (short(row.now), short(row.gross)) == ((5, 2, 2, 1), (8, 2, 4, 2))
    page = response.content.decode()
    for text in ("Attainment, net", "Attainment, gross", "40.0", "25.0", "Exceptions by code", "Late, lifted"):
        assert text in page


def test_a_list_says_by_which_count(get, mixed):
    page = get(reverse("admin:breach_list"), excepted="third-party", lifted="yes").content.decode()
    assert "Targets: gross, Third party, late, lifted by it" in page
    assert "Does not count" in page
    assert get(reverse("admin:breach_list"), excepted="no-such-code").context["targets"] == []
    assert get(reverse("admin:breach_list"), effect="x").status_code == 404


def test_the_file_has_the_gross_columns(get, mixed):
    async def read(response) -> str:
        return b"".join([piece async for piece in response.streaming_content]).decode()

    text = async_to_sync(read)(get(reverse("admin:breach_csv"), basis="gross"))
    heading, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    cells = [dict(zip(heading, row, strict=True)) for row in rows]
    assert len(cells) == 8
    assert sorted((row["Outcome"], row["Gross outcome"], row["Exceptions"]) for row in cells) == [
        ("Answered late", "Answered late", ""),
        ("Answered late", "Answered late", "declared-incident"),
        ("Does not count", "Answered late", "third-party"),
        ("Does not count", "Met", "declared-incident"),
        ("Met", "Answered late", "third-party"),
        ("Met", "Met", ""),
        ("Not due yet", "Unanswered", "third-party"),
        ("Unanswered", "Unanswered", ""),
    ]
    assert {row["Gross due"] for row in cells} == {"2026-11-24T14:05:00+01:00"}
    lifted = next(row for row in cells if (row["Outcome"], row["Gross outcome"]) == ("Met", "Answered late"))
    assert (lifted["Due"], lifted["Over target, seconds"]) == ("2026-11-24T14:20:00+01:00", "")


@pytest.mark.parametrize("name", ["breach_report", "breach_list"])
def test_thirty_exceptions_take_no_more_queries_than_one(get, ticket, grant, name):
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert get(reverse(f"admin:{name}"), basis="gross").status_code == 200
        return len(context)

    grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE)
    queries()
    one = queries()
    for _index in range(29):
        grant(ticket(70), VOID_IT, at=NOW + 200 * MINUTE)
    assert queries() == one <= 16
