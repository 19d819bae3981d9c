"""The admin's pages: importing them registers them."""

from helpdesk.workspace import duty, escalations, operations, people, policies, ticket

__all__ = ["duty", "escalations", "operations", "people", "policies", "ticket"]
