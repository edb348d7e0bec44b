"""SQL on `organizations`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe
from homeport.organizations.types import OrganizationRow
from homeport.rbac import Columns

ORGANIZATION_COLUMNS = Columns(id="o.id", organization="o.id")
_ORGANIZATION = (
    "o.id, o.name, o.display_name, o.description, o.icon, o.is_default, o.deleted, o.created_at, o.updated_at"
)
FIND_DEFAULT = f"select {_ORGANIZATION} from organizations o where o.is_default"
FIND_BY_ID = f"select {_ORGANIZATION} from organizations o where o.id = $1 and not o.deleted"
FIND_BY_NAME = f"select {_ORGANIZATION} from organizations o where lower(o.name) = lower($1) and not o.deleted"
FIRST_ORGANIZATION_PARAMETER = 2


async def get_default(conn: Connection) -> OrganizationRow:
    """Return the default organization, which always exists."""
    row = maybe(OrganizationRow, await conn.fetchrow(FIND_DEFAULT))
    assert row is not None
    return row


async def find_organization(conn: Connection, organization_id: UUID) -> OrganizationRow | None:
    """Return a live organization by id."""
    return maybe(OrganizationRow, await conn.fetchrow(FIND_BY_ID, organization_id))


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
