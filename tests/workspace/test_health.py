"""What a load balancer and a monitor are told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.escalation.sweep import sweep
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db


def test_alive_needs_nothing(client):
    assert client.get("/healthz").status_code == 200


def test_ready_only_while_the_sweep_runs(client):
    assert client.get("/readyz").json() == {"database": "ok", "broker": "ok", "sweep": "never ran"}
    sweep(now=timezone.now())
    assert client.get("/readyz").status_code == 200
    sweep(now=timezone.now() - timedelta(minutes=2))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["sweep"].startswith("last ran 12")


def test_metrics_show_what_waits_and_ask_for_the_token(client, settings):
    make_ticket(now=timezone.now() - timedelta(hours=2))
    settings.METRICS_TOKEN = "t0ken"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    lines = client.get("/metrics", headers={"Authorization": "Bearer t0ken"}).content.decode().splitlines()
    assert "helpdesk_clocks_due_unswept 1" in lines
    assert "helpdesk_outbox_waiting 1" in lines
