"""Jobs for Celery: each calls one service, and may be lost or run twice without harm."""

from celery import shared_task
from django.utils import timezone

from helpdesk.escalation.lateness import note_delivered
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.services import deliver
from helpdesk.sla.verification import verify
from helpdesk.tickets.services import clear_abandoned_files, leave_drafts, rollouts
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
    """Throw away files that nobody sent, and those that lie in the storage without a row."""
    clear_abandoned_files(now=timezone.now())
    clear_orphans(now=timezone.now())


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
