"""Wire shapes of agents: what they are told, what they report, and what people read about them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.agents.types import AppHealth, AppState, ScriptStage, ScriptStatus
from homeport.workspaces.schemas.agents import WorkspaceAgentScript
from homeport.workspaces.types import AgentLifecycle


class AgentManifestHealthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """How to ask an app for its health: seconds between requests, failures until it counts as unhealthy."""

    url: str
    interval: int
    threshold: int


class AgentManifestApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app of the agent."""

    id: UUID
    slug: str
    url: str
    health: AppHealth
    healthcheck: AgentManifestHealthcheck


class AgentManifestMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A value to collect: `script` every `interval` seconds (0: once), at most `timeout` seconds."""

    key: str
    display_name: str
    script: str
    interval: int
    timeout: int


class AgentManifestSSH(msgspec.Struct, frozen=True, kw_only=True):
    """The one public key that may log in on the tunnel, in OpenSSH form."""

    client_public_key: str


class AgentManifestDevcontainer(msgspec.Struct, frozen=True, kw_only=True):
    """A dev container that the agent starts by itself; without a path of its own the configuration is looked for in the folder."""

    id: UUID
    name: str
    workspace_folder: str
    config_path: str


class AgentManifestMonitor(msgspec.Struct, frozen=True, kw_only=True):
    """At how many percent the owner is to hear that something fills up. `path` is a volume's; memory has none."""

    enabled: bool
    threshold: int
    path: str = ""


class AgentManifestMonitoring(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent is to watch of its machine."""

    memory: AgentManifestMonitor | None = None
    volumes: list[AgentManifestMonitor] = []


class AgentManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an agent needs to know to serve its workspace."""

    agent_id: UUID
    agent_name: str
    parent_id: UUID | None
    owner_username: str
    owner_email: str
    owner_name: str
    workspace_id: UUID
    workspace_name: str
    environment_variables: dict[str, str]
    directory: str
    motd_path: str
    scripts: list[WorkspaceAgentScript]
    apps: list[AgentManifestApp]
    metadata: list[AgentManifestMetadata]
    devcontainers: list[AgentManifestDevcontainer]
    resources_monitoring: AgentManifestMonitoring | None
    display_apps: list[str]
    access_url: str
    ssh: AgentManifestSSH
    heartbeat_seconds: int


class PostStartupRequest(msgspec.Struct, kw_only=True):
    """What the agent is; `version` is a semantic version with a leading v."""

    version: str
    expanded_directory: str = ""
    subsystems: list[str] = []
    operating_system: str = ""
    architecture: str = ""
    ssh_host_key: str = ""


class PostLifecycleRequest(msgspec.Struct, kw_only=True):
    """A step in the agent's life; without a time, now."""

    state: AgentLifecycle
    changed_at: datetime | None = None


class AgentLogLine(msgspec.Struct, kw_only=True):
    """One line; a level that does not exist counts as info."""

    output: str
    created_at: datetime | None = None
    level: str = "info"


class PatchLogs(msgspec.Struct, kw_only=True):
    """Lines of one log source; the nil id is the source called External."""

    log_source_id: UUID = UUID(int=0)
    logs: list[AgentLogLine]


class PostLogSourceRequest(msgspec.Struct, kw_only=True):
    """A source that the agent makes up for its own lines."""

    id: UUID
    display_name: str
    icon: str = ""


class MetadataReport(msgspec.Struct, kw_only=True):
    """One collected value, or why there is none. The server notes the time."""

    key: str
    value: str = ""
    error: str = ""
    collected_at: datetime | None = None


class PostMetadataRequest(msgspec.Struct, kw_only=True):
    """Collected values."""

    metadata: list[MetadataReport]


class AgentStats(msgspec.Struct, kw_only=True):
    """Traffic and sessions since the last report."""

    connection_count: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    session_count_vscode: int = 0
    session_count_jetbrains: int = 0
    session_count_reconnecting_pty: int = 0
    session_count_ssh: int = 0


class AgentStatsResponse(msgspec.Struct, frozen=True):
    """Nanoseconds until the next report is wanted."""

    report_interval: int


class PostAppHealthRequest(msgspec.Struct, kw_only=True):
    """Health by app id."""

    healths: dict[UUID, AppHealth]


class PatchAppStatus(msgspec.Struct, kw_only=True):
    """What a task behind an app says about itself."""

    app_slug: str
    state: AppState
    message: str
    uri: str = ""
    icon: str = ""
    needs_user_attention: bool = False


class ScriptTimingRequest(msgspec.Struct, kw_only=True):
    """How one run of a script went."""

    script_id: UUID
    started_at: datetime
    ended_at: datetime
    exit_code: int
    stage: ScriptStage
    status: ScriptStatus


class AgentGitSSHKey(msgspec.Struct, frozen=True):
    """The owner's key for git hosts."""

    public_key: str
    private_key: str


class SubAgentAppHealthcheck(msgspec.Struct, kw_only=True):
    """How to ask a sub-agent's app for its health."""

    url: str = ""
    interval: int = 0
    threshold: int = 0


class SubAgentAppRequest(msgspec.Struct, kw_only=True):
    """An app of a sub-agent. `share` and `open_in` are names, or the numbers of the reference's protocol."""

    slug: str
    display_name: str = ""
    icon: str = ""
    command: str = ""
    url: str = ""
    external: bool = False
    group: str = ""
    hidden: bool = False
    order: int = 0
    subdomain: bool = False
    share: int | str = 0
    open_in: int | str = 0
    healthcheck: SubAgentAppHealthcheck | None = None


class CreateSubAgentRequest(msgspec.Struct, kw_only=True):
    """A sub-agent to make, or with `id` a declared one to take over. `display_apps` are names or numbers."""

    name: str = ""
    directory: str = ""
    architecture: str = ""
    operating_system: str = ""
    apps: list[SubAgentAppRequest] = []
    display_apps: list[int | str] = []
    id: str | None = None


class SubAgent(msgspec.Struct, frozen=True):
    """A sub-agent and its own token."""

    name: str
    id: UUID
    auth_token: str


class AppCreationError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the app at `index` of the request was left out."""

    index: int
    error: str
    field: str | None = None


class CreateSubAgentResponse(msgspec.Struct, frozen=True):
    """The sub-agent, and the apps that were not made."""

    agent: SubAgent
    app_creation_errors: list[AppCreationError]


class ListSubAgentsResponse(msgspec.Struct, frozen=True):
    """The caller's live sub-agents."""

    agents: list[SubAgent]


class WorkspaceAgentLog(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an agent's log."""

    id: int
    created_at: datetime
    output: str
    level: str
    source_id: UUID


class WorkspaceAgentListeningPort(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP port that a process of the workspace listens on."""

    process_name: str
    network: str
    port: int


class WorkspaceAgentListeningPortsResponse(msgspec.Struct, frozen=True):
    """The ports, in order."""

    ports: list[WorkspaceAgentListeningPort]


class WorkspaceAgentMetadataResult(msgspec.Struct, frozen=True, kw_only=True):
    """A collected value; `age` in seconds."""

    collected_at: datetime
    age: int
    value: str
    error: str


class WorkspaceAgentMetadataDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What is collected; `interval` and `timeout` in seconds."""

    display_name: str
    key: str
    script: str
    interval: int
    timeout: int


class WorkspaceAgentMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A value and its description."""

    result: WorkspaceAgentMetadataResult
    description: WorkspaceAgentMetadataDescription


class MetadataEvent(msgspec.Struct, frozen=True):
    """A `ServerSentEvent` of the metadata stream: all values at each change."""

    type: Literal["ping", "data", "error"]
    data: list[WorkspaceAgentMetadata] | None = None


class AgentConnectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How clients reach agents. There is no peer-to-peer network here: every stream goes through the server."""

    derp_map: dict[str, dict[str, str]] | None = None
    derp_force_websockets: bool = True
    disable_direct_connections: bool = True
    hostname_suffix: str = ""


class PtyInput(msgspec.Struct, kw_only=True):
    """What the browser sends on the terminal's WebSocket: keys, or a new window size."""

    data: str | None = None
    width: int | None = None
    height: int | None = None
