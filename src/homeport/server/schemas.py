"""Public shapes of the deployment's own routes (spec: api-models, Deployment / health / misc)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class BuildInfoResponse(msgspec.Struct):
    """Version and addresses of this deployment."""

    external_url: str
    version: str
    dashboard_url: str
    telemetry: bool
    workspace_proxy: bool
    agent_api_version: str
    provisioner_api_version: str
    upgrade_message: str
    deployment_id: UUID


class DeploymentOption(msgspec.Struct):
    """One setting: its names, where it belongs, and its value unless it is secret."""

    name: str
    description: str
    flag: str
    env: str
    group: str
    default: str
    value: Any


class DeploymentConfig(msgspec.Struct):
    """All settings of the running server; values of secret ones are left out."""

    config: dict[str, Any]
    options: list[DeploymentOption]


class SSHConfigResponse(msgspec.Struct):
    """How OpenSSH names reach workspaces."""

    hostname_prefix: str
    hostname_suffix: str
    ssh_config_options: dict[str, str]


class UpdateCheckResponse(msgspec.Struct):
    """Whether a newer version is known; the server never calls home, so it knows its own only."""

    current: bool
    version: str
    url: str


class AvailableExperiments(msgspec.Struct):
    """Experiments that may be switched on."""

    safe: list[str]


class HealthMessage(msgspec.Struct):
    """A warning with its code."""

    code: str
    message: str


class HealthSection(msgspec.Struct):
    """One part's health: severity ok, warning or error."""

    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    dismissed: bool
    error: str | None = None


class AccessURLReport(HealthSection):
    """Whether the access address leads back to this server."""

    access_url: str = ""
    reachable: bool = False
    status_code: int = 0
    healthz_response: str = ""


class DatabaseReport(HealthSection):
    """Whether the database answers, and how fast (median of five, in nanoseconds and milliseconds)."""

    reachable: bool = False
    latency: int = 0
    latency_ms: int = 0
    threshold_ms: int = 0


class ProvisionerDaemonsReport(HealthSection):
    """Whether a provisioner daemon was seen lately."""

    items: list[dict[str, Any]] = []


class WebsocketReport(HealthSection):
    """Whether a WebSocket to the access address comes through: the handshake's status, and what came back on it."""

    code: int = 0
    body: str = ""


class DERPReport(HealthSection):
    """Relays of the reference's network. Here every stream goes through the server, so there are none."""

    regions: dict[str, Any] = {}


class WorkspaceProxyReport(HealthSection):
    """Proxies in other places; there are none."""

    workspace_proxies: dict[str, Any] = {}


class HealthcheckReport(msgspec.Struct):
    """Health of the whole deployment."""

    time: datetime
    healthy: bool
    severity: str
    coder_version: str
    access_url: AccessURLReport
    database: DatabaseReport
    provisioner_daemons: ProvisionerDaemonsReport
    websocket: WebsocketReport
    derp: DERPReport
    workspace_proxy: WorkspaceProxyReport
