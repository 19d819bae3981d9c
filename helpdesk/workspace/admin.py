"""The admin's pages: importing them registers them."""

from helpdesk.workspace import calendars, escalations, operations, people, policies, ticket

__all__ = ["calendars", "escalations", "operations", "people", "policies", "ticket"]
