"""A draft replayed over past tickets says what would have been, by the engine itself, and changes nothing."""

import copy
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.accounts.models import Membership
from helpdesk.core.channels import Channel
from helpdesk.reports.breaches import Filters
from helpdesk.reports.dryrun.counting import Tally
from helpdesk.reports.dryrun.models import DryRunRow
from helpdesk.reports.figures import report
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Effect, Promise
from helpdesk.sla.models import Calendar, ExceptionCode, Policy
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions
from helpdesk.sla.versions import create_policy, publish_calendar, publish_policy
from helpdesk.tickets import services
from helpdesk.tickets.models import Severity, Status
from tests.factories import DesignatedFactory, MembershipFactory, make_ticket
from tests.reports.dryrun.drafts import (
    AIM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NEXT,
    NOVEMBER,
    answered,
    critical,
    met,
    others,
    policy,
    promising,
    run_of,
    standard,
    terms_of,
)

pytestmark = pytest.mark.django_db


def test_an_hour_made_half_an_hour(member, ada, manager, now):
    for minutes in (10, 30, 31, 59, 60, 61):
        answered(member, ada, now, minutes)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    # The answer at the very deadline is met, of both: 10 and 30 minutes of the half, 10 to 60 of the whole.
    assert met(run, FIRST) == [(5, 6), (2, 6)]
    changes = Tally.of(run.figures).changes[FIRST]
    assert (changes["changed"], changes["worse"], changes["better"], changes["sooner"]) == (6, 3, 0, 6)
    assert Tally.of(run.figures).middle(FIRST) == (-30 * MINUTE, -30 * MINUTE)
    worse = run.rows.filter(rank=DryRunRow.Rank.WORSE)
    assert [row.answered_at - row.due_then for row in worse.order_by("answered_at")] == [MINUTE, 29 * MINUTE, HOUR / 2]


def test_an_hour_made_two_takes_breaches_back(member, ada, manager, now):
    for minutes in (59, 61, 120, 121):
        answered(member, ada, now, minutes)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=7200)))
    assert met(run, FIRST) == [(1, 4), (3, 4)]
    assert Tally.of(run.figures).changes[FIRST]["better"] == 2


def test_the_rules_in_force_change_nothing_and_give_the_reports_figures(member, ada, manager, now):
    for minutes in (10, 60, 61):
        answered(member, ada, now, minutes)
    make_ticket(member, now=now)
    claimed = make_ticket(member, critical=True, now=now)
    services.judge_claim(ticket=claimed, actor=ada, confirmed=False, reason="No.", now=now + 10 * MINUTE)
    for row in Policy.objects.all():
        run = run_of(manager, now + DAY, policy=row, terms=terms_of(row))
        assert run.changed == 0, row
        said = report(Filters(period=NOVEMBER), reader=manager, now=now + DAY).total
        for side in ("was", "then"):
            found = Tally.of(run.figures).figures(FIRST, side=side)
            assert (found.due, found.met, found.answered_late, found.unanswered) == (
                said.now.due,
                said.now.met,
                said.now.answered_late,
                said.now.unanswered,
            )
    assert said.now.due == 5


def test_what_is_unanswered_and_past_due_is_late_and_what_is_not_yet_due_is_in_no_figure(member, manager, now):
    make_ticket(member, now=now)
    later = now + 90 * MINUTE
    shorter = run_of(manager, later, policy=standard(), terms=promising(standard(), target=Target(seconds=600)))
    assert met(shorter, FIRST) == [(0, 1), (0, 1)]
    longer = run_of(manager, later, policy=standard(), terms=promising(standard(), target=Target(seconds=7200)))
    assert met(longer, FIRST) == [(0, 1), (0, 0)]
    assert longer.rows.get().verdict_then == "not_due"


def test_a_customer_who_closed_in_time_would_have_closed_late(member, manager, now):
    ticket = make_ticket(member, now=now)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=now + 25 * MINUTE)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1200)))
    assert met(run, FIRST) == [(0, 0), (0, 1)]
    assert run.rows.get().changes == ["entered", "target", "sooner"]
    late = make_ticket(member, now=now)
    services.close_by_customer(ticket=late, actor=late.requester, now=now + 65 * MINUTE)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=7200)))
    assert met(run, FIRST) == [(0, 1), (0, 0)]


def test_spam_and_merged_tickets_stay_out(member, ada, manager, now):
    spam, double, kept = (make_ticket(member, now=now) for _ in range(3))
    services.mark_spam(ticket=spam, actor=ada, reason="Spam", now=now + 30 * MINUTE)
    services.merge(ticket=double, into=kept, actor=ada, reason="Same", now=now + 30 * MINUTE)
    services.reply(ticket=kept, actor=ada, body="Done.", now=now + 40 * MINUTE)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1200)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]


def test_a_clock_that_a_merge_handed_over_keeps_the_promise_of_its_own_ticket(member, ada, manager, now):
    user = MembershipFactory(account=member.account, role=Membership.Role.USER)
    promised, into = make_ticket(member, now=now), make_ticket(user, now=now)
    services.merge(ticket=promised, into=into, actor=ada, reason="Same", now=now + MINUTE)
    services.reply(ticket=into, actor=ada, body="Done.", now=now + 40 * MINUTE)
    unchanged = run_of(manager, now + 3 * DAY, policy=others(), terms=terms_of(others()))
    assert unchanged.changed == 0
    run = run_of(manager, now + 3 * DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]


def test_a_declined_claim_goes_to_the_drafts_target_from_creation(member, ada, manager, now):
    ticket = make_ticket(member, critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=ada, confirmed=False, reason="No.", now=now + 10 * MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 55 * MINUTE)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=2700)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]
    assert run.rows.get().due_then == now + 45 * MINUTE
    # Critical within five minutes: missed before it was declined, and the breach stays.
    run = run_of(manager, now + DAY, policy=critical(), terms=promising(critical(), target=Target(seconds=300)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]
    assert run.rows.get().due_then == now + 5 * MINUTE


def test_raised_later_the_drafts_target_of_critical_counts(member, ada, manager, now):
    ticket = make_ticket(member, now=now)
    services.raise_to_critical(ticket=ticket, actor=ada, reason="All are out.", now=now + 25 * MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 28 * MINUTE)
    run = run_of(manager, now + DAY, policy=critical(), terms=promising(critical(), target=Target(seconds=1200)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]
    assert (
        run.rows.get().due_then == now + 20 * MINUTE
    )  # late reclassification: the breach is the deadline that had passed


def test_a_declined_claim_that_was_too_late_might_have_been_in_time(member, ada, manager, now):
    ticket = make_ticket(member, critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=ada, confirmed=False, reason="No.", now=now + 35 * MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 50 * MINUTE)
    run = run_of(manager, now + DAY, policy=critical(), terms=promising(critical(), target=Target(seconds=2400)))
    assert met(run, FIRST) == [(0, 1), (1, 1)]
    assert run.rows.get().due_then == now + HOUR  # retargeted in time, as its events never say


def test_exceptions_apply_as_they_were_approved(member, ada, manager, now):
    ticket = make_ticket(member, now=now)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 75 * MINUTE)
    wish = services.Wish(effect=Effect.PAUSE, out_from=now + 10 * MINUTE, out_until=now + 40 * MINUTE)
    asked = services.request_exception(
        clock=ticket.clocks.get(metric="first_response"),
        code=ExceptionCode.objects.get(code="scheduled-maintenance"),
        wish=wish,
        evidence="Announced.",
        actor=ada,
        now=now + 2 * HOUR,
    )
    services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=now + 3 * HOUR)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=2400)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]
    assert met(run, FIRST, basis="gross") == [(0, 1), (0, 1)]
    assert run.rows.get().due_then == now + 70 * MINUTE
    same = run_of(manager, now + DAY, policy=standard(), terms=terms_of(standard()))
    assert same.changed == 0


def test_pauses_count_as_they_were(member, ada, manager, now):
    """Waiting for the customer across the end of a month, and due in the next one."""
    start = datetime(2026, 11, 27, 15, 0, tzinfo=now.tzinfo)  # a Friday
    ticket = answered(member, ada, start - 2 * HOUR, 10)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="And?", now=start)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=ada, now=start + HOUR)
    back = datetime(2026, 12, 1, 9, 0, tzinfo=now.tzinfo)
    services.set_status(ticket=ticket, status=Status.OPEN, actor=ada, now=back)
    services.reply(ticket=ticket, actor=ada, body="Yes.", now=back + 90 * MINUTE)
    december = Period(first=date(2026, 12, 1), last=date(2026, 12, 31), zone=ZoneInfo("UTC"))
    draft = promising(standard(), 1, target=Target(seconds=2 * 3600))
    run = run_of(manager, back + DAY, period=december, policy=standard(), terms=draft)
    assert met(run, NEXT) == [(1, 1), (0, 1)]
    assert run.rows.get().due_then == back + HOUR


def test_a_new_holiday_moves_the_aims_of_that_day(manager, ada, now):
    user = MembershipFactory(role=Membership.Role.USER)
    monday = datetime(2026, 11, 16, 10, 0, tzinfo=now.tzinfo)
    ticket = make_ticket(user, now=monday)  # due on Tuesday at 10
    services.reply(ticket=ticket, actor=ada, body="Done.", now=monday + DAY + HOUR)
    calendar = Calendar.objects.get()
    definition = copy.deepcopy(calendar.versions.get().definition) | {"holidays": ["2026-11-17"]}
    run = run_of(manager, now, calendar=calendar, definition=definition)
    assert met(run, AIM) == [(0, 1), (1, 1)]
    row = run.rows.get()
    assert (row.due_at, row.due_then) == (monday + DAY, monday + 2 * DAY)
    same = run_of(manager, now, calendar=calendar, definition=calendar.versions.get().definition)
    assert same.changed == 0


@pytest.mark.parametrize(("after", "kept"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_an_answer_at_the_drafts_very_deadline_is_in_time(member, ada, manager, now, after, kept):
    """Decision 1: met at the deadline itself, late an instant after."""
    ticket = make_ticket(member, now=now)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 30 * MINUTE + after)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    assert met(run, FIRST) == [(1, 1), (kept, 1)]
    assert run.rows.get().due_then == now + 30 * MINUTE


@pytest.mark.parametrize(("after", "kept"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_an_answer_at_the_very_deadline_that_a_holiday_moved_is_in_time(manager, ada, now, after, kept):
    user = MembershipFactory(role=Membership.Role.USER)
    monday = datetime(2026, 11, 16, 10, 0, tzinfo=now.tzinfo)
    ticket = make_ticket(user, now=monday)  # due on Tuesday at 10; with Tuesday off on Wednesday at 10
    services.reply(ticket=ticket, actor=ada, body="Done.", now=monday + 2 * DAY + after)
    calendar = Calendar.objects.get()
    definition = copy.deepcopy(calendar.versions.get().definition) | {"holidays": ["2026-11-17"]}
    run = run_of(manager, now, calendar=calendar, definition=definition)
    assert met(run, AIM) == [(0, 1), (kept, 1)]
    assert run.rows.get().due_then == monday + 2 * DAY


def test_a_guarantee_is_not_touched_by_a_calendar(member, ada, manager, now):
    answered(member, ada, now, 70)
    calendar = Calendar.objects.get()
    definition = calendar.versions.get().definition | {"holidays": ["2026-11-24"]}
    assert run_of(manager, now + 10 * DAY, calendar=calendar, definition=definition).changed == 0


def test_the_order_decides(member, ada, manager, now):
    """Of two policies that fit, the one that would come first counts: an aim, where a guarantee was."""
    answered(member, ada, now, 70)
    run = run_of(manager, now + 3 * DAY, policy=others(), terms=terms_of(others()), place=0)
    assert (met(run, FIRST), met(run, AIM)) == ([(0, 1), (0, 0)], [(0, 0), (1, 1)])
    row = run.rows.get()
    assert (row.promise, row.promise_then, row.target_then) == ("guaranteed", "objective", "1d")
    assert {"better", "kind", "policy"} <= set(row.changes)


def test_a_policy_that_is_not_saved_yet_takes_its_tickets(member, ada, manager, now):
    answered(member, ada, now, 50)
    answered(DesignatedFactory(), ada, now, 50)
    draft = promising(standard(), target=Target(seconds=1800))
    draft = replace(draft, conditions=replace(draft.conditions, accounts=frozenset([member.account_id])))
    run = run_of(manager, now + DAY, terms=draft, place=0)
    assert met(run, FIRST) == [(2, 2), (1, 2)]
    assert run.rows.get().policy_then == 0
    assert Policy.objects.count() == 5


def test_what_no_policy_would_promise_leaves_the_figures(member, ada, manager, now):
    answered(member, ada, now, 50)
    gone = replace(terms_of(standard()), targets=terms_of(standard()).targets[1:])
    run = run_of(manager, now + DAY, policy=standard(), terms=gone)
    assert met(run, FIRST) == [(1, 1), (0, 0)]
    assert run.rows.get().changes == ["none"]


def test_a_ticket_by_mail_or_staff_stays_an_aim_under_a_guarantee(member, ada, manager, now):
    answered(member, ada, now, 50, source="staff")
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    assert met(run, AIM) == [(1, 1), (0, 1)]
    assert run.rows.get().promise_then == "objective"


def test_older_versions_are_told_apart(member, ada, manager, now):
    answered(member, ada, now, 50)
    publish_policy(
        policy=standard(), terms=promising(standard(), target=Target(seconds=1800)), actor=manager, now=now + HOUR
    )
    answered(member, ada, now + 2 * HOUR, 20)
    run = run_of(manager, now + DAY, policy=standard(), terms=terms_of(standard()))
    assert met(run, FIRST) == [(2, 2), (1, 2)]
    assert Tally.of(run.figures).changes[FIRST]["older"] == run.changed == 1
    # The others' older versions are none of this draft's: nothing changes by them.
    assert run_of(manager, now + DAY, policy=critical(), terms=terms_of(critical())).changed == 0


def test_tickets_of_before_the_policy_was_made_are_replayed_too(member, ada, manager, now):
    answered(member, ada, now, 50)
    conditions = Conditions(accounts=frozenset([member.account_id]))
    terms = replace(promising(standard(), target=Target(seconds=1800)), conditions=conditions)
    made = create_policy(name="Kestrel", terms=terms, position=0, actor=manager, now=now + HOUR)
    run = run_of(manager, now + DAY, policy=made, terms=terms)
    assert met(run, FIRST) == [(1, 1), (0, 1)]


def test_a_rollout_of_then_is_not_undone(member, ada, manager, now):
    """Open tickets that were moved to a new version keep it, where the draft is of another policy."""
    ticket = make_ticket(member, now=now)
    publish_policy(policy=standard(), terms=promising(standard(), target=Target(seconds=1800)), actor=manager, now=now)
    services.rollouts.start_rollout(policy=standard(), reason="As agreed", actor=manager, now=now + MINUTE)
    services.rollouts.advance_rollouts(now=now + MINUTE)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 40 * MINUTE)
    assert run_of(manager, now + DAY, policy=critical(), terms=terms_of(critical())).changed == 0
    calendar = Calendar.objects.get()
    publish_calendar(
        calendar=calendar, definition=calendar.versions.get().definition, day_names={}, actor=manager, now=now
    )
    hours = calendar.versions.get(is_current=True).definition
    assert run_of(manager, now + DAY, calendar=calendar, definition=hours).changed == 0


def test_a_chat_and_a_call_are_replayed_by_their_own_metric(member, ada, manager, now):
    open_hour = datetime(2026, 11, 24, 12, 0, tzinfo=now.tzinfo)
    chat = make_ticket(member, channel=Channel.CHAT, source="chat", now=open_hour)
    services.reply(ticket=chat, actor=ada, body="Hello.", now=open_hour + timedelta(seconds=90))
    row = policy("Chat")
    run = run_of(manager, now + DAY, policy=row, terms=promising(row, target=Target(seconds=60)))
    assert met(run, ("objective", "chat_pickup")) == [(1, 1), (0, 1)]
    assert run.rows.get().due_then == open_hour + MINUTE


def test_severity_as_it_was_decides_though_it_changed_after_the_answer(member, ada, manager, now):
    ticket = answered(member, ada, now, 50)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="Worse!", now=now + HOUR)
    services.raise_to_critical(ticket=ticket, actor=ada, reason="All are out.", now=now + 2 * HOUR)
    ticket.refresh_from_db()
    assert ticket.severity == Severity.CRITICAL
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    assert met(run, FIRST) == [(1, 1), (0, 1)]


def test_a_kind_made_weaker_moves_the_ticket_to_the_other_figure(member, ada, manager, now):
    answered(member, ada, now, 50)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), promise=Promise.OBJECTIVE))
    assert (met(run, FIRST), met(run, AIM)) == ([(1, 1), (0, 0)], [(0, 0), (1, 1)])
    assert run.rows.get().changes == ["kind"]


def test_what_only_the_gross_figures_count_changes_no_outcome(member, ada, manager, now):
    """An exception moved the deadline ahead: it is due gross, not yet net, and no draft makes it count net."""
    ticket = make_ticket(member, now=now)
    asked = services.request_exception(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.get(code="scheduled-maintenance"),
        wish=services.Wish(effect=Effect.PAUSE, out_from=now + 10 * MINUTE, out_until=now + 70 * MINUTE),
        evidence="Announced.",
        actor=ada,
        now=now + 20 * MINUTE,
    )
    services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=now + 30 * MINUTE)
    draft = promising(standard(), target=Target(seconds=1800))
    run = run_of(manager, now + 100 * MINUTE, policy=standard(), terms=draft)
    assert met(run, FIRST) == [(0, 0), (0, 0)]
    assert met(run, FIRST, basis="gross") == [(0, 1), (0, 1)]
    assert run.rows.get().changes == ["target", "sooner"]
