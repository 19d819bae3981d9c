from django.contrib.admin.apps import AdminConfig


class WorkspaceConfig(AdminConfig):
    """Django's admin with this project's site."""

    default_site = "helpdesk.workspace.site.WorkspaceSite"
