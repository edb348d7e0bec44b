"""Names, rows and events of workspaces. Rows carry the columns of their table under the columns' names."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.database.events import DomainEvent

Transition = Literal["start", "stop", "delete"]
AutomaticUpdates = Literal["always", "never"]
WorkspaceStatus = Literal[
    "pending", "starting", "running", "stopping", "stopped", "failed", "canceling", "canceled", "deleting", "deleted"
]
BuildReason = Literal[
    "initiator",
    "autostart",
    "autostop",
    "dormancy",
    "failedstop",
    "autodelete",
    "dashboard",
    "cli",
    "ssh_connection",
    "vscode_connection",
    "jetbrains_connection",
]
AgentStatus = Literal["connecting", "connected", "disconnected", "timeout"]
AgentLifecycle = Literal[
    "created",
    "starting",
    "start_timeout",
    "start_error",
    "ready",
    "shutting_down",
    "shutdown_timeout",
    "shutdown_error",
    "off",
]
SharingLevel = Literal["owner", "authenticated", "organization", "public"]
AppHealth = Literal["disabled", "initializing", "healthy", "unhealthy"]
AppOpenIn = Literal["slim-window", "tab"]
UsageApp = Literal["vscode", "jetbrains", "reconnecting-pty", "ssh"]

# Listeners of this channel use a workspace's id as key.
CHANGED_CHANNEL = "workspace_changed"


class WorkspaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspaces`. `ttl` is in nanoseconds; None means that the workspace never stops by itself."""

    id: UUID
    owner_id: UUID
    organization_id: UUID
    template_id: UUID
    name: str
    autostart_schedule: str | None
    ttl: int | None
    last_used_at: datetime
    dormant_at: datetime | None
    deleting_at: datetime | None
    automatic_updates: AutomaticUpdates
    favorite: bool
    next_start_at: datetime | None
    deleted: bool
    created_at: datetime
    updated_at: datetime


class BuildRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_builds`; the sealed state is read by its own query."""

    id: UUID
    workspace_id: UUID
    template_version_id: UUID
    build_number: int
    transition: Transition
    initiator_id: UUID
    job_id: UUID
    deadline: datetime | None
    max_deadline: datetime | None
    reason: BuildReason
    daily_cost: int
    template_version_preset_id: UUID | None
    created_at: datetime
    updated_at: datetime


class LatestBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What the next build needs to know of the last one."""

    id: UUID
    build_number: int
    transition: Transition
    template_version_id: UUID
    job_id: UUID
    job_status: str
    deadline: datetime | None
    max_deadline: datetime | None
    completed_at: datetime | None


class WorkspaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with the names that whoever reads it may see, and what its template says about it."""

    id: UUID
    owner_id: UUID
    organization_id: UUID
    template_id: UUID
    name: str
    autostart_schedule: str | None
    ttl: int | None
    last_used_at: datetime
    dormant_at: datetime | None
    deleting_at: datetime | None
    automatic_updates: AutomaticUpdates
    favorite: bool
    next_start_at: datetime | None
    deleted: bool
    created_at: datetime
    updated_at: datetime
    owner_username: str
    owner_avatar_url: str
    organization_name: str
    template_name: str
    template_display_name: str
    template_icon: str
    template_active_version_id: UUID
    template_allow_user_cancel_workspace_jobs: bool
    template_require_active_version: bool
    template_use_classic_parameter_flow: bool
    latest_build_id: UUID | None


class BuildView(msgspec.Struct, frozen=True, kw_only=True):
    """A build with the names of what it belongs to and the status of its job."""

    id: UUID
    workspace_id: UUID
    template_version_id: UUID
    build_number: int
    transition: Transition
    initiator_id: UUID
    job_id: UUID
    deadline: datetime | None
    max_deadline: datetime | None
    reason: BuildReason
    daily_cost: int
    template_version_preset_id: UUID | None
    created_at: datetime
    updated_at: datetime
    job_status: str
    workspace_name: str
    workspace_owner_id: UUID
    workspace_owner_name: str
    workspace_owner_avatar_url: str
    template_version_name: str
    has_ai_task: bool
    has_external_agent: bool
    initiator_name: str


class ResourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_resources`: what a build, an import or a dry run says there is."""

    id: UUID
    job_id: UUID
    transition: Transition
    type: str
    name: str
    hide: bool
    icon: str
    instance_type: str
    module_path: str
    daily_cost: int
    created_at: datetime


class ResourceMetadataRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_resource_metadata`."""

    workspace_resource_id: UUID
    key: str
    value: str | None
    sensitive: bool


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agents` without its token, and the names of its workspace and owner (None: of no build)."""

    id: UUID
    parent_id: UUID | None
    resource_id: UUID
    name: str
    auth_instance_id: str | None
    architecture: str
    operating_system: str
    environment_variables: dict[str, str]
    directory: str
    expanded_directory: str
    version: str
    api_version: str
    connection_timeout_seconds: int
    troubleshooting_url: str
    motd_file: str
    display_apps: list[str]
    subsystems: list[str]
    api_key_scope: str
    display_order: int
    lifecycle_state: AgentLifecycle
    logs_length: int
    logs_overflowed: bool
    first_connected_at: datetime | None
    last_connected_at: datetime | None
    disconnected_at: datetime | None
    disconnect_reason: str
    started_at: datetime | None
    ready_at: datetime | None
    created_at: datetime
    updated_at: datetime
    workspace_name: str | None
    owner_username: str | None


class ScriptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agent_scripts`."""

    id: UUID
    workspace_agent_id: UUID
    log_source_id: UUID
    display_name: str
    icon: str
    log_path: str
    script: str
    cron: str
    run_on_start: bool
    run_on_stop: bool
    start_blocks_login: bool
    timeout_seconds: int
    created_at: datetime


class LogSourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agent_log_sources`."""

    id: UUID
    workspace_agent_id: UUID
    display_name: str
    icon: str
    created_at: datetime


class DevcontainerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agent_devcontainers`."""

    id: UUID
    name: str
    workspace_folder: str
    config_path: str


class AppRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_apps`. Health check interval in seconds, threshold in failed tries."""

    id: UUID
    agent_id: UUID
    slug: str
    display_name: str
    icon: str
    command: str
    url: str
    external: bool
    subdomain: bool
    sharing_level: SharingLevel
    open_in: AppOpenIn
    display_group: str
    display_order: int
    hidden: bool
    tooltip: str
    healthcheck_url: str
    healthcheck_interval: int
    healthcheck_threshold: int
    health: AppHealth
    created_at: datetime


class AppStatusRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_app_statuses`: what a task in the workspace says about itself."""

    id: UUID
    workspace_id: UUID
    agent_id: UUID
    app_id: UUID
    state: str
    message: str
    uri: str
    created_at: datetime


class BuildJobInput(msgspec.Struct, frozen=True, kw_only=True):
    """What a `workspace_build` job says it is about (`provisioner_jobs.input`)."""

    workspace_build_id: UUID
    log_level: str = ""


class BuildEnded(DomainEvent, frozen=True, kw_only=True):
    """workspace.build_ended: the latest build is over, well or not.

    `status` is the workspace's now. After `deleted` the name is free and every agent of the workspace is gone.
    """

    workspace_id: UUID
    build_id: UUID
    transition: Transition
    status: WorkspaceStatus
