"""Index of the admin, for Django's autodiscovery; the pages live in `workspace`."""

from helpdesk.workspace import admin as workspace_admin  # noqa: F401
