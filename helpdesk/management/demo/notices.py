"""What people heard within the last day, of escalations and exceptions: notices, and mails that have left."""

from datetime import datetime, timedelta

from django.db.models import F, Q

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.recipients import Directory
from helpdesk.escalation.telling import telling
from helpdesk.notifications.models import Delivery, Notice, OutboxMail
from helpdesk.notifications.services import tell
from helpdesk.sla.ladder import Rung
from helpdesk.sla.models import ClockException
from helpdesk.tickets import exception_news
from helpdesk.tickets.models import Status

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def bring_notices(*, now: datetime) -> None:
    """Tell of the escalations of tickets that are open still; what is older than an hour has been read."""
    directory = Directory.load(now=now)
    escalations = Escalation.objects.filter(
        state=Escalation.State.FIRED, ticket__status__in=Status.active(), detected_at__gte=now - DAY
    ).select_related(
        "clock__policy_version", "clock__ticket__account", "clock__ticket__hub", "clock__ticket__requester"
    )
    rows = list(escalations.order_by("detected_at"))
    for escalation in rows:
        clock = escalation.clock
        terms = clock.policy_version.terms
        step = next(step for step in terms.steps if step.percent == escalation.percent)
        if clock.breached_at and clock.breached_at > escalation.due_at:
            clock.breached_at = None  # nobody knew it then
        rung = Rung(terms.reminder_step if escalation.reminder else step, escalation.reminder, escalation.due_at)
        heard = escalation.detected_at
        hearing = directory.find(ticket=clock.ticket, recipients=rung.step.recipients)
        escalation.told, escalation.skipped = hearing.told, hearing.skipped
        tell([telling(clock, rung, directory=directory, hearing=hearing, now=heard)], now=heard)
    Escalation.objects.bulk_update(rows, ["told", "skipped"])
    _bring_exceptions(now=now)
    OutboxMail.objects.update(state=Delivery.SENT, sent_at=F("created_at") + timedelta(seconds=2), next_attempt_at=None)
    Notice.objects.filter(created_at__lt=now - HOUR).update(read_at=F("created_at") + timedelta(minutes=4))


def _bring_exceptions(*, now: datetime) -> None:
    """Who decides hears of what waits; who asked, of what was decided within the last day."""
    told = Q(state=ClockException.State.ASKED) | Q(decided_at__gte=now - DAY)
    related = ("code", "requested_by", "decided_by", "clock__ticket__account")
    for exception in ClockException.objects.filter(told).select_related(*related).order_by("id"):
        ticket = exception.clock.ticket
        tell([exception_news.asked(exception, ticket=ticket)], now=exception.requested_at)
        if exception.decided_at:
            heard = exception_news.decided(exception, ticket=ticket, clock=exception.clock)
            tell([heard], now=exception.decided_at)
