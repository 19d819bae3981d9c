"""The job that replays: in chunks, once, and past what it cannot read."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from helpdesk.notifications.models import OutboxMail
from helpdesk.reports.dryrun import services as dry
from helpdesk.reports.dryrun.counting import Tally
from helpdesk.reports.dryrun.models import DryRun, DryRunRow
from helpdesk.sla.models import Calendar, Clock, ClockEvent, Policy
from helpdesk.sla.target import Target
from helpdesk.tickets import services
from helpdesk.tickets.models import TicketEvent
from tests.at_once import at_once
from tests.factories import make_ticket
from tests.reports.dryrun.drafts import (
    DAY,
    MINUTE,
    NOVEMBER,
    answered,
    critical,
    promising,
    run_of,
    standard,
    terms_of,
)

pytestmark = pytest.mark.django_db
OCTOBER = replace(NOVEMBER, first=date(2026, 10, 1), last=date(2026, 10, 31))


def everything() -> list:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Clock, ClockEvent, TicketEvent, OutboxMail, Policy, Calendar, type(standard().versions.get()))
    ]


def test_it_changes_nothing(member, ada, manager, now):
    for minutes in (10, 61):
        answered(member, ada, now, minutes)
    make_ticket(member, critical=True, now=now)
    before = everything()
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=300)))
    assert run.changed > 0
    assert everything() == before


def test_a_killed_worker_repeats_and_loses_nothing(member, ada, manager, now, monkeypatch):
    monkeypatch.setattr(dry, "CHUNK", 2)
    for minutes in (10, 40, 50, 61, 70):
        answered(member, ada, now, minutes)
    draft = {"policy": standard(), "terms": promising(standard(), target=Target(seconds=1800))}
    whole = run_of(manager, now + DAY, **draft)
    run = dry.start_dry_run(name="Again", period=NOVEMBER, actor=manager, now=now + DAY, place=1, **draft)
    real, calls = Tally.to_json, []

    def dies(tally):
        calls.append(tally)
        if len(calls) == 2:
            raise KeyboardInterrupt  # after the rows, before the place in the run
        return real(tally)

    monkeypatch.setattr(Tally, "to_json", dies)
    with pytest.raises(KeyboardInterrupt):
        dry.advance_dry_runs(now=now + DAY, only=run)
    monkeypatch.undo()
    monkeypatch.setattr(dry, "CHUNK", 2)
    dry.advance_dry_runs(now=now + DAY, only=run)
    run.refresh_from_db()
    assert (run.state, run.seen, run.changed, run.figures) == ("done", whole.seen, whole.changed, whole.figures)
    assert run.rows.count() == whole.rows.count()


def test_two_at_once_and_one_that_is_stopped(member, ada, manager, now):
    answered(member, ada, now, 50)
    draft = {"policy": standard(), "terms": promising(standard(), target=Target(seconds=1800)), "place": 1}
    one, two = (
        dry.start_dry_run(name=name, period=NOVEMBER, actor=manager, now=now + DAY, **draft) for name in ("A", "B")
    )
    assert dry.stop_dry_run(run=one, now=now + DAY)
    assert not dry.stop_dry_run(run=one, now=now + DAY)
    dry.advance_dry_runs(now=now + DAY)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, one.seen, two.state, two.seen) == ("stopped", 0, "done", 1)


def test_of_many_the_first_are_kept_and_those_whose_outcome_changes_have_room_of_their_own(
    member, ada, manager, now, monkeypatch
):
    monkeypatch.setattr(dry, "MOST_ROWS", 2)
    for minutes in (5, 6, 7, 50, 51, 52):
        answered(member, ada, now, minutes)
    run = run_of(manager, now + DAY, policy=standard(), terms=promising(standard(), target=Target(seconds=1800)))
    assert run.changed == 6
    assert sorted(run.rows.values_list("rank", flat=True)) == [0, 0, 3, 3]


def test_old_ones_are_cleared_with_their_rows(member, ada, manager, now):
    answered(member, ada, now, 50)
    draft = {"policy": standard(), "terms": promising(standard(), target=Target(seconds=1800))}
    old, fresh = run_of(manager, now + DAY, **draft), run_of(manager, now + 2 * DAY, **draft)
    assert old.rows.exists()
    dry.clear_dry_runs(now=now + 91 * DAY)
    assert DryRun.objects.count() == 2
    dry.clear_dry_runs(now=now + 91 * DAY + MINUTE)
    assert list(DryRun.objects.all()) == [fresh]
    assert set(DryRunRow.objects.values_list("run", flat=True)) == {fresh.pk}


def test_a_period_is_a_year_at_most_and_few_wait_at_once(manager, now, monkeypatch):
    draft = {"policy": standard(), "terms": terms_of(standard()), "name": "Draft", "actor": manager, "now": now}
    with pytest.raises(services.Refused, match="a year at most"):
        dry.start_dry_run(period=replace(NOVEMBER, first=date(2024, 1, 1)), **draft)
    monkeypatch.setattr(dry, "MOST_WAITING", 1)
    dry.start_dry_run(period=NOVEMBER, **draft)
    with pytest.raises(services.Refused, match="under way"):
        dry.start_dry_run(period=NOVEMBER, **draft, place=2)


def test_a_chunk_costs_the_same_queries_whatever_it_holds(member, ada, manager, now):
    draft = {"policy": standard(), "terms": promising(standard(), target=Target(seconds=1800))}

    def cost(name: str) -> int:
        run = dry.start_dry_run(name=name, period=NOVEMBER, actor=manager, now=now + DAY, place=1, **draft)
        with CaptureQueriesContext(connection) as queries:
            dry.advance_dry_runs(now=now + DAY, only=run)
        return len(queries)

    answered(member, ada, now, 50)
    declined = make_ticket(member, critical=True, now=now)
    services.judge_claim(ticket=declined, actor=ada, confirmed=False, reason="No.", now=now + MINUTE)
    few = cost("Few")
    for minutes in range(28):
        answered(member, ada, now, 40 + minutes)
    assert cost("Many") == few


def draft_of(**also) -> dict:
    terms = promising(standard(), target=Target(seconds=1800))
    return {"name": "Draft", "period": NOVEMBER, "policy": standard(), "terms": terms, "place": 1, **also}


TERMS = {"targets": [{"metric": "first_response", "promise": "guaranteed", "hours": "always", "seconds": "soon"}]}


@pytest.mark.parametrize(
    ("tampered", "reason"),
    [
        ({"document": TERMS}, "draft"),
        ({"document": [1]}, "draft"),
        ({"document": {"targets": 5}}, "draft"),
        ({"zone": "Nowhere/Land"}, "draft"),
        ({"state": "running", "cuts": [1], "figures": {"cells": [["guaranteed"]]}}, "replay"),
        ({"state": "running", "cuts": "x", "figures": []}, "replay"),
    ],
)
def test_what_cannot_be_read_fails_and_holds_nobody_up(member, ada, manager, now, tampered, reason):
    answered(member, ada, now, 50)
    broken = dry.start_dry_run(**draft_of(name="Broken"), actor=manager, now=now + DAY)
    behind = dry.start_dry_run(**draft_of(), actor=manager, now=now + DAY)
    DryRun.objects.filter(pk=broken.pk).update(**tampered)
    dry.advance_dry_runs(now=now + DAY + MINUTE)
    broken.refresh_from_db()
    behind.refresh_from_db()
    assert (broken.state, broken.reason, broken.finished_at) == ("failed", reason, now + DAY + MINUTE)
    assert (behind.state, behind.reason, behind.changed) == ("done", "", 1)
    assert not dry.stop_dry_run(run=broken, now=now + 2 * DAY)


def test_a_history_that_cannot_be_read_fails_the_run_that_meets_it_and_keeps_what_stood(
    member, ada, manager, now, monkeypatch
):
    monkeypatch.setattr(dry, "CHUNK", 1)
    for minutes in (50, 51):
        answered(member, ada, now, minutes)
    run = dry.start_dry_run(**draft_of(), actor=manager, now=now + DAY)
    other = dry.start_dry_run(**draft_of(period=OCTOBER), actor=manager, now=now + DAY)
    real, chunks = dry.histories, []

    def histories(clocks, **also):
        chunks.append(clocks)
        if len(chunks) == 2:
            raise ValueError("'strange' is not a valid EventKind")
        return real(clocks, **also)

    monkeypatch.setattr(dry, "histories", histories)
    dry.advance_dry_runs(now=now + DAY)
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.state, run.reason, run.seen, run.rows.count()) == ("failed", "replay", 1, 1)
    assert other.state == "done"


def test_a_data_base_that_is_away_fails_nothing(member, ada, manager, now, monkeypatch):
    answered(member, ada, now, 50)
    run = dry.start_dry_run(**draft_of(), actor=manager, now=now + DAY)

    def away(_run):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dry, "rules_of", away)
    with pytest.raises(OperationalError):
        dry.advance_dry_runs(now=now + DAY)
    monkeypatch.undo()
    dry.advance_dry_runs(now=now + DAY)
    run.refresh_from_db()
    assert run.state == "done"


def test_a_second_click_is_the_first_ones_run(member, ada, manager, now):
    answered(member, ada, now, 50)
    one = dry.start_dry_run(**draft_of(), actor=manager, now=now + DAY)
    assert dry.start_dry_run(**draft_of(), actor=manager, now=now + DAY + MINUTE) == one  # it is under way still
    dry.advance_dry_runs(now=now + DAY + MINUTE)
    soon, later = now + DAY + timedelta(seconds=9), now + DAY + timedelta(seconds=11)
    assert dry.start_dry_run(**draft_of(), actor=manager, now=soon) == one
    assert dry.start_dry_run(**draft_of(), actor=manager, now=later) != one  # meant anew: tickets came since


def test_other_drafts_days_places_and_people_are_runs_of_their_own(manager, ada, now):
    asked = [
        draft_of(),
        draft_of(name="Another"),
        draft_of(place=2),
        draft_of(period=OCTOBER),
        draft_of(terms=terms_of(standard())),
        draft_of(policy=critical()),
        draft_of(policy=None),
    ]
    runs = [dry.start_dry_run(**draft, actor=manager, now=now) for draft in asked]
    runs.append(dry.start_dry_run(**draft_of(), actor=ada, now=now))
    assert len({run.pk for run in runs}) == len(runs)


def test_what_was_stopped_or_failed_can_be_tried_again_at_once(manager, now):
    one = dry.start_dry_run(**draft_of(), actor=manager, now=now)
    dry.stop_dry_run(run=one, now=now)
    two = dry.start_dry_run(**draft_of(), actor=manager, now=now)
    DryRun.objects.filter(pk=two.pk).update(document=[])
    dry.advance_dry_runs(now=now)
    three = dry.start_dry_run(**draft_of(), actor=manager, now=now)
    assert len({one.pk, two.pk, three.pk}) == 3


@pytest.mark.django_db(transaction=True)
def test_a_double_click_that_reaches_two_processes_at_one_moment_is_one_run(manager, now, monkeypatch):
    """Both have looked before either has written: the constraint decides."""
    draft, found = draft_of(), []
    looking, real_same = threading.Barrier(2), dry._same

    def same(run):
        seen = real_same(run)
        if seen is None:
            looking.wait(timeout=20)
        return seen

    monkeypatch.setattr(dry, "_same", same)

    def click():
        found.append(dry.start_dry_run(**draft, actor=manager, now=now).pk)

    assert at_once(click, click) == []
    assert len(set(found)) == 1
    assert len(found) == 2
    assert DryRun.objects.count() == 1
