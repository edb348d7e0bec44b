"""Rows and small values of agents. No I/O."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.kit.ids import NIL_ID
from homeport.workspaces.types import AgentLifecycle, AppHealth

LOGS_CHANNEL = "agent_logs"
TUNNEL_CHANNEL = "agent_tunnel"

EXTERNAL_LOG_SOURCE = NIL_ID
EXTERNAL_LOG_SOURCE_NAME = "External"
EXTERNAL_LOG_SOURCE_ICON = "/emojis/1f310.png"

INNER_SSH_HOST = "homeport-ssh"
INNER_SSH_PORT = 22
RECONNECT_VARIABLE = "HOMEPORT_RECONNECT_ID"
LISTENING_PORTS_SUBSYSTEM = "homeport-listening-ports"
HEARTBEAT_SECONDS = 15

LogLevel = Literal["trace", "debug", "info", "warn", "error"]
ScriptStage = Literal["start", "stop", "cron"]
ScriptStatus = Literal["ok", "exit_failure", "timed_out", "pipes_left_open"]
AppState = Literal["working", "idle", "complete", "failure"]

__all__ = ["AgentLifecycle", "AppHealth"]


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """The agent that a token belongs to, with all that makes its subject."""

    agent_id: UUID
    agent_name: str
    parent_id: UUID | None
    api_key_scope: str
    build_id: UUID
    template_version_id: UUID
    is_outdated: bool
    workspace_id: UUID
    owner_id: UUID
    owner_username: str
    owner_status: str
    organization_id: UUID
    template_id: UUID
    roles: list[str]
    holdings: str


class ManifestRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's manifest needs of the agent, its workspace and its owner."""

    id: UUID
    name: str
    parent_id: UUID | None
    directory: str
    motd_file: str
    environment_variables: dict[str, str]
    display_apps: list[str]
    workspace_name: str
    owner_username: str
    owner_email: str
    owner_name: str


class MetadataRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agent_metadata`."""

    key: str
    display_name: str
    script: str
    value: str
    error: str
    interval_seconds: int
    timeout_seconds: int
    collected_at: datetime


class MetadataValue(msgspec.Struct, frozen=True, kw_only=True):
    """A collected value as it is stored."""

    key: str
    value: str
    error: str


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `workspace_agent_logs`."""

    id: int
    created_at: datetime
    output: str
    level: str
    log_source_id: UUID


class LogSpaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an agent's log is used."""

    logs_length: int
    logs_overflowed: bool


class AgentAppRow(msgspec.Struct, frozen=True, kw_only=True):
    """An app as far as health and status need it."""

    id: UUID
    slug: str
    health: AppHealth
    healthcheck_url: str


class AgentWorkspaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where a live agent belongs, and how to reach it.

    `is_exposed`: its processes are not kept apart from the provisioner's machine, so whoever enters has that account.
    """

    agent_id: UUID
    agent_name: str
    workspace_id: UUID
    ssh_host_key: str
    last_connected_at: datetime | None
    disconnected_at: datetime | None
    disconnect_reason: str
    last_connected_replica_id: UUID | None
    is_outdated: bool
    is_exposed: bool


class SubAgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sub-agent, audited when it is made or deleted. `auth_token_sealed` opens to its token."""

    id: UUID
    parent_id: UUID | None
    resource_id: UUID
    name: str
    auth_token_sealed: bytes
    architecture: str
    operating_system: str
    directory: str
    display_apps: list[str]
    connection_timeout_seconds: int
    troubleshooting_url: str
    api_key_scope: str
    created_at: datetime


class SubAgentApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app of a sub-agent that passed its checks, as it is stored."""

    slug: str
    display_name: str
    icon: str
    command: str
    url: str
    external: bool
    subdomain: bool
    sharing_level: str
    open_in: str
    display_group: str
    display_order: int
    hidden: bool
    healthcheck_url: str
    healthcheck_interval: int
    healthcheck_threshold: int
    health: AppHealth
