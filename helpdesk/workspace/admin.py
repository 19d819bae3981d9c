"""The admin's pages: importing them registers them."""

from helpdesk.workspace import (
    articles,
    calendars,
    canned,
    custom_fields,
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
    "articles",
    "calendars",
    "canned",
    "custom_fields",
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
