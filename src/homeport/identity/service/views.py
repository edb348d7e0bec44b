"""Rows into the wire's shapes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.identity.queries import users as queries
from homeport.identity.schemas import APIAllowListTarget, APIKey, APIKeyWithOwner, Permission, Role, SlimRole, User
from homeport.identity.types import ApiKeyRow, Identity, UserRow
from homeport.rbac import Role as RbacRole
from homeport.rbac import built_in_roles
from homeport.rbac.types import Permission as RbacPermission

_SITE_ROLES = {role.name: SlimRole(role.name, role.display_name) for role in built_in_roles()}


def site_roles(names: Sequence[str]) -> list[SlimRole]:
    """Return deployment roles as the wire shows them; names without a role are left out."""
    return [_SITE_ROLES[name] for name in names if name in _SITE_ROLES]


def user_view(row: UserRow, organization_ids: Sequence[UUID]) -> User:
    """Return a user as the wire shows it."""
    return User(
        id=row.id,
        username=row.username,
        name=row.name,
        email=row.email,
        avatar_url=row.avatar_url,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_seen_at=row.last_seen_at,
        status=row.status,  # type: ignore[arg-type]  # the column's enum has these values
        login_type=row.login_type,
        theme_preference=row.theme_preference,
        organization_ids=list(organization_ids),
        roles=site_roles(row.rbac_roles),
    )


def identity_view(identity: Identity) -> User:
    """Return the signed-in user from what authentication has read already: no query."""
    return User(
        id=identity.user_id,
        username=identity.username,
        name=identity.name,
        email=identity.email,
        avatar_url=identity.avatar_url,
        created_at=identity.created_at,
        updated_at=identity.updated_at,
        last_seen_at=identity.last_seen_at,
        status=identity.status,  # type: ignore[arg-type]  # the column's enum has these values
        login_type=identity.login_type,
        theme_preference=identity.theme_preference,
        organization_ids=identity.organization_ids,
        roles=site_roles(identity.roles),
    )


async def load_user_views(conn: Connection, rows: Sequence[UserRow]) -> list[User]:
    """Return users as the wire shows them, with one query for all their organizations."""
    organizations = await queries.list_organization_ids(conn, [row.id for row in rows]) if rows else {}
    return [user_view(row, organizations.get(row.id, [])) for row in rows]


async def load_user_view(conn: Connection, row: UserRow) -> User:
    """Return one user as the wire shows it."""
    return (await load_user_views(conn, [row]))[0]


def key_view(row: ApiKeyRow) -> APIKey:
    """Return a key as the wire shows it: never its hash."""
    return APIKey(**_key_fields(row))


def owned_key_view(row: ApiKeyRow, username: str) -> APIKeyWithOwner:
    """Return a key as a list over several users shows it."""
    return APIKeyWithOwner(**_key_fields(row), username=username)


def role_view(role: RbacRole) -> Role:
    """Return a role with its permissions as the wire shows it."""
    return Role(**role_fields(role))


def role_fields(role: RbacRole) -> dict[str, Any]:
    """Return the fields that `Role` and `AssignableRoles` share."""
    return {
        "name": role.name,
        "organization_id": str(role.organization_id or ""),
        "display_name": role.display_name,
        "site_permissions": _permissions(role.grants.site_permissions),
        "user_permissions": _permissions(role.grants.user_permissions),
        "organization_permissions": _permissions(role.grants.organization_permissions),
        "organization_member_permissions": [],
    }


def _permissions(found: Sequence[RbacPermission]) -> list[Permission]:
    return [
        Permission(negate=each.negate, resource_type=each.resource_type.value, action=each.action.value)
        for each in found
    ]


def _key_fields(row: ApiKeyRow) -> dict[str, Any]:
    legacy = row.scopes[0].removeprefix("coder:") if len(row.scopes) == 1 else ""
    return {
        "id": row.id,
        "user_id": row.user_id,
        "last_used": row.last_used,
        "expires_at": row.expires_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "login_type": row.login_type,
        "scope": legacy if legacy in {"all", "application_connect"} else "",
        "scopes": row.scopes,
        "token_name": row.token_name,
        "lifetime_seconds": row.lifetime_seconds,
        "allow_list": [APIAllowListTarget(*entry.split(":", 1)) for entry in row.allow_list],
    }
