"""Whom and what the words of a search mean: reads of users and organizations."""

from uuid import UUID

from homeport.database import Connection
from homeport.kit.names import is_storable

# Who lives wins; of those who are gone everybody who was called so, for names are used again.
FIND_USERS_BY_NAME = """
select id from users where lower(username) = lower($1) and not deleted
union all
select id from users where lower(username) = lower($1) and deleted
    and not exists (select 1 from users l where lower(l.username) = lower($1) and not l.deleted)
"""
FIND_USERS_BY_EMAIL = """
select id from users where lower(email) = lower($1) and not deleted
union all
select id from users where lower(email) = lower($1) and deleted
    and not exists (select 1 from users l where lower(l.email) = lower($1) and not l.deleted)
"""
FIND_ORGANIZATION_BY_NAME = "select id from organizations where lower(name) = lower($1) and not deleted"


async def list_users_by_name(conn: Connection, username: str) -> list[UUID]:
    """Return the id of the account of this name, or of all deleted ones that had it."""
    found = await conn.fetch(FIND_USERS_BY_NAME, username) if is_storable(username) else []
    return [row["id"] for row in found]


async def list_users_by_email(conn: Connection, email: str) -> list[UUID]:
    """Return the id of the account with this address, or of all deleted ones that had it."""
    found = await conn.fetch(FIND_USERS_BY_EMAIL, email) if is_storable(email) else []
    return [row["id"] for row in found]


async def find_organization_by_name(conn: Connection, name: str) -> UUID | None:
    """Return the id of a living organization."""
    found: UUID | None = await conn.fetchval(FIND_ORGANIZATION_BY_NAME, name) if is_storable(name) else None
    return found
