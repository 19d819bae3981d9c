"""The admin's pages: importing them registers them."""

from helpdesk.workspace import (
    articles,
    calendars,
    custom_fields,
    duty,
    escalations,
    exceptions,
    operations,
    people,
    policies,
    rollouts,
    ticket,
)

__all__ = [
    "articles",
    "calendars",
    "custom_fields",
    "duty",
    "escalations",
    "exceptions",
    "operations",
    "people",
    "policies",
    "rollouts",
    "ticket",
]
