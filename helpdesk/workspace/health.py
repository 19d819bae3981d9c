"""Is the service alive, is it ready, and how is it doing: for load balancers and monitors."""

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.escalation.lateness import lateness, undelivered
from helpdesk.escalation.sweep import HEARTBEAT
from helpdesk.escalation.watchdog import HEARTBEAT as WATCHDOG
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, OutboxMail
from helpdesk.sla.models import Clock

log = logging.getLogger(__name__)
SWEEP_LATE = timedelta(seconds=30)


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Database, broker, and a sweep that isn't late; 503 names what is missing."""
    checks = {"database": _database(), "broker": _broker()}
    checks["sweep"] = _sweep() if checks["database"] == "ok" else "unknown"
    healthy = all(state == "ok" for state in checks.values())
    return JsonResponse(checks, status=200 if healthy else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is "down", and the log has it
        log.exception("database out of reach")
        return "down"
    return "ok"


def _broker() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception:  # noqa: BLE001 - as above
        log.exception("broker out of reach")
        return "down"
    return "ok"


def _sweep() -> str:
    heartbeat = Heartbeat.objects.filter(name=HEARTBEAT).first()
    if heartbeat is None:
        return "never ran"
    age = timezone.now() - heartbeat.at
    return "ok" if age < SWEEP_LATE else f"last ran {age.total_seconds():.0f} s ago"


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for a monitor, in Prometheus' text format. Needs METRICS_TOKEN as a bearer token, except in the demo."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    if not settings.DEMO and not (settings.METRICS_TOKEN and constant_time_compare(given, expected)):
        raise Http404
    lines = [f"{name} {value}" for name, value in figures(now=timezone.now()).items()]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def figures(*, now: datetime) -> dict[str, float]:
    """How the service is doing. Reads partial indexes only: it costs what is open and the last hour's escalations.

    Lateness is from the instant at which a step was due, of the last hour: until a sweep noticed it,
    and until the last of its mails was taken by a server.
    """
    checks = Clock.objects.filter(next_check_at__isnull=False).aggregate(
        open=Count("pk"), due=Count("pk", filter=Q(next_check_at__lt=now)), oldest=Min("next_check_at")
    )
    mails = OutboxMail.objects.filter(state__in=Delivery.unfinished()).aggregate(
        waiting=Count("pk"), oldest=Min(Coalesce("held_until", "created_at"))
    )
    beats = dict(Heartbeat.objects.filter(name__in=(HEARTBEAT, WATCHDOG)).values_list("name", "at"))
    return {
        "helpdesk_clocks_watched": checks["open"],
        "helpdesk_clocks_due_unswept": checks["due"],
        "helpdesk_sweep_lateness_seconds": _age(checks["oldest"], now),
        "helpdesk_sweep_age_seconds": _age(beats.get(HEARTBEAT), now),
        "helpdesk_watchdog_age_seconds": _age(beats.get(WATCHDOG), now),
        "helpdesk_outbox_waiting": mails["waiting"],
        "helpdesk_outbox_oldest_seconds": _age(mails["oldest"], now),
        "helpdesk_outbox_dead": OutboxMail.objects.filter(state=Delivery.DEAD).count(),
        **{f"helpdesk_escalation_{name}_seconds": value for name, value in lateness(now=now).items()},
        "helpdesk_escalations_undelivered": undelivered(),
        "helpdesk_alarms_open": Alarm.objects.filter(until=None).count(),
    }


def _age(instant: datetime | None, now: datetime) -> float:
    return max(0.0, (now - instant).total_seconds()) if instant else 0.0
