"""The admin's pages: importing them registers them."""

from helpdesk.workspace import escalations, exceptions, operations, people, policies, ticket

__all__ = ["escalations", "exceptions", "operations", "people", "policies", "ticket"]
