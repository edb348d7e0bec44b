"""Resources, agents and apps as they stand inside a build."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.workspaces.types import AgentLifecycle, AgentStatus, AppHealth, AppOpenIn, SharingLevel, Transition


class WorkspaceAppHealthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """How an app's health is asked for: seconds between tries, failed tries until it counts as unhealthy."""

    url: str
    interval: int
    threshold: int


class WorkspaceAppStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a task that runs behind an app last said about itself."""

    id: UUID
    created_at: datetime
    workspace_id: UUID
    agent_id: UUID
    app_id: UUID
    state: str
    message: str
    uri: str
    needs_user_attention: bool = False
    icon: str = ""


class WorkspaceApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app of an agent. `subdomain_name` is the label under the wildcard host, None for path apps."""

    id: UUID
    url: str | None
    external: bool
    slug: str
    display_name: str
    command: str | None
    icon: str | None
    subdomain: bool
    subdomain_name: str | None
    sharing_level: SharingLevel
    healthcheck: WorkspaceAppHealthcheck | None
    health: AppHealth
    group: str | None
    hidden: bool
    open_in: AppOpenIn
    statuses: list[WorkspaceAppStatus]
    tooltip: str | None


class WorkspaceAgentLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Round trip to one region, in milliseconds."""

    preferred: bool
    latency_ms: float


class WorkspaceAgentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the agent does what it should, and if not, why."""

    healthy: bool
    reason: str = ""


class WorkspaceAgentLogSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where lines of an agent's log come from."""

    workspace_agent_id: UUID
    id: UUID
    created_at: datetime
    display_name: str
    icon: str


class WorkspaceAgentScript(msgspec.Struct, frozen=True, kw_only=True):
    """A script of an agent; `timeout` in seconds, 0 is none."""

    id: UUID
    log_source_id: UUID
    log_path: str
    script: str
    cron: str
    run_on_start: bool
    run_on_stop: bool
    start_blocks_login: bool
    timeout: int
    display_name: str


class WorkspaceAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent with the status that its columns and the clock give."""

    id: UUID
    parent_id: UUID | None
    created_at: datetime
    updated_at: datetime
    first_connected_at: datetime | None
    last_connected_at: datetime | None
    disconnected_at: datetime | None
    started_at: datetime | None
    ready_at: datetime | None
    status: AgentStatus
    lifecycle_state: AgentLifecycle
    name: str
    resource_id: UUID
    instance_id: str | None
    architecture: str
    environment_variables: dict[str, str]
    operating_system: str
    logs_length: int
    logs_overflowed: bool
    directory: str
    expanded_directory: str
    version: str
    api_version: str
    apps: list[WorkspaceApp]
    latency: dict[str, WorkspaceAgentLatency]
    connection_timeout_seconds: int
    troubleshooting_url: str
    subsystems: list[str]
    health: WorkspaceAgentHealth
    display_apps: list[str]
    log_sources: list[WorkspaceAgentLogSource]
    scripts: list[WorkspaceAgentScript]
    startup_script_behavior: str


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about a resource; the value of a sensitive one is kept back by clients until asked for."""

    key: str
    value: str
    sensitive: bool


class WorkspaceResource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource of a build, an import or a dry run."""

    id: UUID
    created_at: datetime
    job_id: UUID
    workspace_transition: Transition
    type: str
    name: str
    hide: bool
    icon: str
    agents: list[WorkspaceAgent]
    metadata: list[ResourceMetadata]
    daily_cost: int
