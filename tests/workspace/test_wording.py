"""What happened to a ticket and its clocks, in words."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.utils import translation

from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.tickets.models import TicketEvent
from helpdesk.workspace.wording import clock_line, ticket_line

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
CODES = {"declared-incident": "Declared incident"}
EXCEPTION = {"code": "declared-incident", "effect": "pause", "text": "Status page."}


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("raised", {"claim": "confirmed", "reason": "Everybody is out."}, "Raised to critical: Everybody is out."),
        ("raised", {"claim": "claimed", "reason": "asked by the customer"}, "Critical asked for by the customer"),
        ("merged", {"into": 12, "reason": "Same"}, "Merged into PS-12: Same"),
        ("absorbed", {"ticket": 11, "reason": ""}, "Took in PS-11"),
        ("spam", {"reason": "Lottery"}, "Marked as spam: Lottery"),
        ("not_spam", {}, "Not spam after all: what was promised counts on"),
        (
            "called",
            {"connected": True, "note": "Will send logs"},
            "Called, and spoke with the customer: Will send logs",
        ),
        ("called", {"connected": False, "note": ""}, "Called, without success"),
        ("joined", {}, "Joined the chat"),
        ("priority", {"before": 0, "after": 1}, "Priority: Normal → High"),
        ("priority", {"before": 1, "after": 2, "percent": 75}, "Priority: High → Urgent (escalation step at 75 %)"),
        ("rules", {"rollout": 1, "deadlines": 1, "reason": "Holiday"}, "New rules, 1 deadline moved: Holiday"),
        ("rules", {"rollout": 1, "deadlines": 2, "reason": ""}, "New rules, 2 deadlines moved"),
        (
            "exception_asked",
            EXCEPTION,
            "Exception requested: Declared incident, a stretch does not count. Status page.",
        ),
        (
            "exception_granted",
            EXCEPTION | {"effect": "void", "text": ""},
            "Exception approved: Declared incident, the target does not count",
        ),
        (
            "exception_refused",
            EXCEPTION | {"effect": "restart", "text": "No."},
            "Exception refused: Declared incident, counted from when the information arrived. No.",
        ),
        (
            "exception_withdrawn",
            {"code": "gone", "effect": "retarget", "text": ""},
            "Exception withdrawn: gone, another target",
        ),
    ],
)
def test_events_of_a_ticket(kind, data, text):
    line = ticket_line(TicketEvent(kind=kind, at=NOW, data=data), CODES)
    assert (line.text, line.short) == (text, text.partition(":")[0])


def test_every_kind_has_words_in_both_languages():
    for kind in TicketEvent.Kind.values:
        for language in ("en", "ja"):
            with translation.override(language):
                assert ticket_line(TicketEvent(kind=kind, at=NOW, data={}), CODES).text


DUE = {"due_at": "2026-11-24T13:05:00+00:00", "reason": "declared-incident"}


@pytest.mark.parametrize(
    ("kind", "data", "text", "short"),
    [
        ("exempt", {"reason": "declared-incident"}, "First response void: Declared incident", "Exception approved"),
        (
            "exempt",
            DUE | {"effect": "void"},
            "First response void: Declared incident",
            "Exception approved",
        ),
        (
            "exempt",
            DUE | {"effect": "pause", "from": "2026-11-24T12:00:00+00:00", "until": "2026-11-24T12:04:00+00:00"},
            "First response: 12:00:00 to 12:04:00 does not count, due 13:05:00 (Declared incident)",
            "Exception approved",
        ),
        (
            "exempt",
            DUE | {"effect": "restart", "since": "2026-11-23T12:00:00+00:00"},
            "First response counts from Mon 12:00, due 13:05:00 (Declared incident)",
            "Exception approved",
        ),
        (
            "exempt",
            DUE | {"effect": "retarget", "seconds": 7200},
            "First response has a new target: 2 hours, due 13:05:00 (Declared incident)",
            "Exception approved",
        ),
        (
            "retarget",
            DUE | {"seconds": 3600, "reason": "claim declined"},
            "First response has a new target: 1 hour, due 13:05:00 (Business critical declined)",
            "Target changed",
        ),
        ("cancel", {"reason": "merged into PS-12"}, "First response ended: merged into PS-12", "Cancelled"),
    ],
)
def test_events_of_a_clock(kind, data, text, short):
    clock = Clock(metric="first_response", promise="guaranteed")
    line = clock_line(ClockEvent(clock=clock, kind=kind, at=NOW, data=data), CODES)
    assert (line.text, line.short) == (text, f"First response: {short}")
