"""An October of one account, and what its statement says."""

import json
from datetime import UTC, date, datetime, timedelta

from helpdesk.accounts.models import Account
from helpdesk.reports import statements
from helpdesk.reports.models import Statement

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OCTOBER = date(2026, 10, 1)
ISSUED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)


def issue(account: Account, *, month: date = OCTOBER, now: datetime = ISSUED) -> Statement:
    return statements.issue(account=account, month=month, actor=None, now=now)[0]


def said(statement: Statement) -> dict:
    return json.loads(statement.document)["figures"]


def net(statement: Statement) -> tuple:
    row = said(statement)["guaranteed"]["net"]
    return row["due"], row["met"], row["answered_late"], row["unanswered"], row["attainment"]
