"""What agents and the server say to each other: JSON over HTTP under `/api/v2/workspaceagents/me`, token in `Coder-Session-Token`.

Durations of scripts and metadata are seconds unless a name says otherwise. Unknown fields are ignored, so either side may be newer.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Lifecycle = Literal[
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
LogLevel = Literal["trace", "debug", "info", "warn", "error"]
ScriptStage = Literal["start", "stop", "cron"]
ScriptStatus = Literal["ok", "exit_failure", "timed_out", "pipes_left_open"]
AppHealth = Literal["disabled", "initializing", "healthy", "unhealthy"]


class ManifestScript(msgspec.Struct, kw_only=True):
    """A script of the template; `timeout` 0 means none."""

    id: UUID
    log_source_id: UUID
    display_name: str = ""
    log_path: str = ""
    script: str
    cron: str = ""
    run_on_start: bool = False
    run_on_stop: bool = False
    start_blocks_login: bool = False
    timeout: int = 0


class ManifestHealthcheck(msgspec.Struct, kw_only=True, frozen=True):
    """How to ask an app for its health: seconds between requests, failures until it counts as unhealthy."""

    url: str = ""
    interval: int = 0
    threshold: int = 0


class ManifestApp(msgspec.Struct, kw_only=True):
    """An app of this agent, as far as the agent needs it."""

    id: UUID
    slug: str
    url: str = ""
    health: AppHealth = "disabled"
    healthcheck: ManifestHealthcheck = ManifestHealthcheck()


class ManifestMetadata(msgspec.Struct, kw_only=True):
    """A value to collect: run `script` every `interval` seconds (0: once), at most `timeout` seconds."""

    key: str
    display_name: str = ""
    script: str
    interval: int = 0
    timeout: int = 0


class ManifestSSH(msgspec.Struct, kw_only=True):
    """The one public key that may log in on the tunnel, in OpenSSH form."""

    client_public_key: str


class ManifestDevcontainer(msgspec.Struct, kw_only=True):
    """A dev container to start; without a path of its own the configuration is looked for in the folder."""

    id: UUID
    name: str
    workspace_folder: str
    config_path: str = ""


class ManifestMonitor(msgspec.Struct, kw_only=True):
    """At how many percent the owner is to hear that something fills up. `path` is a volume's; memory has none."""

    enabled: bool = True
    threshold: int = 80
    path: str = ""


class ManifestMonitoring(msgspec.Struct, kw_only=True):
    """What to watch of the machine."""

    memory: ManifestMonitor | None = None
    volumes: list[ManifestMonitor] = []


class AgentManifest(msgspec.Struct, kw_only=True):
    """Everything an agent needs to know to serve its workspace."""

    agent_id: UUID
    agent_name: str
    parent_id: UUID | None = None
    owner_username: str
    owner_email: str = ""
    owner_name: str = ""
    workspace_id: UUID
    workspace_name: str
    environment_variables: dict[str, str] = {}
    directory: str = ""
    motd_path: str = ""
    scripts: list[ManifestScript] = []
    apps: list[ManifestApp] = []
    metadata: list[ManifestMetadata] = []
    devcontainers: list[ManifestDevcontainer] = []
    resources_monitoring: ManifestMonitoring | None = None
    display_apps: list[str] = []
    access_url: str = ""
    ssh: ManifestSSH
    heartbeat_seconds: int = 15


class PostStartup(msgspec.Struct, kw_only=True):
    """What the agent is, sent once after the manifest; `version` is a semantic version with a leading v."""

    version: str
    expanded_directory: str
    subsystems: list[str] = []
    operating_system: str
    architecture: str
    ssh_host_key: str


class PostLifecycle(msgspec.Struct, kw_only=True):
    """A step in the agent's life."""

    state: Lifecycle
    changed_at: datetime | None = None


class LogLine(msgspec.Struct, kw_only=True):
    """One line of a log."""

    created_at: datetime
    output: str
    level: LogLevel = "info"


class PatchLogs(msgspec.Struct, kw_only=True):
    """Lines of one source; the nil source is the one called External."""

    log_source_id: UUID
    logs: list[LogLine]


class MetadataResult(msgspec.Struct, kw_only=True):
    """One collected value, or why it could not be collected."""

    key: str
    collected_at: datetime | None = None
    value: str = ""
    error: str = ""


class PostMetadata(msgspec.Struct, kw_only=True):
    """Collected values."""

    metadata: list[MetadataResult]


class Stats(msgspec.Struct, kw_only=True):
    """Traffic and sessions since the last report."""

    connection_count: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    session_count_vscode: int = 0
    session_count_jetbrains: int = 0
    session_count_reconnecting_pty: int = 0
    session_count_ssh: int = 0


class StatsAnswer(msgspec.Struct, kw_only=True):
    """Nanoseconds until the next report is wanted."""

    report_interval: int


class PostAppHealth(msgspec.Struct, kw_only=True):
    """Health by app id; only changes are written."""

    healths: dict[UUID, AppHealth]


class ScriptTiming(msgspec.Struct, kw_only=True):
    """How one run of a script went."""

    script_id: UUID
    started_at: datetime
    ended_at: datetime
    exit_code: int
    stage: ScriptStage
    status: ScriptStatus


class GitSSHKey(msgspec.Struct, kw_only=True):
    """The owner's key for git hosts, OpenSSH public and PEM private form."""

    public_key: str
    private_key: str


class ListeningPort(msgspec.Struct, kw_only=True):
    """A TCP port that a process of the workspace listens on."""

    process_name: str
    network: str
    port: int


class ListeningPorts(msgspec.Struct, kw_only=True):
    """Answer of the subsystem `LISTENING_PORTS_SUBSYSTEM`."""

    ports: list[ListeningPort]


INNER_SSH_HOST = "homeport-ssh"
"""The `direct-tcpip` target on the tunnel that is the workspace's own SSH server (port 22)."""
RECONNECT_VARIABLE = "HOMEPORT_RECONNECT_ID"
"""Set on a session with a pty: the terminal survives the session under this id."""
LISTENING_PORTS_SUBSYSTEM = "homeport-listening-ports"
"""A subsystem on the tunnel that answers `ListeningPorts` as JSON and ends."""
CLOSE_REPLACED = 4001
"""WebSocket close code: a newer agent took over."""
CLOSE_REFUSED = 4003
"""WebSocket close code: this agent may not connect now; the reason says why."""
