"""A statement is issued once, revised when something changed, and never rewritten."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import Account
from helpdesk.reports import statements
from helpdesk.reports.models import Statement
from helpdesk.tickets import services
from helpdesk.tickets.services import Refused
from tests.factories import DesignatedFactory
from tests.reports.statements.october import HOUR, ISSUED, MINUTE, issue, net

pytestmark = pytest.mark.django_db


def test_a_late_answer_makes_a_revision_and_leaves_the_old_one(account, ticket, ada):
    waiting = ticket()
    first = issue(account)
    before = first.document
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    second = issue(account, now=ISSUED + 2 * HOUR)
    assert (first.revision, second.revision) == (1, 2)
    assert Statement.objects.get(pk=first.pk).document == before
    assert json.loads(second.document)["replaces"] == first.digest
    assert (net(first), net(second)) == ((1, 0, 0, 1, "0.0"), (1, 0, 1, 0, "0.0"))
    found = statements.difference(first, second)
    assert [(row.reference, row.before["verdict"], row.after["verdict"]) for row in found.changes] == [
        (f"PS-{waiting.pk}", "unanswered", "answered_late")
    ]
    assert list(Statement.objects.in_force()) == [second]


def test_where_nothing_changed_there_is_no_revision(account, ticket):
    ticket(answered=MINUTE)
    first, again = issue(account), issue(account, now=ISSUED + 30 * timedelta(days=1))
    assert first.pk == again.pk
    assert Statement.objects.count() == 1


def test_a_month_that_still_runs_is_refused_where_the_account_is(account):
    midnight = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
    with pytest.raises(Refused, match="not over yet"):
        issue(account, now=midnight)
    assert issue(account, now=midnight + MINUTE).revision == 1


def test_the_database_refuses_to_change_or_delete_a_statement(account):
    made = issue(account)
    for change in (lambda: Statement.objects.update(met=0, due=9), made.delete):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()


def test_an_account_that_moves_keeps_the_months_of_its_statements(account, ticket, ada):
    waiting = ticket()
    first = issue(account)
    Account.objects.filter(pk=account.pk).update(time_zone="Asia/Tokyo")
    account.refresh_from_db()
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    second = issue(account, now=ISSUED + 2 * HOUR)
    for name in ("time_zone", "window"):
        assert json.loads(second.document)[name] == json.loads(first.document)[name]


def test_beat_issues_what_is_due_once_and_revises_what_changed(account, ticket, ada):
    waiting = ticket()
    early = datetime(2026, 11, 1, 4, 59, tzinfo=UTC)  # not six hours after midnight in Berlin
    months = {date(2026, 9, 1), date(2026, 8, 1)}
    statements.issue_due(now=early)
    assert set(Statement.objects.values_list("month", flat=True)) == months
    done = statements.issue_due(now=early + MINUTE)
    assert (done["issued"], done["revised"]) == (1, 0)
    assert statements.issue_due(now=ISSUED)["looked_at"] == 0
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    done = statements.issue_due(now=ISSUED + 2 * HOUR)
    assert (done["issued"], done["revised"]) == (0, 1)
    assert statements.issue_due(now=ISSUED + 3 * HOUR)["looked_at"] == 0


def test_beat_goes_on_where_a_run_was_full(account, ticket):
    ticket()
    for _other in range(2):
        ticket(member=DesignatedFactory())
    runs = [statements.issue_due(now=ISSUED, limit=4)["issued"] for _run in range(4)]
    assert runs == [4, 4, 1, 0]


def test_beat_comes_to_the_changed_one_behind_many_unchanged_ones(ticket, ada):
    *calm, late = (ticket(member=DesignatedFactory(), answered=None) for _account in range(5))
    statements.issue_due(now=ISSUED)
    for unchanged in calm:  # an event that changes no figure
        clock = unchanged.clocks.get(metric="first_response")
        event = clock.events.order_by("number").last()
        clock.events.create(number=event.number + 1, kind="breach", at=clock.due_at, recorded_at=ISSUED + HOUR, data={})
    services.reply(ticket=late, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    assert statements.issue_due(now=ISSUED + 2 * HOUR, limit=2)["revised"] == 1
    assert statements.issue_due(now=ISSUED + 3 * HOUR, limit=2)["looked_at"] == 0


def test_beat_looks_at_the_month_that_changed_only(account, ticket, ada):
    ticket(opened=datetime(2026, 9, 14, 12, 0, tzinfo=UTC))
    waiting = ticket()
    statements.issue_due(now=ISSUED)
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    done = statements.issue_due(now=ISSUED + 2 * HOUR)
    assert (done["looked_at"], done["revised"]) == (1, 1)


def test_beat_passes_over_an_account_that_cannot_be_counted(ticket, monkeypatch):
    broken, sound = (ticket(member=DesignatedFactory()).account for _account in range(2))
    figures = statements.figures

    def failing(*, account_id, **given):
        if account_id == broken.pk:
            raise ValueError("no such event")
        return figures(account_id=account_id, **given)

    monkeypatch.setattr(statements, "figures", failing)
    done = statements.issue_due(now=ISSUED)
    assert [pk for pk, _month in done["failed"]] == [broken.pk] * 3
    assert sound.statements.count() == 3
    monkeypatch.setattr(statements, "figures", figures)
    assert statements.issue_due(now=ISSUED + HOUR)["issued"] == 3
    assert statements.issue_due(now=ISSUED + 2 * HOUR)["looked_at"] == 0
