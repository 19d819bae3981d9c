"""The figures are what the events say, and a figure that isn't is found (SPEC 2.6)."""

import json
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import CommandError, call_command

from helpdesk.accounts.models import Membership
from helpdesk.reports.periods import Period
from helpdesk.reports.verification import verify_report
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
NOVEMBER = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def everything(now):
    """One ticket of each fate."""
    ada, member = StaffFactory(), DesignatedFactory()
    user = MembershipFactory(role=Membership.Role.USER)
    for minutes in (0, 10, 60, 61, 300):
        ticket = make_ticket(member, now=now)
        services.reply(ticket=ticket, actor=ada, body="Done.", now=now + minutes * MINUTE)
    make_ticket(member, now=now)
    owned = make_ticket(member, hub="sales", now=now)
    services.assign(ticket=owned, owner=ada, actor=ada, now=now)
    for minutes in (10, 100):
        closed = make_ticket(member, now=now)
        services.close_by_customer(ticket=closed, actor=closed.requester, now=now + minutes * MINUTE)
    for minutes in (10, 45):
        claimed = make_ticket(member, critical=True, now=now)
        services.judge_claim(ticket=claimed, actor=ada, confirmed=False, reason="No.", now=now + minutes * MINUTE)
    aim = make_ticket(user, now=now - timedelta(days=7))
    services.reply(ticket=aim, actor=ada, body="Done.", now=now - timedelta(days=5))
    services.customer_reply(ticket=aim, actor=aim.requester, body="And?", now=now - timedelta(days=4))
    services.set_status(ticket=aim, status=Status.WAITING, actor=ada, now=now - timedelta(days=4) + MINUTE)


def test_report_and_events_agree(everything, now):
    result = verify_report(NOVEMBER, now=now + timedelta(days=1))
    assert result.examples == []
    assert (result.due, result.differing) == (11, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"breached_at": None}, {"due_at": None, "breached_at": None}, {"state": "cancelled"}, {"ended_at": None}],
)
def test_a_column_that_lies_is_found(everything, now, wrong):
    late = Clock.objects.filter(state="fulfilled", promise="guaranteed", breached_at__isnull=False).first()
    Clock.objects.filter(pk=late.pk).update(**wrong)
    assert verify_report(NOVEMBER, now=now + timedelta(days=1)).differing > 0


def test_a_breach_put_on_somebody_else_is_found(everything, now):
    late = Clock.objects.filter(state="fulfilled", promise="guaranteed", breached_at__isnull=False).first()
    Clock.objects.filter(pk=late.pk).update(owner_at_due=StaffFactory())
    assert verify_report(NOVEMBER, now=now + timedelta(days=1)).differing == 2


def test_the_command_says_so_by_its_exit(everything, now, capsys):
    with time_machine.travel(now + timedelta(days=1), tick=False):
        call_command("verify_report", "--from", "2026-11-01", "--time-zone", "Europe/Berlin")
        assert json.loads(capsys.readouterr().out)["differing"] == 0
        Clock.objects.filter(state="ended").update(state="cancelled")
        with pytest.raises(SystemExit) as exit_:
            call_command("verify_report", "--from", "2026-11-01", "--time-zone", "Europe/Berlin")
    assert exit_.value.code == 1
    assert json.loads(capsys.readouterr().out)["differing"] > 0


def test_the_command_refuses_what_makes_no_sense():
    with pytest.raises(CommandError):
        call_command("verify_report", "--time-zone", "Mars/Olympus")
    with pytest.raises(CommandError):
        call_command("verify_report", "--from", "2026-11-02", "--to", "2026-11-01")
