"""What an SLA statement counts, net and gross (SPEC 2.8)."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.reports.breaches import Filters
from helpdesk.reports.figures import report
from helpdesk.reports.models import Statement
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Effect
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.factories import DesignatedFactory, MembershipFactory, make_ticket
from tests.reports.statements.october import HOUR, ISSUED, MINUTE, NOON, OCTOBER, issue, net, said

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")


def gross(statement: Statement) -> tuple:
    row = said(statement)["guaranteed"]["gross"]
    return row["due"], row["met"], row["answered_late"], row["unanswered"], row["attainment"]


def rows(statement: Statement) -> dict[str, dict]:
    return {row["reference"]: row for row in said(statement)["guaranteed"]["targets"]}


def test_an_answer_at_the_very_deadline_is_kept_and_a_microsecond_later_is_not(account, ticket):
    at, after = ticket(answered=HOUR), ticket(answered=HOUR + timedelta(microseconds=1))
    made = issue(account)
    assert net(made) == (2, 1, 1, 0, "50.0")
    assert rows(made)[f"PS-{at.pk}"]["verdict"] == "met"
    assert rows(made)[f"PS-{after.pk}"]["verdict"] == "answered_late"
    assert rows(made)[f"PS-{after.pk}"]["answered"] == "2026-10-14T13:00:00.000001Z"


def test_unanswered_past_due_is_not_kept_though_no_sweep_wrote_it_down(account, ticket):
    waiting = ticket()
    assert waiting.clocks.get(metric="first_response").breached_at is None
    assert net(issue(account)) == (1, 0, 0, 1, "0.0")


def test_nothing_due_is_no_attainment(account):
    made = issue(account)
    assert net(made) == (0, 0, 0, 0, None)
    assert (made.due, made.met) == (0, 0)


def test_a_void_target_counts_gross_only(account, ticket, grant):
    late = ticket(answered=2 * HOUR)
    grant(late, Wish(effect=Effect.VOID), at=NOON + 3 * HOUR)
    made = issue(account)
    assert net(made) == (0, 0, 0, 0, None)
    assert gross(made) == (1, 0, 1, 0, "0.0")
    assert said(made)["guaranteed"]["void"] == 1
    assert said(made)["guaranteed"]["exceptions"] == {"third-party": {"targets": 1, "lifted": 1}}
    row = rows(made)[f"PS-{late.pk}"]
    assert (row["verdict"], row["counts"], row["counts_gross"]) == ("void", False, True)


def test_an_exception_moves_a_target_into_the_next_month_net_and_leaves_it_here_gross(account, ticket, grant):
    opened = datetime(2026, 10, 31, 22, 0, tzinfo=UTC)  # 23:00 in Berlin: due at midnight there
    moved = ticket(opened - 30 * MINUTE, answered=50 * MINUTE)
    pause = Wish(effect=Effect.PAUSE, out_from=opened - 20 * MINUTE, out_until=opened + 25 * MINUTE)
    grant(moved, pause, at=opened + HOUR)
    october, november = issue(account), issue(account, month=date(2026, 11, 1), now=datetime(2026, 12, 2, tzinfo=UTC))
    assert (net(october), gross(october)) == ((0, 0, 0, 0, None), (1, 1, 0, 0, "100.0"))
    assert (net(november), gross(november)) == ((1, 1, 0, 0, "100.0"), (0, 0, 0, 0, None))


def test_the_month_ends_at_midnight_of_the_account_after_the_clocks_went_back(account, ticket):
    """Berlin leaves summer time on 25 October: the month begins at 22:00 and ends at 23:00 UTC."""
    inside = [datetime(2026, 9, 30, 21, 0, tzinfo=UTC), datetime(2026, 10, 31, 21, 59, 59, tzinfo=UTC)]
    outside = [datetime(2026, 9, 30, 20, 59, 59, tzinfo=UTC), datetime(2026, 10, 31, 22, 0, tzinfo=UTC)]
    for opened in inside + outside:
        ticket(opened, answered=MINUTE)  # due an hour after
    made = issue(account)
    document = json.loads(made.document)
    assert document["window"] == {"start": "2026-09-30T22:00:00Z", "end": "2026-10-31T23:00:00Z"}
    assert [row["asked"] for row in said(made)["guaranteed"]["targets"]] == [
        "2026-09-30T21:00:00Z",
        "2026-10-31T21:59:59Z",
    ]


def test_what_is_paused_across_the_months_end_is_due_when_it_goes_on(account, ada, mina):
    """An aim to answer the next message waits for the customer over the end of the month."""
    opened = datetime(2026, 10, 31, 21, 0, tzinfo=UTC)
    made = make_ticket(mina, now=opened)
    services.reply(ticket=made, actor=ada, body="Which form?", now=opened + MINUTE)
    services.customer_reply(ticket=made, actor=mina.user, body="All of them.", now=opened + 10 * MINUTE)
    services.set_status(ticket=made, status="waiting", actor=ada, now=opened + 20 * MINUTE)
    october = issue(account)
    assert said(october)["objectives"] == {}
    assert made.clocks.get(metric="next_response").state == "paused"
    goes_on = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    services.customer_reply(ticket=made, actor=mina.user, body="And now?", now=goes_on)
    services.reply(ticket=made, actor=ada, body="Done.", now=goes_on + HOUR)
    november = issue(account, month=date(2026, 11, 1), now=datetime(2026, 12, 2, tzinfo=UTC))
    assert said(november)["objectives"]["next_response"]["net"]["met"] == 1


def test_merged_and_spam_are_in_no_figure(account, ticket, ada):
    kept, merged, spam = ticket(), ticket(NOON + MINUTE), ticket(NOON + 2 * MINUTE)
    services.merge(ticket=merged, into=kept, reason="The same.", actor=ada, now=NOON + 5 * MINUTE)
    services.mark_spam(ticket=spam, reason="An advertisement.", actor=ada, now=NOON + 6 * MINUTE)
    services.reply(ticket=kept, actor=ada, body="Done.", now=NOON + 7 * MINUTE)
    assert net(issue(account)) == (1, 1, 0, 0, "100.0")


def test_a_reopened_ticket_keeps_its_first_response(account, ticket, ada, mina):
    made = ticket(answered=5 * MINUTE)
    services.set_status(ticket=made, status="solved", actor=ada, now=NOON + 10 * MINUTE)
    services.customer_reply(ticket=made, actor=mina.user, body="It is back.", now=NOON + 2 * HOUR)
    statement = issue(account)
    assert net(statement) == (1, 1, 0, 0, "100.0")
    assert said(statement)["objectives"]["next_response"]["net"]["unanswered"] == 1


def test_guarantees_and_aims_are_never_in_one_figure(account, ticket):
    ticket(answered=2 * HOUR, member=MembershipFactory(account=account))
    ticket(answered=2 * HOUR)
    found = said(issue(account))
    assert found["guaranteed"]["net"]["due"] == 1
    assert found["objectives"]["first_response"]["net"] == {
        "answered_late": 0,
        "attainment": "100.0",
        "due": 1,
        "met": 1,
        "unanswered": 0,
    }


def test_half_an_hour_is_another_promise_than_an_hour(account, ticket):
    ticket(answered=31 * MINUTE, critical=True)
    ticket(answered=31 * MINUTE)
    found = said(issue(account))["guaranteed"]["by_target"]
    assert [(row["target"], row["net"]["due"], row["net"]["met"]) for row in found] == [
        ({"seconds": 1800}, 1, 0),
        ({"seconds": 3600}, 1, 1),
    ]


def test_another_accounts_tickets_are_not_in_it(account, ticket):
    ticket(member=DesignatedFactory())
    assert net(issue(account)) == (0, 0, 0, 0, None)


def test_the_statement_and_the_breach_report_say_the_same(account, ticket, grant, manager):
    for minutes in (5, 59, 60, 61, 200):
        ticket(answered=minutes * MINUTE)
    ticket()
    grant(ticket(answered=3 * HOUR), Wish(effect=Effect.VOID), at=NOON + 5 * HOUR)
    retarget = Wish(effect=Effect.RETARGET, target_seconds=4 * 3600)
    grant(ticket(answered=3 * HOUR), retarget, at=NOON + 5 * HOUR)
    period = Period(first=OCTOBER, last=date(2026, 10, 31), zone=BERLIN)
    total = report(Filters(period=period, account=account.pk), reader=manager, now=ISSUED).total
    made = issue(account)
    for figures, counted in ((total.now, net(made)), (total.gross, gross(made))):
        assert (figures.due, figures.met, figures.answered_late, figures.unanswered) == counted[:4]
    assert (net(made), gross(made)) == ((7, 4, 2, 1, "57.1"), (8, 3, 4, 1, "37.5"))
