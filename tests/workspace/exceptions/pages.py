"""The pages of exceptions: who comes in, the form, the verdict."""

import html
import re
from datetime import UTC, datetime, timedelta

from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.factories import (
    StaffFactory,
    add_to_team,
)

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)  # 13:05 in Berlin
MINUTE = timedelta(minutes=1)
LIST = "/admin/helpdesk/clockexception/"


def enter(role: str = StaffRole.SPECIALIST, **values) -> tuple[Client, object]:
    person, client = StaffFactory(staff_role=role, time_zone="Europe/Berlin", **values), Client()
    client.force_login(person)
    return client, person


def lead_of(ticket) -> tuple[Client, object]:
    client, person = enter(StaffRole.TEAM_LEAD)
    add_to_team(ticket.team, person, lead=True)
    return client, person


def form_of(clock: Clock) -> str:
    return f"/admin/helpdesk/ticket/{clock.ticket_id}/exception/?clock={clock.pk}"


def page_of(clock: Clock) -> str:
    return f"/admin/helpdesk/ticket/{clock.ticket_id}/change/"


PAUSE = {
    "code": "third-party",
    "effect": "pause",
    "out_from": "2026-11-24T13:10:00",
    "out_until": "2026-11-24T13:20:00",
    "evidence": "Their case 88-2041.",
    "act": "send",
}


def ask(clock: Clock, *, actor=None, wish: Wish | None = None, minutes: int = 0) -> ClockException:
    return services.request_exception(
        clock=clock,
        code=ExceptionCode.objects.get(code="third-party"),
        wish=wish or Wish(effect=Effect.VOID),
        evidence="Their case 88-2041.",
        actor=actor or StaffFactory(full_name="Karl Tanner"),
        now=NOW + minutes * MINUTE,
    )


def text_of(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def decide(client: Client, exception: ClockException, verdict: str, *, note: str = "", **values):
    return client.post(f"{LIST}{exception.pk}/decide/", {"verdict": verdict, "note": note, **values})
