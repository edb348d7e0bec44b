"""Workspaces and the requests about them. Durations on the wire are milliseconds (`ttl_ms`)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from homeport.workspaces.schemas.agents import WorkspaceAppStatus
from homeport.workspaces.schemas.builds import WorkspaceBuild, WorkspaceBuildParameter
from homeport.workspaces.types import AutomaticUpdates, UsageApp


class WorkspaceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Healthy unless an agent of the latest build fails."""

    healthy: bool
    failing_agents: list[UUID]


class SharedWorkspaceActor(msgspec.Struct, frozen=True, kw_only=True):
    """A user or group with which a workspace is shared."""

    id: UUID
    actor_type: Literal["group", "user"]
    name: str
    avatar_url: str
    roles: list[str]


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with its latest build."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    owner_id: UUID
    owner_name: str
    owner_avatar_url: str
    organization_id: UUID
    organization_name: str
    template_id: UUID
    template_name: str
    template_display_name: str
    template_icon: str
    template_allow_user_cancel_workspace_jobs: bool
    template_active_version_id: UUID
    template_require_active_version: bool
    template_use_classic_parameter_flow: bool
    latest_build: WorkspaceBuild
    latest_app_status: WorkspaceAppStatus | None
    outdated: bool
    name: str
    autostart_schedule: str | None
    ttl_ms: int | None
    last_used_at: datetime
    deleting_at: datetime | None
    dormant_at: datetime | None
    health: WorkspaceHealth
    automatic_updates: AutomaticUpdates
    allow_renames: bool
    favorite: bool
    next_start_at: datetime | None
    is_prebuild: bool
    task_id: UUID | None = None
    shared_with: list[SharedWorkspaceActor] = []


class WorkspacesResponse(msgspec.Struct, frozen=True):
    """A page of workspaces and how many there are in all (see README: the count stops at a limit)."""

    workspaces: list[Workspace]
    count: int


class CreateWorkspaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for a workspace from the active version of a template, or from one version."""

    name: str
    template_id: UUID | None = None
    template_version_id: UUID | None = None
    autostart_schedule: str | None = None
    ttl_ms: int | None = None
    rich_parameter_values: list[WorkspaceBuildParameter] = []
    automatic_updates: Literal["", "always", "never"] = ""
    template_version_preset_id: UUID | None = None


class UpdateWorkspaceRequest(msgspec.Struct, frozen=True):
    """A new name; empty leaves it."""

    name: str = ""


class UpdateWorkspaceAutostartRequest(msgspec.Struct, frozen=True):
    """A cron schedule; None or empty switches autostart off."""

    schedule: str | None = None


class UpdateWorkspaceTTLRequest(msgspec.Struct, frozen=True):
    """Milliseconds from start to stop; None or 0 means never."""

    ttl_ms: int | None = None


class UpdateWorkspaceAutomaticUpdatesRequest(msgspec.Struct, frozen=True):
    """Whether each start takes the template's active version."""

    automatic_updates: AutomaticUpdates


class UpdateWorkspaceDormancy(msgspec.Struct, frozen=True):
    """Lays a workspace to rest or wakes it."""

    dormant: bool


class PutExtendWorkspaceRequest(msgspec.Struct, frozen=True):
    """The moment at which the workspace shall stop."""

    deadline: datetime


class PostWorkspaceUsageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Says that somebody uses the workspace now, and by which app."""

    agent_id: UUID | None = None
    app_name: UsageApp | Literal[""] = ""


class ResolveAutostartResponse(msgspec.Struct, frozen=True):
    """Whether the next autostart would need parameter values that nobody has given."""

    parameter_mismatch: bool


class WorkspaceQuota(msgspec.Struct, frozen=True):
    """Credits spent a day by a user's workspaces of an organization; a budget of -1 is unlimited."""

    credits_consumed: int
    budget: int


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One message of a stream of updates."""

    type: Literal["ping", "data", "error"]
    data: Any = None
