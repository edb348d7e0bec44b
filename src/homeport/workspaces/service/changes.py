"""Telling other processes that a workspace has changed, and the audit of workspaces and builds."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, declare, record
from homeport.database import Connection
from homeport.workspaces.types import CHANGED_CHANNEL, BuildRow, WorkspaceRow

# What an entry shows (spec: authorization-and-data 24).
WORKSPACE_AUDIT = declare(
    "workspace",
    WorkspaceRow,
    tracked=(
        "id",
        "owner_id",
        "template_id",
        "name",
        "autostart_schedule",
        "ttl",
        "dormant_at",
        "deleting_at",
        "automatic_updates",
        "favorite",
        "next_start_at",
    ),
    ignored=("organization_id", "last_used_at", "deleted", "created_at", "updated_at"),
)
BUILD_AUDIT = declare(
    "workspace_build",
    BuildRow,
    tracked=("template_version_id",),
    ignored=(
        "id",
        "workspace_id",
        "build_number",
        "transition",
        "initiator_id",
        "job_id",
        "deadline",
        "max_deadline",
        "reason",
        "daily_cost",
        "created_at",
        "updated_at",
    ),
)
_BUILD_ACTIONS = {"start": AuditAction.START, "stop": AuditAction.STOP, "delete": AuditAction.DELETE}


async def workspace_changed(conn: Connection, workspace_id: UUID) -> None:
    """Wake whoever watches the workspace, when this transaction commits."""
    await conn.notify(CHANGED_CHANNEL, str(workspace_id))


async def record_workspace(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    *,
    before: WorkspaceRow | None = None,
    after: WorkspaceRow | None = None,
) -> None:
    """Write the audit entry of a workspace that was created, changed or deleted."""
    row = after or before
    assert row is not None
    resource = AuditResource(row.id, row.name, row.organization_id)
    await record(conn, subject_id=subject_id, action=action, resource=resource, before=before, after=after)


async def record_build(conn: Connection, subject_id: UUID, workspace: WorkspaceRow, build: BuildRow) -> None:
    """Write the audit entry of a build that was asked for."""
    await record(
        conn,
        subject_id=subject_id,
        action=_BUILD_ACTIONS[build.transition],
        resource=AuditResource(build.id, workspace.name, workspace.organization_id),
        after=build,
        additional_fields={
            "workspace_id": str(workspace.id),
            "workspace_name": workspace.name,
            "build_number": str(build.build_number),
            "build_reason": build.reason,
        },
    )


async def record_build_change(
    conn: Connection, subject_id: UUID, workspace: WorkspaceRow, build: BuildRow, **fields: str
) -> None:
    """Write the audit entry of something that was done to a build; `fields` say what."""
    await record(
        conn,
        subject_id=subject_id,
        action=AuditAction.WRITE,
        resource=AuditResource(build.id, workspace.name, workspace.organization_id),
        before=build,
        after=build,
        additional_fields={
            "workspace_id": str(workspace.id),
            "workspace_name": workspace.name,
            "build_number": str(build.build_number),
            **fields,
        },
    )
