"""The admin's pages: importing them registers them."""

from helpdesk.workspace import calendars, duty, escalations, exceptions, operations, people, policies, rollouts, ticket

__all__ = ["calendars", "duty", "escalations", "exceptions", "operations", "people", "policies", "rollouts", "ticket"]
