"""The clocks and the escalations of a story, before they are rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import written_basis, written_intervals
from helpdesk.sla.terms import TargetTerms, Terms


@dataclass(slots=True)
class Ticking:
    """A clock of the story: its folded state, and what the row holds besides."""

    id: int
    terms: TargetTerms
    cycle: int
    version_id: int
    policy: Terms
    calendar_version_id: int | None
    hours: BusinessCalendar
    state: pure.Clock
    events: int = 0
    next_check_at: datetime | None = None
    acknowledged_version: int = 0
    cause: str = ""
    cause_note: str = ""

    @property
    def metric(self) -> Metric:
        return self.terms.metric

    @property
    def repeats(self) -> bool:
        return self.acknowledged_version != self.state.version

    def row(self, ticket_id: int) -> tuple[Any, ...]:
        """The values of the clock's row, in the order of `rows`."""
        state = self.state
        return (
            self.id, ticket_id, self.metric, self.cycle, self.terms.promise, self.version_id,
            self.calendar_version_id, state.target.seconds, state.target.business_days, state.started_at,
            state.counted_from, state.due_at, state.state, state.version, written_intervals(state.pauses),
            state.paused_at, state.questioned_pauses, state.breached_at, written_intervals(state.exempted),
            written_basis(state.gross_basis), state.gross_due_at, state.gross_breached_at, state.ended_at,
            state.owner_at_due, state.answered_by, self.events, self.next_check_at,
            self.acknowledged_version, self.cause, self.cause_note,
        )  # fmt: skip


@dataclass(slots=True)
class Fired:
    """An escalation of the story."""

    clock: Ticking
    version: int
    percent: int
    reminder: int
    state: str
    due_at: datetime
    detected_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: int | None = None
