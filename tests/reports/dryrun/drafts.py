"""Drafts of the standing policies, and what came of them."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from helpdesk.reports.dryrun import services as dry
from helpdesk.reports.dryrun.counting import Tally
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.periods import Period
from helpdesk.sla.models import Policy
from helpdesk.sla.terms import Terms
from helpdesk.tickets import services
from tests.factories import make_ticket

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOVEMBER = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=ZoneInfo("UTC"))
FIRST = ("guaranteed", "first_response")
AIM = ("objective", "first_response")
NEXT = ("objective", "next_response")


def policy(name: str) -> Policy:
    return Policy.objects.get(name=name)


def standard() -> Policy:
    return policy("Standard, designated super admins")


def critical() -> Policy:
    return policy("Business critical, designated super admins")


def others() -> Policy:
    return policy("All other users")


def terms_of(row: Policy) -> Terms:
    return row.versions.get(is_current=True).terms


def promising(row: Policy, index: int = 0, **values) -> Terms:
    terms = terms_of(row)
    targets = list(terms.targets)
    targets[index] = replace(targets[index], **values)
    return replace(terms, targets=tuple(targets))


def run_of(manager, now: datetime, *, period: Period = NOVEMBER, **draft) -> DryRun:
    row = draft.get("policy")
    if row and "place" not in draft:
        draft["place"] = Policy.objects.filter(position__lt=row.position).count()
    run = dry.start_dry_run(name="Draft", period=period, actor=manager, now=now, **draft)
    dry.advance_dry_runs(now=now, only=run)
    run.refresh_from_db()
    assert (run.state, run.failed) == ("done", 0)
    return run


def met(run: DryRun, cell, *, basis: str = "net") -> list[tuple[int, int]]:
    """Met and due, as it was and as it would have been."""
    tally = Tally.of(run.figures)
    sides = [tally.figures(cell, side=side, basis=basis) for side in ("was", "then")]
    return [(side.met, side.due) for side in sides]


def answered(member, ada, now: datetime, minutes: int, **facts):
    ticket = make_ticket(member, now=now, **facts)
    services.reply(ticket=ticket, actor=ada, body="Done.", now=now + minutes * MINUTE)
    return ticket
