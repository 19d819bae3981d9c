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
    manager_pages,
    operations,
    people,
    policies,
    providers,
    ratings,
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
    "manager_pages",
    "operations",
    "people",
    "policies",
    "providers",
    "ratings",
    "rollouts",
    "ticket",
]
