"""Use cases of workspaces, one module each. What rooms above use most is named here."""

from homeport.workspaces.service.activity import record_activity
from homeport.workspaces.service.authorization import (
    get_readable_workspace,
    may,
    may_start,
    require_on,
    workspace_object,
)
from homeport.workspaces.service.builds import BuildRequest, create_build, insert_build
from homeport.workspaces.service.changes import workspace_changed
from homeport.workspaces.service.creation import create_workspace
from homeport.workspaces.service.listing import list_workspaces
from homeport.workspaces.service.resources import agent_views, resource_views
from homeport.workspaces.service.views import build_view, workspace_view, workspace_views

__all__ = [
    "BuildRequest",
    "agent_views",
    "build_view",
    "create_build",
    "create_workspace",
    "get_readable_workspace",
    "insert_build",
    "list_workspaces",
    "may",
    "may_start",
    "record_activity",
    "require_on",
    "resource_views",
    "workspace_changed",
    "workspace_object",
    "workspace_view",
    "workspace_views",
]
