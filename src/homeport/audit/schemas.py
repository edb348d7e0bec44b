"""Public shapes of audit (spec: api-models, AuditLog and ConnectionLog)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.types import ConnectionType


class AuditLogUser(msgspec.Struct):
    """The actor as far as the log shows it."""

    id: UUID
    username: str
    name: str
    email: str
    avatar_url: str
    status: str
    login_type: str
    created_at: datetime | None
    last_seen_at: datetime | None


class AuditLogOrganization(msgspec.Struct):
    """The organization of the object."""

    id: UUID
    name: str
    display_name: str
    icon: str


class AuditLog(msgspec.Struct):
    """One entry: who did what to which object, and what changed."""

    id: UUID
    request_id: UUID
    time: datetime
    ip: str
    user_agent: str
    resource_type: str
    resource_id: UUID
    resource_target: str
    resource_icon: str
    action: str
    diff: dict[str, Any]
    status_code: int
    additional_fields: dict[str, Any]
    description: str
    resource_link: str
    is_deleted: bool
    organization_id: UUID
    organization: AuditLogOrganization | None = None
    user: AuditLogUser | None = None


class AuditLogResponse(msgspec.Struct):
    """One page of the log, newest first. `count` stops at 10,000."""

    audit_logs: list[AuditLog]
    count: int


class ConnectionLogWebInfo(msgspec.Struct):
    """What somebody asked for through the web; without `user` they had not signed in."""

    user_agent: str
    slug_or_port: str
    status_code: int
    user: AuditLogUser | None = None


class ConnectionLogSSHInfo(msgspec.Struct):
    """A connection that lasts, and how it ended; the exit code where there is one. User and agent are Homeport's addition."""

    connection_id: UUID
    disconnect_time: datetime | None
    disconnect_reason: str
    exit_code: int | None
    user_agent: str
    user: AuditLogUser | None = None


class ConnectionLog(msgspec.Struct):
    """Somebody entered a workspace."""

    id: UUID
    connect_time: datetime
    organization: AuditLogOrganization
    workspace_owner_id: UUID
    workspace_owner_username: str
    workspace_id: UUID
    workspace_name: str
    agent_name: str
    ip: str
    type: ConnectionType
    web_info: ConnectionLogWebInfo | None = None
    ssh_info: ConnectionLogSSHInfo | None = None


class ConnectionLogResponse(msgspec.Struct):
    """One page of the connection log, newest first. `count` stops at 10,000."""

    connection_logs: list[ConnectionLog]
    count: int
