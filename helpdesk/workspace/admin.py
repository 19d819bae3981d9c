"""The admin's pages: importing them registers them."""

from helpdesk.workspace import (
    calendars,
    canned,
    duty,
    escalations,
    exceptions,
    macros,
    operations,
    people,
    policies,
    rollouts,
    ticket,
)

__all__ = [
    "calendars",
    "canned",
    "duty",
    "escalations",
    "exceptions",
    "macros",
    "operations",
    "people",
    "policies",
    "rollouts",
    "ticket",
]
