"""SQL on `organization_members`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe
from homeport.organizations.types import MemberRow, MemberWithUserRow
from homeport.rbac import Columns

MEMBER_COLUMNS = Columns(id="m.user_id", organization="m.organization_id", owner="m.user_id")
_MEMBER = "m.user_id, m.organization_id, u.username, m.roles, m.created_at, m.updated_at"
FIND_MEMBER = f"""
select {_MEMBER} from organization_members m join visible_users u on u.id = m.user_id
where m.organization_id = $1 and m.user_id = $2
"""
LOCK_MEMBER = f"{FIND_MEMBER} for update of m"
LIST_MEMBERSHIPS = f"""
select {_MEMBER} from organization_members m join visible_users u on u.id = m.user_id
join organizations o on o.id = m.organization_id and not o.deleted
where m.user_id = $1 and ($2::uuid is null or m.organization_id = $2) order by m.created_at, m.organization_id
"""
INSERT_MEMBER = """
insert into organization_members (user_id, organization_id, roles, created_at, updated_at) values ($1, $2, $3, $4, $4)
"""
# Of accounts that are in the organization already, deleted ones and system users nothing is inserted.
INSERT_MISSING_MEMBERS = """
insert into organization_members (user_id, organization_id, roles, created_at, updated_at)
select u.id, $1, '{}', $3, $3 from users u where u.id = any ($2::uuid[]) and not u.deleted and not u.is_system order by u.id
on conflict do nothing returning user_id
"""
LIST_MEMBERS_OF = f"""
select {_MEMBER} from organization_members m join visible_users u on u.id = m.user_id
where m.organization_id = $1 and m.user_id = any ($2::uuid[]) order by m.user_id
"""
UPDATE_MEMBER_ROLES = (
    "update organization_members set roles = $3, updated_at = $4 where organization_id = $1 and user_id = $2"
)
DELETE_MEMBER = "delete from organization_members where organization_id = $1 and user_id = $2"
_MEMBERS = """
from organization_members m join users u on u.id = m.user_id
where m.organization_id = $1 and not u.deleted and ($2 or not u.is_system)
  and ($3::text is null or strpos(lower(u.username), lower($3)) > 0 or strpos(lower(u.name), lower($3)) > 0
       or strpos(lower(u.email), lower($3)) > 0)
"""
FIRST_MEMBER_PARAMETER = 4


async def find_member(conn: Connection, organization_id: UUID, user_id: UUID) -> MemberRow | None:
    """Return a user's membership in an organization, or None."""
    return maybe(MemberRow, await conn.fetchrow(FIND_MEMBER, organization_id, user_id))


async def lock_member(conn: Connection, organization_id: UUID, user_id: UUID) -> MemberRow | None:
    """Return a membership and hold it until the transaction ends."""
    return maybe(MemberRow, await conn.fetchrow(LOCK_MEMBER, organization_id, user_id))


async def list_memberships(conn: Connection, user_id: UUID, organization_id: UUID | None) -> list[MemberRow]:
    """Return a user's memberships, of live organizations; of one organization when it is given."""
    return many(MemberRow, await conn.fetch(LIST_MEMBERSHIPS, user_id, organization_id))


async def list_members(
    conn: Connection,
    organization_id: UUID,
    *,
    has_system_users: bool,
    text: str | None,
    predicate: str,
    arguments: Sequence[Any],
    limit: int | None,
    offset: int,
) -> list[MemberWithUserRow]:
    """Return members by username; all of them when `limit` is None. `predicate` speaks of alias `m`.

    `text` is a part of username, name or address, whatever the case.
    """
    following = FIRST_MEMBER_PARAMETER + len(arguments)
    sql = (
        f"select {_MEMBER}, u.name, u.avatar_url, u.email, u.rbac_roles as global_roles {_MEMBERS} and ({predicate})"
        f" order by lower(u.username) limit ${following} offset ${following + 1}"
    )
    return many(
        MemberWithUserRow, await conn.fetch(sql, organization_id, has_system_users, text, *arguments, limit, offset)
    )


async def count_members(
    conn: Connection,
    organization_id: UUID,
    *,
    has_system_users: bool,
    text: str | None,
    predicate: str,
    arguments: Sequence[Any],
) -> int:
    """Count members, whatever the page."""
    sql = f"select count(*) {_MEMBERS} and ({predicate})"
    count: int = await conn.fetchval(sql, organization_id, has_system_users, text, *arguments)
    return count


async def insert_member(
    conn: Connection, organization_id: UUID, user_id: UUID, roles: Sequence[str], now: datetime
) -> MemberRow:
    """Insert a membership. Raises UniqueViolation (organization_members_pkey), OwnerDeleted for a deleted user or organization."""
    await conn.execute(INSERT_MEMBER, user_id, organization_id, list(roles), now)
    row = await find_member(conn, organization_id, user_id)
    assert row is not None
    return row


async def insert_missing_members(
    conn: Connection, organization_id: UUID, user_ids: Collection[UUID], now: datetime
) -> list[MemberRow]:
    """Insert memberships of those who have none yet, and return these. Raises CheckViolation for one just deleted."""
    inserted = await conn.fetch(INSERT_MISSING_MEMBERS, organization_id, list(user_ids), now)
    if not inserted:
        return []
    return many(MemberRow, await conn.fetch(LIST_MEMBERS_OF, organization_id, [row["user_id"] for row in inserted]))


async def update_member_roles(
    conn: Connection, organization_id: UUID, user_id: UUID, roles: Sequence[str], now: datetime
) -> MemberRow:
    """Set a member's roles. The caller holds the row."""
    await conn.execute(UPDATE_MEMBER_ROLES, organization_id, user_id, list(roles), now)
    row = await find_member(conn, organization_id, user_id)
    assert row is not None
    return row


async def delete_member(conn: Connection, organization_id: UUID, user_id: UUID) -> bool:
    """Delete a membership; a trigger removes the user from the organization's groups. False when there was none."""
    return await conn.execute(DELETE_MEMBER, organization_id, user_id) == 1
