"""Jobs for Celery: each calls one service, and may be lost or run twice without harm."""

from celery import shared_task
from django.utils import timezone

from helpdesk.escalation.lateness import note_delivered
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.services import deliver
from helpdesk.reports import schedules, statements
from helpdesk.sla.verification import verify
from helpdesk.tickets.services import clear_abandoned_files, leave_drafts, rollouts


@shared_task
def sweep_clocks() -> None:
    """Fire the escalation steps whose time has come."""
    sweep(now=timezone.now())


@shared_task
def say_what_was_sent() -> None:
    """Let replies leave that can't be taken back any more."""
    leave_drafts(now=timezone.now())


@shared_task
def clear_files() -> None:
    """Throw away files that nobody sent."""
    clear_abandoned_files(now=timezone.now())


@shared_task
def deliver_mail() -> None:
    """Send what waits in the outbox."""
    while deliver(now=timezone.now())["sent"]:
        pass
    note_delivered()


@shared_task
def roll_out() -> None:
    """Let new rules take over for open tickets, where somebody asked for it."""
    rollouts.advance_rollouts(now=timezone.now())


@shared_task(time_limit=3600)  # minutes for millions of clocks
def verify_clocks() -> None:
    """Compare every clock's columns with the fold of its events."""
    verify(now=timezone.now())


@shared_task(time_limit=1800)
def issue_statements() -> None:
    """Sign the SLA statements of months that are over, and revise those that later events changed."""
    statements.issue_due(now=timezone.now())


@shared_task
def send_reports() -> None:
    """Mail the scheduled reports that are due."""
    schedules.send_due(now=timezone.now())
