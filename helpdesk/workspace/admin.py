"""The admin's pages: importing them registers them."""

from helpdesk.workspace import escalations, operations, people, policies, rollouts, ticket

__all__ = ["escalations", "operations", "people", "policies", "rollouts", "ticket"]
