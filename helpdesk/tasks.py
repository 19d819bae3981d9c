"""Jobs for Celery: each calls one service, and may be lost or run twice without harm."""

from celery import shared_task
from django.utils import timezone

from helpdesk.accounts.sealed import look
from helpdesk.channels.callback.dialling import place_calls
from helpdesk.channels.callback.services import mind_calls as mind
from helpdesk.escalation.lateness import note_delivered
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.services import deliver
from helpdesk.privacy.erasure import erase_due
from helpdesk.privacy.exports import clear_orphans as clear_orphaned_exports
from helpdesk.privacy.exports import make_exports as make_waiting_exports
from helpdesk.reports import schedules, statements
from helpdesk.reports.dryrun.services import advance_dry_runs, clear_dry_runs
from helpdesk.sla.verification import verify
from helpdesk.tickets.services import (
    clear_abandoned_files,
    clear_abandoned_forms,
    leave_drafts,
    rollouts,
    scan_held_files,
)
from helpdesk.tickets.services.stored_files import clear_orphans


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
    """Throw away forms and files that nobody sent, and files that lie in the storage without a row."""
    clear_abandoned_forms(now=timezone.now())
    clear_abandoned_files(now=timezone.now())
    clear_orphans(now=timezone.now())
    schedules.clear_orphans(now=timezone.now())


@shared_task
def scan_files() -> None:
    """Scan files that came in while the virus scanner was out of reach."""
    scan_held_files(now=timezone.now())


@shared_task
def deliver_mail() -> None:
    """Send what waits in the outbox."""
    while deliver(now=timezone.now())["sent"]:
        pass
    note_delivered()


@shared_task
def mind_calls() -> None:
    """What time alone brings to calls that customers asked for; dial what waits for the provider."""
    mind(now=timezone.now())
    place_calls(now=timezone.now())


@shared_task
def dial_calls() -> None:
    """Dial what waits for the provider."""
    place_calls(now=timezone.now())


@shared_task
def roll_out() -> None:
    """Let new rules take over for open tickets, where somebody asked for it."""
    rollouts.advance_rollouts(now=timezone.now())


@shared_task
def run_dry_runs() -> None:
    """Replay drafts over past tickets, where somebody asked for it."""
    advance_dry_runs(now=timezone.now())


@shared_task
def clear_old_dry_runs() -> None:
    """Throw away dry runs of more than three months ago."""
    clear_dry_runs(now=timezone.now())


@shared_task(time_limit=3600)  # minutes for millions of clocks
def verify_clocks() -> None:
    """Compare every clock's columns with the fold of its events."""
    verify(now=timezone.now())


@shared_task
def look_at_secrets() -> None:
    """Count the secrets whose key is lost, for the watchdog."""
    look(now=timezone.now())


@shared_task(time_limit=3600)  # gigabytes of files
def make_exports() -> None:
    """Make the copies of their data that people asked for, throw away those that have run out or have no row."""
    make_waiting_exports(now=timezone.now())
    clear_orphaned_exports(now=timezone.now())


@shared_task
def erase_people() -> None:
    """Erase the data of those whose time to think better of it is over."""
    erase_due(now=timezone.now())


@shared_task(time_limit=1800)
def issue_statements() -> None:
    """Sign the SLA statements of months that are over, and revise those that later events changed."""
    statements.issue_due(now=timezone.now())


@shared_task
def send_reports() -> None:
    """Mail the scheduled reports that are due."""
    schedules.send_due(now=timezone.now())
