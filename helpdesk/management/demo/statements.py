"""What the demonstration has of statements and of reports by mail."""

from contextlib import suppress
from datetime import datetime, time, timedelta

from helpdesk.accounts.models import Account, StaffRole, User
from helpdesk.reports import schedules, statements
from helpdesk.reports.models import ReportSchedule
from helpdesk.reports.periods import month_start
from helpdesk.tickets.services import Refused

MONTHS = 2


def bring_statements(*, now: datetime) -> None:
    """The last months of the first company that has people to show them to, and a weekly report for managers."""
    account = Account.objects.filter(memberships__user__email__startswith="mina@").first()
    month = month_start(now.date(), -1)
    for _back in range(MONTHS if account else 0):
        with suppress(Refused):  # it ended minutes ago, or not yet, where the account is
            statements.issue(account=account, month=month, actor=None, now=now)
        month = month_start(month, -1)
    manager = User.objects.filter(staff_role=StaffRole.MANAGER, is_active=True).order_by("pk").first()
    if manager is None:
        return
    order = schedules.Order(
        name="Guarantees of the week",
        query={},
        every=ReportSchedule.Every.WEEK,
        weekday=0,
        at=time(7, 0),
        time_zone=manager.time_zone,
        file=ReportSchedule.File.XLSX,
        recipients=[manager],
    )
    made = schedules.save_schedule(order=order, actor=manager, now=now - timedelta(days=8))
    schedules.set_active(schedule=made, active=True, now=now)
