"""Is the service alive, is it ready, and how is it doing: for load balancers and monitors."""

import logging
from datetime import timedelta

from celery import current_app
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.escalation.sweep import HEARTBEAT
from helpdesk.notifications.models import Heartbeat

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
