"""SQL on `groups` and `group_members`. People are counted and listed by the view `group_members_expanded`, without system users."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.identity.schemas import ReducedUser
from homeport.organizations.types import GroupFilter, GroupMembers, GroupRow, GroupViewRow, MemberCandidate
from homeport.rbac import Columns, Predicate

# Members of a group may read it: it stands in its own access list.
GROUP_COLUMNS = Columns(
    id="g.id",
    organization="g.organization_id",
    group_acl="""jsonb_build_object(g.id::text, '["read"]'::jsonb)""",
)
MEMBER_COLUMNS = Columns(id="e.user_id", organization="e.organization_id", owner="e.user_id")
_FIELDS = GroupRow.__struct_fields__
_COLUMNS = ", ".join(f"g.{field}" for field in _FIELDS)
_LIVE = "from groups g join organizations o on o.id = g.organization_id and not o.deleted"
_VIEW = f"""
    select {_COLUMNS}, o.name as organization_name, o.display_name as organization_display_name
    {_LIVE}
"""

FIND = f"select {_COLUMNS} {_LIVE} where g.id = $1"
LOCK = f"{FIND} for update of g"
# In one order for everybody, so that two people do not wait for each other.
LOCK_SEVERAL = f"select {_COLUMNS} {_LIVE} where g.id = any ($1::uuid[]) order by g.id for update of g"
FIND_BY_NAME = f"select {_COLUMNS} {_LIVE} where g.organization_id = $1 and lower(g.name) = lower($2)"
INSERT = f"""
    insert into groups as g ({", ".join(_FIELDS)})
    values ({", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))}) returning {_COLUMNS}
"""
UPDATE = f"""
    update groups g set name = $2, display_name = $3, avatar_url = $4, quota_allowance = $5, updated_at = $6
    where g.id = $1 returning {_COLUMNS}
"""
DELETE = "delete from groups where id = $1"
# Held, an organization cannot be deleted meanwhile; one that is being deleted is waited for.
HOLD_ORGANIZATION = "select id from organizations where id = $1 and not deleted for key share"
LIST_AS_GROUPS = "select id from groups where organization_id = $1 and id = any ($2::uuid[]) order by id"

GET_VIEW = f"{_VIEW} where g.id = $1"
_LISTED = f"""
    {_VIEW}
    where ($1::uuid is null or g.organization_id = $1)
      and ($2::uuid[] is null or g.id = any ($2))
      and ($3::text is null or strpos(lower(g.name), lower($3)) > 0 or strpos(lower(g.display_name), lower($3)) > 0)
"""
FIRST_PARAMETER = 4

# Of each group the number of people and the first whom the reader may see, by name; groups without people are left out. Only
# ids, for one person is in many groups. One pass over the memberships of these groups, however many they are.
LIST_MEMBERS = """
    select e.group_id, count(*)::int as total,
           coalesce(
               (array_agg(e.user_id order by lower(e.user_username)) filter (where {predicate}))[:coalesce($2, 2147483647)], array[]::uuid[]
           ) as user_ids
    from group_members_expanded e
    where e.group_id = any ($1::uuid[]) and not e.user_is_system
    group by e.group_id
"""
FIRST_MEMBER_PARAMETER = 3
LIST_PEOPLE = """
    select id, username, name, email, avatar_url, created_at, updated_at, last_seen_at, status::text as status,
           login_type::text as login_type
    from users where id = any ($1::uuid[])
"""
LIST_GROUPS_OF_MEMBER = """
    select e.group_id from group_members_expanded e where e.user_id = $1 and not e.user_is_system and ({predicate})
"""
FIRST_PARAMETER_OF_MEMBER = 2

# All rows of the group, also of people whom no list shows.
LIST_MEMBER_IDS = "select user_id from group_members where group_id = $1"
LIST_MEMBER_NAMES = """
    select u.id, u.username, u.is_system from group_members m join users u on u.id = m.user_id and not u.deleted
    where m.group_id = $1 order by lower(u.username)
"""
# Held until the end, so that nobody leaves the organization in between.
HOLD_CANDIDATES = """
    select u.id, u.username, u.is_system
    from organization_members m join users u on u.id = m.user_id and not u.deleted
    where m.organization_id = $1 and m.user_id = any ($2::uuid[])
    order by m.user_id for key share of m
"""
INSERT_MEMBERS = """
    insert into group_members (group_id, user_id) select $1, added.id from unnest($2::uuid[]) as added (id) order by added.id
"""
# One person and several groups, which the caller holds.
LIST_MEMBER_NAMES_OF_SEVERAL = """
    select m.group_id, u.id, u.username, u.is_system
    from group_members m join users u on u.id = m.user_id and not u.deleted
    where m.group_id = any ($1::uuid[]) order by lower(u.username)
"""
LIST_THOSE_OF_MEMBER = "select group_id from group_members where user_id = $1 and group_id = any ($2::uuid[])"
INSERT_MEMBER = """
    insert into group_members (group_id, user_id) select entered.id, $1 from unnest($2::uuid[]) as entered (id) order by entered.id
"""
DELETE_MEMBER = "delete from group_members where user_id = $1 and group_id = any ($2::uuid[])"
TOUCH = "update groups set updated_at = $2 where id = any ($1::uuid[])"
DELETE_MEMBERS = "delete from group_members where group_id = $1 and user_id = any ($2::uuid[])"


async def find_group(conn: Connection, group_id: UUID) -> GroupRow | None:
    """Return a group of a live organization."""
    return maybe(GroupRow, await conn.fetchrow(FIND, group_id))


async def lock_group(conn: Connection, group_id: UUID) -> GroupRow | None:
    """Return a group and hold it until the transaction ends."""
    return maybe(GroupRow, await conn.fetchrow(LOCK, group_id))


async def lock_groups(conn: Connection, ids: Collection[UUID]) -> list[GroupRow]:
    """Return those of the groups that are there, by id, and hold them until the transaction ends."""
    return many(GroupRow, await conn.fetch(LOCK_SEVERAL, list(ids)))


async def find_group_by_name(conn: Connection, organization_id: UUID, name: str) -> GroupRow | None:
    """Return an organization's group by name, whatever its case."""
    return maybe(GroupRow, await conn.fetchrow(FIND_BY_NAME, organization_id, name))


async def hold_organization(conn: Connection, organization_id: UUID) -> bool:
    """Keep an organization from being deleted until the transaction ends; False when it is deleted."""
    return await conn.fetchrow(HOLD_ORGANIZATION, organization_id) is not None


async def insert_group(conn: Connection, group: GroupRow) -> GroupRow:
    """Insert a group. Raises UniqueViolation (groups_name_key)."""
    row = await conn.fetchrow(INSERT, *(getattr(group, field) for field in _FIELDS))
    assert row is not None
    return one(GroupRow, row)


async def update_group(conn: Connection, group: GroupRow, now: datetime) -> GroupRow:
    """Write a changed group, which the caller holds. Raises UniqueViolation (groups_name_key)."""
    row = await conn.fetchrow(
        UPDATE, group.id, group.name, group.display_name, group.avatar_url, group.quota_allowance, now
    )
    assert row is not None
    return one(GroupRow, row)


async def delete_group(conn: Connection, group_id: UUID) -> None:
    """Delete a group; its memberships go with it, and a trigger takes it out of access lists."""
    await conn.execute(DELETE, group_id)


async def list_as_groups(conn: Connection, organization_id: UUID, ids: Collection[UUID]) -> list[UUID]:
    """Return those ids that are groups of the organization, in order."""
    return [row["id"] for row in await conn.fetch(LIST_AS_GROUPS, organization_id, list(ids))]


async def get_group_view(conn: Connection, group_id: UUID) -> GroupViewRow | None:
    """Return a group as the wire shows it; None when it has gone."""
    return maybe(GroupViewRow, await conn.fetchrow(GET_VIEW, group_id))


async def list_group_views(
    conn: Connection, wanted: GroupFilter, *, predicate: str, arguments: Sequence[Any]
) -> list[GroupViewRow]:
    """Return groups by name. `predicate` speaks of alias `g`; its parameters begin at FIRST_PARAMETER."""
    following = FIRST_PARAMETER + len(arguments)
    sql = f"{_LISTED} and ({predicate}) order by lower(g.name), g.id limit ${following} offset ${following + 1}"
    ids = None if wanted.ids is None else list(wanted.ids)
    found = await conn.fetch(sql, wanted.organization_id, ids, wanted.text, *arguments, wanted.limit, wanted.offset)
    return many(GroupViewRow, found)


async def list_group_ids_of_member(conn: Connection, user_id: UUID, visible: Predicate) -> list[UUID]:
    """Return the groups that a user is in, as far as the predicate (on alias `e`) shows the membership."""
    sql = LIST_GROUPS_OF_MEMBER.format(predicate=visible.sql)
    return [row["group_id"] for row in await conn.fetch(sql, user_id, *visible.args)]


async def list_members(
    conn: Connection, group_ids: Sequence[UUID], visible: Predicate, *, limit: int | None
) -> dict[UUID, GroupMembers]:
    """Return of each group that has people how many, and the first whom the predicate (on alias `e`) shows."""
    sql = LIST_MEMBERS.format(predicate=visible.sql)
    return {
        row.group_id: row for row in many(GroupMembers, await conn.fetch(sql, list(group_ids), limit, *visible.args))
    }


async def list_people(conn: Connection, ids: Collection[UUID]) -> list[ReducedUser]:
    """Return people, in no order."""
    return many(ReducedUser, await conn.fetch(LIST_PEOPLE, list(ids)))


async def list_member_ids(conn: Connection, group_id: UUID) -> set[UUID]:
    """Return who has a row in the group."""
    return {row["user_id"] for row in await conn.fetch(LIST_MEMBER_IDS, group_id)}


async def list_member_names(conn: Connection, group_id: UUID) -> list[MemberCandidate]:
    """Return who is in the group by a row, by username."""
    return many(MemberCandidate, await conn.fetch(LIST_MEMBER_NAMES, group_id))


async def list_member_names_of_several(conn: Connection, ids: Collection[UUID]) -> dict[UUID, list[MemberCandidate]]:
    """Return who is in each of the groups by a row, by username."""
    found: dict[UUID, list[MemberCandidate]] = {group_id: [] for group_id in ids}
    for row in await conn.fetch(LIST_MEMBER_NAMES_OF_SEVERAL, list(ids)):
        found[row["group_id"]].append(MemberCandidate(row["id"], row["username"], row["is_system"]))
    return found


async def list_those_of_member(conn: Connection, user_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the groups that somebody is in by a row."""
    return {row["group_id"] for row in await conn.fetch(LIST_THOSE_OF_MEMBER, user_id, list(ids))}


async def move_member(
    conn: Connection, user_id: UUID, *, enters: Collection[UUID], leaves: Collection[UUID], now: datetime
) -> None:
    """Put somebody into groups that they are not in, and out of others. Raises CheckViolation for a user deleted meanwhile."""
    await conn.execute(DELETE_MEMBER, user_id, list(leaves))
    await conn.execute(INSERT_MEMBER, user_id, list(enters))
    await conn.execute(TOUCH, [*enters, *leaves], now)


async def hold_candidates(conn: Connection, organization_id: UUID, ids: Collection[UUID]) -> list[MemberCandidate]:
    """Return those of the users who are members of the organization, and keep them there until the transaction ends."""
    return many(MemberCandidate, await conn.fetch(HOLD_CANDIDATES, organization_id, list(ids)))


async def insert_members(conn: Connection, group_id: UUID, user_ids: Collection[UUID]) -> None:
    """Add people, who are not in the group. Raises CheckViolation for a user deleted meanwhile."""
    await conn.execute(INSERT_MEMBERS, group_id, list(user_ids))


async def delete_members(conn: Connection, group_id: UUID, user_ids: Collection[UUID]) -> None:
    """Take people out of the group."""
    await conn.execute(DELETE_MEMBERS, group_id, list(user_ids))
