"""SQL on `organizations`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.organizations.types import OrganizationRow
from homeport.rbac import Columns

ORGANIZATION_COLUMNS = Columns(id="o.id", organization="o.id")
_ORGANIZATION = (
    "o.id, o.name, o.display_name, o.description, o.icon, o.is_default, o.deleted, o.created_at, o.updated_at"
)
FIND_DEFAULT = f"select {_ORGANIZATION} from organizations o where o.is_default"
FIND_BY_ID = f"select {_ORGANIZATION} from organizations o where o.id = $1 and (not o.deleted or $2)"
FIND_BY_NAME = f"select {_ORGANIZATION} from organizations o where lower(o.name) = lower($1) and not o.deleted"
FIRST_ORGANIZATION_PARAMETER = 2
# Others go on putting things into the organization meanwhile; changes of it, and of its custom roles, take turns.
LOCK_TO_CHANGE = f"select {_ORGANIZATION} from organizations o where o.id = $1 and not o.deleted for no key update"
# Waits for whoever is putting something into the organization, and they for this (functions/refuse_row_of_deleted_organization.sql).
LOCK_TO_DELETE = f"select {_ORGANIZATION} from organizations o where o.id = $1 and not o.deleted for update"
INSERT_ORGANIZATION = f"""
insert into organizations as o (id, name, display_name, description, icon, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)
returning {_ORGANIZATION}
"""
INSERT_EVERYONE = """
insert into groups (id, organization_id, name, display_name, created_at, updated_at)
values ($1, $1, 'Everyone', 'Everyone', $2, $2)
"""
UPDATE_ORGANIZATION = f"""
update organizations o set name = $2, display_name = $3, description = $4, icon = $5, deleted = $6, updated_at = $7
where o.id = $1
returning {_ORGANIZATION}
"""


async def get_default(conn: Connection) -> OrganizationRow:
    """Return the default organization, which always exists."""
    row = maybe(OrganizationRow, await conn.fetchrow(FIND_DEFAULT))
    assert row is not None
    return row


async def find_organization(
    conn: Connection, organization_id: UUID, *, has_deleted: bool = False
) -> OrganizationRow | None:
    """Return an organization by id: a live one, or with `has_deleted` also one that is deleted."""
    return maybe(OrganizationRow, await conn.fetchrow(FIND_BY_ID, organization_id, has_deleted))


async def lock_to_change(conn: Connection, organization_id: UUID) -> OrganizationRow | None:
    """Return a live organization and keep other changes of it waiting until the transaction ends."""
    return maybe(OrganizationRow, await conn.fetchrow(LOCK_TO_CHANGE, organization_id))


async def lock_to_delete(conn: Connection, organization_id: UUID) -> OrganizationRow | None:
    """Return a live organization and let nothing more into it until the transaction ends."""
    return maybe(OrganizationRow, await conn.fetchrow(LOCK_TO_DELETE, organization_id))


async def find_organization_by_name(conn: Connection, name: str) -> OrganizationRow | None:
    """Return a live organization by name, whatever its case."""
    return maybe(OrganizationRow, await conn.fetchrow(FIND_BY_NAME, name))


async def list_organizations(
    conn: Connection, *, member_id: UUID | None, predicate: str, arguments: Sequence[Any]
) -> list[OrganizationRow]:
    """Return live organizations by name, of one member or all. `predicate` speaks of alias `o`."""
    sql = (
        f"select {_ORGANIZATION} from organizations o where not o.deleted and ({predicate})"
        " and ($1::uuid is null or exists ("
        "select 1 from organization_members m where m.organization_id = o.id and m.user_id = $1))"
        " order by lower(o.name)"
    )
    return many(OrganizationRow, await conn.fetch(sql, member_id, *arguments))


async def insert_organization(conn: Connection, row: OrganizationRow) -> OrganizationRow:
    """Insert an organization without its group of all. Raises UniqueViolation (organizations_name_key)."""
    inserted = await conn.fetchrow(
        INSERT_ORGANIZATION, row.id, row.name, row.display_name, row.description, row.icon, row.created_at
    )
    assert inserted is not None
    return one(OrganizationRow, inserted)


async def insert_everyone(conn: Connection, organization_id: UUID, now: datetime) -> None:
    """Insert the group of all members, whose id is the organization's."""
    await conn.execute(INSERT_EVERYONE, organization_id, now)


async def update_organization(conn: Connection, row: OrganizationRow, now: datetime) -> OrganizationRow:
    """Store an organization's words and whether it is deleted.

    Raises UniqueViolation (organizations_name_key) and, where something is left in one that is to be deleted,
    CheckViolation (organizations_empty_when_deleted), whose detail counts it.
    """
    updated = await conn.fetchrow(
        UPDATE_ORGANIZATION, row.id, row.name, row.display_name, row.description, row.icon, row.deleted, now
    )
    assert updated is not None
    return one(OrganizationRow, updated)
