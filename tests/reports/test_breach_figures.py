"""A figure that is wrong costs a manager's trust: what counts, when, and as what (SPEC 2.6)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import Membership, User
from helpdesk.reports.breaches import Filters, Part, selection, targets
from helpdesk.reports.figures import Figures, Row, report
from helpdesk.reports.periods import Period
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
NOVEMBER = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=BERLIN)


@pytest.fixture
def manager() -> User:
    return StaffFactory(staff_role="manager", time_zone="Europe/Berlin")


@pytest.fixture
def ada() -> User:
    return StaffFactory(full_name="Ada Ash")


def total(manager, *, now, **filters) -> Figures:
    return report(Filters(**{"period": NOVEMBER, **filters}), reader=manager, now=now).total.now


def figures(**counts) -> Figures:
    return Figures(**counts)


def test_a_reply_at_the_very_deadline_is_met(manager, ada, now):
    services.reply(ticket=make_ticket(now=now), actor=ada, body="Done.", now=now + 60 * MINUTE)
    assert total(manager, now=now + 61 * MINUTE) == figures(due=1, met=1)


def test_a_microsecond_later_is_late(manager, ada, now):
    late = timedelta(microseconds=1)
    services.reply(ticket=make_ticket(now=now), actor=ada, body="Done.", now=now + 60 * MINUTE + late)
    assert total(manager, now=now + 61 * MINUTE) == figures(
        due=1, answered_late=1, late_p50=late, late_p90=late, late_max=late
    )


def test_an_answer_counts_when_its_deadline_has_passed_and_not_before(manager, ada, now):
    services.reply(ticket=make_ticket(now=now), actor=ada, body="Done.", now=now + MINUTE)
    assert total(manager, now=now + 60 * MINUTE) == figures()
    assert total(manager, now=now + 60 * MINUTE + timedelta(microseconds=1)) == figures(due=1, met=1)


def test_unanswered_past_due_is_late_although_no_sweep_has_seen_it(manager, now):
    make_ticket(now=now)
    assert Clock.objects.get().breached_at is None
    overdue = 25 * MINUTE
    assert total(manager, now=now + 60 * MINUTE + overdue) == figures(
        due=1, unanswered=1, late_p50=overdue, late_p90=overdue, late_max=overdue
    )


def test_unanswered_past_due_is_the_same_after_a_sweep_has_seen_it(manager, now, ada):
    ticket = make_ticket(now=now)
    unswept = total(manager, now=now + 90 * MINUTE)
    services.add_note(ticket=ticket, actor=ada, body="Looking.", now=now + 80 * MINUTE)
    assert Clock.objects.get().breached_at == now + 60 * MINUTE
    assert total(manager, now=now + 90 * MINUTE) == unswept


def test_a_target_that_is_not_due_yet_counts_nowhere(manager, now):
    make_ticket(now=now)
    assert total(manager, now=now + 59 * MINUTE) == figures()
    assert total(manager, now=now + 60 * MINUTE) == figures()


def test_closed_by_the_customer_before_due_counts_nowhere(manager, now):
    ticket = make_ticket(now=now)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=now + 59 * MINUTE)
    assert total(manager, now=now + 90 * MINUTE) == figures()


def test_closed_by_the_customer_after_due_stays_late_and_stops_ageing(manager, now):
    ticket = make_ticket(now=now)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=now + 70 * MINUTE)
    assert total(manager, now=now + 500 * MINUTE) == figures(
        due=1, unanswered=1, late_p50=10 * MINUTE, late_p90=10 * MINUTE, late_max=10 * MINUTE
    )


def test_what_was_merged_counts_once_by_the_earlier_promise(manager, ada, now):
    mina = DesignatedFactory()
    older, kept = make_ticket(mina, now=now), make_ticket(mina, now=now + 10 * MINUTE)
    services.merge(ticket=older, into=kept, reason="The same.", actor=ada, now=now + 15 * MINUTE)
    services.reply(ticket=kept, actor=ada, body="Done.", now=now + 65 * MINUTE)  # in time for the younger one only
    late = 5 * MINUTE
    expected = figures(due=1, answered_late=1, late_p50=late, late_p90=late, late_max=late)
    assert total(manager, now=now + 120 * MINUTE) == expected


def test_a_reopened_ticket_keeps_its_first_response(manager, ada, now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 5 * MINUTE)
    services.set_status(ticket=ticket, status="solved", actor=ada, now=now + 10 * MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="It is back.", now=now + 120 * MINUTE)
    later = now + timedelta(days=1)
    assert total(manager, now=later) == figures(due=1, met=1)
    again = total(manager, now=later, promise="objective", metric="next_response")
    assert (again.due, again.unanswered) == (1, 1)


def test_what_is_paused_across_the_months_end_counts_when_it_falls_due(manager, ada):
    """The aim to answer the next message waits for the customer over the end of October; Berlin is at UTC+1."""
    opened, goes_on = datetime(2026, 10, 31, 21, 0, tzinfo=UTC), datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    ticket = make_ticket(now=opened)
    services.reply(ticket=ticket, actor=ada, body="Which form?", now=opened + MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="All of them.", now=opened + 10 * MINUTE)
    services.set_status(ticket=ticket, status="waiting", actor=ada, now=opened + 20 * MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="And now?", now=goes_on)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=goes_on + 60 * MINUTE)
    aims = {"promise": "objective", "metric": "next_response", "now": datetime(2026, 12, 1, tzinfo=UTC)}
    october = Period(first=date(2026, 10, 1), last=date(2026, 10, 31), zone=BERLIN)
    assert total(manager, period=october, **aims) == figures()
    assert total(manager, **aims) == figures(due=1, met=1)


def test_a_claim_declined_late_stays_late_with_its_cause(manager, ada, now):
    ticket = make_ticket(critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=ada, confirmed=False, reason="One user only.", now=now + 40 * MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 45 * MINUTE)
    found = report(Filters(period=NOVEMBER), reader=manager, now=now + 50 * MINUTE)
    assert found.total.now == figures(
        due=1, answered_late=1, late_p50=15 * MINUTE, late_p90=15 * MINUTE, late_max=15 * MINUTE
    )
    assert [(row.key, row.now.late) for row in found.causes] == [("declined_late", 1), ("", 0)]


def test_a_claim_declined_in_time_is_judged_by_the_longer_target(manager, ada, now):
    ticket = make_ticket(critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=ada, confirmed=False, reason="One user only.", now=now + 20 * MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 45 * MINUTE)
    assert total(manager, now=now + 61 * MINUTE) == figures(due=1, met=1)


def test_guarantees_and_objectives_are_never_in_one_figure(manager, ada, now):
    services.reply(ticket=make_ticket(now=now), actor=ada, body="Done.", now=now + 90 * MINUTE)
    aim = make_ticket(MembershipFactory(role=Membership.Role.USER), now=now)
    services.reply(ticket=aim, actor=ada, body="Done.", now=now + 90 * MINUTE)
    later = now + timedelta(days=3)
    assert total(manager, now=later).attainment == Decimal(0)
    assert total(manager, now=later, promise="objective") == figures(due=1, met=1)


def test_nothing_due_has_no_attainment(manager, now):
    assert total(manager, now=now).attainment is None


def test_attainment_is_cut_and_never_rounded_up_to_100():
    assert Figures(due=10000, met=9999).attainment == Decimal("99.9")
    assert Figures(due=3, met=2).attainment == Decimal("66.6")
    assert Figures(due=7, met=7).attainment == Decimal(100)


def test_a_day_begins_and_ends_at_local_midnight_also_when_the_clocks_change(manager):
    """25 October 2026 has 25 hours in Berlin: from 24 October 22:00 UTC up to 25 October 23:00 UTC."""
    sunday = Period(first=date(2026, 10, 25), last=date(2026, 10, 25), zone=BERLIN)
    dues = [
        datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC),  # Saturday, 23:59:59
        datetime(2026, 10, 24, 22, 0, tzinfo=UTC),  # Sunday, midnight
        datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC),  # Sunday, 23:59:59
        datetime(2026, 10, 25, 23, 0, tzinfo=UTC),  # Monday, midnight
    ]
    member = DesignatedFactory()
    for due in dues:
        make_ticket(member, now=due - 60 * MINUTE)
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    clocks = selection(Filters(period=sunday), reader=manager, now=now)
    assert sorted(target.due_at for target in targets(clocks)) == dues[1:3]
    slots = report(Filters(period=sunday), reader=manager, now=now).slots
    assert slots == {(6, 0): 1, (6, 23): 1}


def test_each_week_of_the_trend_begins_on_a_local_monday(manager):
    weeks = Period(first=date(2026, 10, 12), last=date(2026, 11, 1), zone=BERLIN)
    member = DesignatedFactory()
    for due in (
        datetime(2026, 10, 18, 21, 59, tzinfo=UTC),  # Sunday 23:59, summer time
        datetime(2026, 10, 18, 22, 1, tzinfo=UTC),  # Monday 00:01
        datetime(2026, 10, 25, 22, 30, tzinfo=UTC),  # Sunday 23:30, winter time
        datetime(2026, 10, 25, 23, 30, tzinfo=UTC),  # Monday 00:30
    ):
        make_ticket(member, now=due - 60 * MINUTE)
    found = report(Filters(period=weeks), reader=manager, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert [(row.key, row.now.due) for row in found.buckets] == [
        (date(2026, 10, 12), 1),
        (date(2026, 10, 19), 2),
        (date(2026, 10, 26), 1),
    ]


def test_the_previous_period_is_as_long_and_counted_apart(manager, ada, now):
    week = Period(first=date(2026, 11, 16), last=date(2026, 11, 22), zone=BERLIN)
    member = DesignatedFactory()
    for day, minutes in ((20, 10), (20, 90), (12, 10), (12, 20), (2, 90)):
        opened = datetime(2026, 11, day, 9, 0, tzinfo=UTC)
        ticket = make_ticket(member, now=opened)
        services.reply(ticket=ticket, actor=ada, body="Done.", now=opened + minutes * MINUTE)
    found = report(Filters(period=week), reader=manager, now=now)
    assert (found.total.now.due, found.total.now.met) == (2, 1)
    assert (found.total.before.due, found.total.before.met) == (2, 2)
    assert (found.answers.p50, found.answers_before.p50) == (10 * MINUTE, 10 * MINUTE)
    assert (found.answers.p90, found.answers_before.p90) == (90 * MINUTE, 20 * MINUTE)
    assert found.total.change is None  # too few to compare


def test_the_change_compares_the_figures_on_the_page():
    from_, to = Figures(due=1000, met=974), Figures(due=1000, met=976)
    assert Row(key=None, label="", now=to, before=from_).change == Decimal("0.2")


def test_half_and_nine_in_ten_are_times_of_actual_tickets(manager, ada, now):
    member = DesignatedFactory()
    for over in range(1, 11):
        ticket = make_ticket(member, now=now)
        services.reply(ticket=ticket, actor=ada, body="Done.", now=now + (60 + over) * MINUTE)
    found = report(Filters(period=NOVEMBER), reader=manager, now=now + 200 * MINUTE)
    late = found.total.now
    assert (late.late_p50, late.late_p90, late.late_max) == (5 * MINUTE, 9 * MINUTE, 10 * MINUTE)
    assert (found.answers.p50, found.answers.p90, found.answers.p99) == (65 * MINUTE, 69 * MINUTE, 70 * MINUTE)


def test_a_specialist_answers_for_what_they_owned_when_it_fell_due(manager, ada, now):
    member, ben = DesignatedFactory(), StaffFactory(full_name="Ben Birch")
    passed_on = make_ticket(member, now=now)
    services.assign(ticket=passed_on, owner=ada, actor=ada, now=now)
    services.assign(ticket=passed_on, owner=ben, actor=ada, now=now + 61 * MINUTE)
    services.reply(ticket=passed_on, actor=ben, body="Done.", now=now + 62 * MINUTE)
    nobody = make_ticket(member, now=now)
    services.reply(ticket=nobody, actor=ben, body="Done.", now=now + 65 * MINUTE)
    taken = make_ticket(member, now=now)
    services.reply(ticket=taken, actor=ben, body="Done.", now=now + 5 * MINUTE)
    unswept = make_ticket(member, now=now)
    services.assign(ticket=unswept, owner=ada, actor=ada, now=now)
    found = report(Filters(period=NOVEMBER), reader=manager, now=now + 70 * MINUTE)
    rows = {(row.key, row.label): (row.now.met, row.now.answered_late, row.now.unanswered) for row in found.specialists}
    assert rows == {(ada.pk, "Ada Ash"): (0, 1, 1), (None, ""): (0, 1, 0), (ben.pk, "Ben Birch"): (1, 0, 0)}


def test_filters_combine(manager, ada, now):
    member, team = DesignatedFactory(), TeamFactory()
    for hub, critical in (("content", True), ("content", False), ("sales", True)):
        make_ticket(member, hub=hub, critical=critical, now=now)
    ours = make_ticket(hub="content", critical=True, now=now)
    services.assign(ticket=ours, owner=ada, actor=ada, team=team, now=now)
    later = now + 90 * MINUTE
    assert total(manager, now=later).due == 4
    assert total(manager, now=later, hub="content").due == 3
    assert total(manager, now=later, hub="content", severity="critical").due == 2
    assert total(manager, now=later, hub="content", severity="critical", account=member.account_id).due == 1
    assert total(manager, now=later, team=team.pk).due == 1
    assert total(manager, now=later, team=team.pk, hub="sales").due == 0
    assert total(manager, now=later, channel="email").due == 4
    assert total(manager, now=later, channel="chat").due == 0


@pytest.mark.parametrize("role", ["specialist", "team_lead", ""])
def test_who_is_no_manager_can_count_nothing(role, now):
    make_ticket(now=now)
    reader = StaffFactory(staff_role=role)
    assert total(reader, now=now + 90 * MINUTE) == figures()
    assert not selection(Filters(period=NOVEMBER), reader=reader, now=now + 90 * MINUTE, part=Part()).exists()


def test_thirty_accounts_take_as_many_queries_as_one(manager, ada, now):
    later = now + 90 * MINUTE

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            report(Filters(period=NOVEMBER), reader=manager, now=later)
        return len(context)

    services.assign(ticket=make_ticket(now=now), owner=ada, actor=ada, now=now)
    one = queries()
    for _index in range(29):
        make_ticket(now=now)
    assert queries() == one == 6
