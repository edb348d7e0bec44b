"""Telling other processes that a workspace has changed, and the audit of workspaces and builds."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.database import Connection
from homeport.workspaces.types import CHANGED_CHANNEL, BuildRow, Transition, WorkspaceRow

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
        "template_version_preset_id",
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


def attempt_workspace(subject_id: UUID, action: AuditAction, workspace: WorkspaceRow) -> None:
    """Say that the request is about this workspace, should it fail."""
    resource = AuditResource(workspace.id, workspace.name, workspace.organization_id)
    attempt(WORKSPACE_AUDIT, subject_id=subject_id, action=action, resource=resource)


def attempt_build(
    subject_id: UUID, workspace: WorkspaceRow, transition: Transition, build: BuildRow | None = None
) -> None:
    """Say that the request is about a build of this workspace: one to be made, or this one, which is to be changed."""
    fields = {"workspace_id": str(workspace.id), "workspace_name": workspace.name}
    if build is not None:
        fields["build_number"] = str(build.build_number)
    attempt(
        BUILD_AUDIT,
        subject_id=subject_id,
        action=_BUILD_ACTIONS[transition] if build is None else AuditAction.WRITE,
        resource=AuditResource(build.id if build else workspace.id, workspace.name, workspace.organization_id),
        additional_fields=fields,
    )


async def record_workspace(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    *,
    before: WorkspaceRow | None = None,
    after: WorkspaceRow | None = None,
    additional_fields: dict[str, str] | None = None,
    is_background: bool = False,
) -> None:
    """Write the audit entry of a workspace that was created, changed or deleted.

    `is_background`: the server does it by itself, or upon the report of a daemon.
    """
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=AuditResource(row.id, row.name, row.organization_id),
        before=before,
        after=after,
        additional_fields=additional_fields,
        is_background=is_background,
    )


async def record_build(
    conn: Connection,
    subject_id: UUID,
    workspace: WorkspaceRow,
    build: BuildRow,
    *,
    status_code: int = 200,
    is_background: bool = False,
) -> None:
    """Write the audit entry of a build that was asked for, or with a status of its failure.

    `is_background`: nobody's request was it, so a schedule's builds are in the name of the workspace's owner.
    """
    await record(
        conn,
        subject_id=subject_id,
        action=_BUILD_ACTIONS[build.transition],
        resource=AuditResource(build.id, workspace.name, workspace.organization_id),
        after=build,
        status_code=status_code,
        additional_fields=build_fields(workspace, build),
        is_background=is_background,
    )


def build_fields(workspace: WorkspaceRow, build: BuildRow) -> dict[str, str]:
    """Return what entries of a build say beside its row."""
    return {
        "workspace_id": str(workspace.id),
        "workspace_name": workspace.name,
        "build_number": str(build.build_number),
        "build_reason": build.reason,
    }


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
