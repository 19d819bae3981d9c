"""The truth test: what is replayed without a draft is what was, clock by clock and figure by figure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from helpdesk.accounts.models import StaffRole, User
from helpdesk.reports.breaches import Filters
from helpdesk.reports.dryrun import services as dry
from helpdesk.reports.dryrun.counting import Side, Tally
from helpdesk.reports.dryrun.reading import histories
from helpdesk.reports.dryrun.replay import own, replay
from helpdesk.reports.dryrun.rules import Rules
from helpdesk.reports.figures import report
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import Calendar, Clock, Policy

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)


@pytest.fixture
def demonstration():
    call_command("demo_data", now=NOW, tickets=300, verbosity=0)


def whole(side) -> tuple[int, int, int, int]:
    return side.due, side.met, side.answered_late, side.unanswered


def test_every_clock_lived_again_ends_as_it_ended(demonstration):
    """Pauses, exceptions, claims declined and raised, merges, spam: by the transitions, from what people did alone."""
    rules, found = Rules.read(), histories(Clock.objects.all(), as_of=NOW)
    assert len(found) == Clock.objects.count() > 300
    for history in found:
        was = Side.of(own(history, rules, now=NOW), now=NOW)
        assert Side.of(replay(history, rules, now=NOW), now=NOW) == was, history.clock


@pytest.mark.parametrize("days", [60, 7])
def test_the_rules_in_force_give_the_figures_of_the_breach_report(demonstration, days):
    period = Period(first=(NOW - timedelta(days=days)).date(), last=NOW.date(), zone=ZoneInfo("Europe/Berlin"))
    manager = User.objects.filter(staff_role=StaffRole.MANAGER).first()
    drafts = [
        {"policy": row, "terms": row.versions.get(is_current=True).terms, "place": place}
        for place, row in enumerate(Policy.objects.order_by("position", "id"))
    ]
    drafts += [
        {"calendar": row, "definition": row.versions.get(is_current=True).definition} for row in Calendar.objects.all()
    ]
    runs = []
    for draft in drafts:
        runs.append(dry.start_dry_run(name="Draft", period=period, actor=manager, now=NOW, **draft))
        dry.advance_dry_runs(now=NOW)
    for run in runs:
        run.refresh_from_db()
        tally = Tally.of(run.figures)
        # What was promised by an older version of the draft's own rules may differ, and is told apart; nothing else.
        assert run.changed == sum(row["older"] for row in tally.changes.values()), run.name
        assert run.failed == 0
        for promise in Promise:
            for metric in Metric:
                filters = Filters(period=period, promise=promise.value, metric=metric.value)
                said = report(filters, reader=manager, now=NOW).total
                cell = (promise.value, metric.value)
                for basis, expected in (("net", said.now), ("gross", said.gross)):
                    assert whole(tally.figures(cell, side="was", basis=basis)) == whole(expected)
                    if run.changed == 0:
                        assert whole(tally.figures(cell, side="then", basis=basis)) == whole(expected)
    assert any(run.changed == 0 for run in runs)
    assert sum(tally.figures(cell, side="was").due for cell in tally.cells_there()) > 50
