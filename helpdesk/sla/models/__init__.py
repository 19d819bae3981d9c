"""Calendars, policies and clocks as they are stored, a file a subject."""

from helpdesk.sla.models.clock import (
    APART,
    EVENT_KINDS,
    METRICS,
    PROMISES,
    STATES,
    BreachCause,
    Clock,
    ClockEvent,
    ClockQuerySet,
    written_basis,
    written_intervals,
)
from helpdesk.sla.models.exceptions import EFFECTS, ClockException, ExceptionCode
from helpdesk.sla.models.rollout import Rollout
from helpdesk.sla.models.rules import (
    Calendar,
    CalendarVersion,
    Policy,
    PolicyVersion,
    validate_calendar,
    validate_terms,
)

__all__ = [
    "APART",
    "BreachCause",
    "Calendar",
    "CalendarVersion",
    "Clock",
    "ClockEvent",
    "ClockException",
    "ClockQuerySet",
    "EFFECTS",
    "EVENT_KINDS",
    "ExceptionCode",
    "METRICS",
    "PROMISES",
    "Policy",
    "PolicyVersion",
    "Rollout",
    "STATES",
    "validate_calendar",
    "validate_terms",
    "written_basis",
    "written_intervals",
]
