"""SQL on the people in an access list, and on those whom it could name. Stale ids vanish: the tables decide who is there."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many
from homeport.identity.schemas import UserStatusName
from homeport.rbac import Columns

USER_COLUMNS = Columns(id="u.id", owner="u.id")
_PERSON = """
    u.id, u.username, u.name, u.email, u.avatar_url, u.created_at, u.updated_at, u.last_seen_at,
    u.status::text as status, u.login_type::text as login_type
"""
LIST_USERS = f"""
    select {_PERSON}, u.rbac_roles as role_names,
           array(select m.organization_id from organization_members m where m.user_id = u.id order by 1) as organization_ids
    from users u
    where u.id = any ($1::uuid[]) and not u.deleted and not u.is_system
    order by lower(u.username)
"""
# Held until the list is stored, so that whoever deletes one of them meanwhile waits, and then finds it in the list.
HOLD_USERS = """
    select id from users where id = any ($1::uuid[]) and not deleted and not is_system order by id for key share
"""
HOLD_GROUPS = "select id, organization_id from groups where id = any ($1::uuid[]) order by id for key share"
# Members of the template's organization, and whom else the asker may read.
_AVAILABLE = f"""
    select {_PERSON}
    from users u
    where not u.deleted and not u.is_system
      and ($2::text is null or strpos(lower(u.username), lower($2)) > 0 or strpos(lower(u.name), lower($2)) > 0
           or strpos(lower(u.email), lower($2)) > 0)
      and (exists (select from organization_members m where m.organization_id = $1 and m.user_id = u.id) or {{predicate}})
    order by lower(u.username)
    limit $3 offset $4
"""
FIRST_PARAMETER = 5


class PersonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A person as lists show people."""

    id: UUID
    username: str
    name: str
    email: str
    avatar_url: str
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime
    status: UserStatusName
    login_type: str


class UserEntry(PersonEntry, frozen=True, kw_only=True):
    """A user as an access list shows it."""

    role_names: list[str]
    organization_ids: list[UUID]


async def list_users(conn: Connection, ids: Sequence[UUID]) -> list[UserEntry]:
    """Return those of the users that exist, by name."""
    return many(UserEntry, await conn.fetch(LIST_USERS, list(ids)))


async def hold_users(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the users that exist, none of whom is deleted until the transaction ends."""
    return {row["id"] for row in await conn.fetch(HOLD_USERS, list(ids))}


async def hold_groups(conn: Connection, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the organizations of those groups that exist, none of which is deleted until the transaction ends."""
    return {row["id"]: row["organization_id"] for row in await conn.fetch(HOLD_GROUPS, list(ids))}


async def list_available_users(
    conn: Connection,
    organization_id: UUID,
    *,
    text: str | None,
    limit: int,
    offset: int,
    predicate: str,
    arguments: Sequence[Any],
) -> list[PersonEntry]:
    """Return a page of people, by username. `predicate` speaks of alias `u`; its parameters begin at FIRST_PARAMETER."""
    sql = _AVAILABLE.format(predicate=predicate)
    return many(PersonEntry, await conn.fetch(sql, organization_id, text, limit, offset, *arguments))
