"""SQL on `custom_roles`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.organizations.types import CustomRoleRow

_ROLE = (
    "c.id, c.name, c.display_name, c.organization_id, c.site_permissions, c.org_permissions, c.user_permissions,"
    " c.created_at, c.updated_at"
)
LIST_CUSTOM_ROLES = f"select {_ROLE} from custom_roles c where c.organization_id = $1 order by lower(c.name)"
# Whoever deletes one of these waits, and takes the name from its holders afterwards.
HOLD_ROLES = """
select c.name from custom_roles c where c.organization_id = $1 and c.name = any ($2::text[]) order by c.id for share
"""
FIND_ROLE = f"select {_ROLE} from custom_roles c where c.organization_id = $1 and lower(c.name) = lower($2)"
LOCK_ROLE = f"{FIND_ROLE} for update"
INSERT_ROLE = f"""
insert into custom_roles as c (id, name, display_name, organization_id, org_permissions, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)
returning {_ROLE}
"""
# A role that another release has given more than an organization's permissions loses them here.
UPDATE_ROLE = f"""
update custom_roles c
set display_name = $2, org_permissions = $3, site_permissions = '[]', user_permissions = '[]', updated_at = $4
where c.id = $1
returning {_ROLE}
"""
DELETE_ROLE = "delete from custom_roles where id = $1"


async def list_custom_roles(conn: Connection, organization_id: UUID) -> list[CustomRoleRow]:
    """Return an organization's custom roles by name."""
    return many(CustomRoleRow, await conn.fetch(LIST_CUSTOM_ROLES, organization_id))


async def hold_custom_roles(conn: Connection, organization_id: UUID, names: Sequence[str]) -> set[str]:
    """Return which of these names are custom roles, and keep the roles in being until the transaction ends."""
    return {row["name"] for row in await conn.fetch(HOLD_ROLES, organization_id, list(names))}


async def find_custom_role(conn: Connection, organization_id: UUID, name: str) -> CustomRoleRow | None:
    """Return a custom role by name, whatever its case."""
    return maybe(CustomRoleRow, await conn.fetchrow(FIND_ROLE, organization_id, name))


async def lock_custom_role(conn: Connection, organization_id: UUID, name: str) -> CustomRoleRow | None:
    """Return a custom role by name, whatever its case, and hold it until the transaction ends."""
    return maybe(CustomRoleRow, await conn.fetchrow(LOCK_ROLE, organization_id, name))


async def insert_custom_role(conn: Connection, row: CustomRoleRow) -> CustomRoleRow:
    """Insert a custom role. Raises UniqueViolation (custom_roles_name_key)."""
    inserted = await conn.fetchrow(
        INSERT_ROLE, row.id, row.name, row.display_name, row.organization_id, row.org_permissions, row.created_at
    )
    assert inserted is not None
    return one(CustomRoleRow, inserted)


async def update_custom_role(conn: Connection, row: CustomRoleRow, now: datetime) -> CustomRoleRow:
    """Store what a custom role shows and grants; triggers renew what its holders hold."""
    updated = await conn.fetchrow(UPDATE_ROLE, row.id, row.display_name, row.org_permissions, now)
    assert updated is not None
    return one(CustomRoleRow, updated)


async def delete_custom_role(conn: Connection, role_id: UUID) -> None:
    """Delete a custom role; a trigger takes its name from the members."""
    await conn.execute(DELETE_ROLE, role_id)
