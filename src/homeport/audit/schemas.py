"""Public shapes of audit (spec: api-models, AuditLog)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


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
