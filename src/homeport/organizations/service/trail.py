"""What becomes of organizations, memberships and custom roles, written to audit (spec: authorization-and-data 24)."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.database import Connection
from homeport.kit.ids import NIL_ID
from homeport.organizations.types import (
    AuditedRole,
    CustomRoleRow,
    GroupSync,
    MemberRow,
    OrganizationRow,
    OrganizationSync,
    RoleSync,
)

declare(
    "organization",
    OrganizationRow,
    tracked=("name", "display_name", "description", "icon", "is_default", "deleted", "updated_at"),
    ignored=("id", "created_at"),
)
declare(
    "organization_member",
    MemberRow,
    tracked=("username", "user_id", "created_at", "updated_at", "roles"),
    ignored=("organization_id",),
)
declare(
    "custom_role",
    AuditedRole,
    tracked=("name", "display_name", "site_permissions", "org_permissions", "user_permissions"),
)

for _kind, _settings in (("organization", OrganizationSync), ("group", GroupSync), ("role", RoleSync)):
    declare(f"idp_sync_settings_{_kind}", _settings, tracked=_settings.__struct_fields__)


def attempt_organization(actor_id: UUID, action: AuditAction, row: OrganizationRow) -> None:
    """Say that the request is about this organization, should it fail."""
    attempt("organization", subject_id=actor_id, action=action, resource=_organization(row))


def attempt_member(actor_id: UUID, action: AuditAction, *, organization_id: UUID, user_id: UUID, username: str) -> None:
    """Say that the request is about this user's membership, should it fail."""
    resource = AuditResource(user_id, username, organization_id=organization_id)
    attempt("organization_member", subject_id=actor_id, action=action, resource=resource)


def attempt_role(actor_id: UUID, action: AuditAction, row: CustomRoleRow) -> None:
    """Say that the request is about this custom role, should it fail."""
    resource = AuditResource(row.id, row.name, organization_id=row.organization_id)
    attempt("custom_role", subject_id=actor_id, action=action, resource=resource)


def attempt_sync(actor_id: UUID, kind: str, *, organization_id: UUID = NIL_ID) -> None:
    """Say that the request is about the settings of a sync, should it fail; the deployment's have no organization."""
    resource = AuditResource(organization_id, f"{kind} sync", organization_id=organization_id)
    attempt(f"idp_sync_settings_{kind}", subject_id=actor_id, action=AuditAction.WRITE, resource=resource)


async def record_sync(
    conn: Connection,
    actor_id: UUID,
    kind: str,
    *,
    row_id: UUID,
    organization_id: UUID,
    before: OrganizationSync | GroupSync | RoleSync,
    after: OrganizationSync | GroupSync | RoleSync,
) -> None:
    """Record a change of the settings of a sync."""
    resource = AuditResource(row_id, f"{kind} sync", organization_id=organization_id)
    await record(conn, subject_id=actor_id, action=AuditAction.WRITE, resource=resource, before=before, after=after)


async def record_organization(
    conn: Connection,
    actor_id: UUID,
    action: AuditAction,
    *,
    before: OrganizationRow | None = None,
    after: OrganizationRow | None = None,
    status_code: int = 200,
) -> None:
    """Record a change of an organization."""
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=actor_id,
        action=action,
        resource=_organization(row),
        before=before,
        after=after,
        status_code=status_code,
    )


async def record_member(
    conn: Connection,
    actor_id: UUID,
    action: AuditAction,
    *,
    before: MemberRow | None = None,
    after: MemberRow | None = None,
) -> None:
    """Record a change of a membership."""
    row = after or before
    assert row is not None
    resource = AuditResource(row.user_id, row.username, organization_id=row.organization_id)
    await record(conn, subject_id=actor_id, action=action, resource=resource, before=before, after=after)


async def record_role(
    conn: Connection,
    actor_id: UUID,
    action: AuditAction,
    *,
    before: CustomRoleRow | None = None,
    after: CustomRoleRow | None = None,
    status_code: int = 200,
) -> None:
    """Record a change of a custom role."""
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=actor_id,
        action=action,
        resource=AuditResource(row.id, row.name, organization_id=row.organization_id),
        before=before and _audited(before),
        after=after and _audited(after),
        status_code=status_code,
    )


def _organization(row: OrganizationRow) -> AuditResource:
    return AuditResource(row.id, row.name, organization_id=row.id, icon=row.icon)


def _audited(row: CustomRoleRow) -> AuditedRole:
    return AuditedRole(
        name=row.name,
        display_name=row.display_name,
        site_permissions=_texts(row.site_permissions),
        org_permissions=_texts(row.org_permissions),
        user_permissions=_texts(row.user_permissions),
    )


def _texts(permissions: list[dict[str, object]]) -> list[str]:
    return [
        f"{'-' if each.get('negate') else ''}{each.get('resource_type')}:{each.get('action')}" for each in permissions
    ]
