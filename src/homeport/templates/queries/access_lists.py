"""SQL that names the users and groups in an access list. Stale ids vanish: the tables decide who is there."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many
from homeport.identity.schemas import UserStatusName

LIST_USERS = """
    select u.id, u.username, u.name, u.email, u.avatar_url, u.created_at, u.updated_at, u.last_seen_at,
           u.status::text as status, u.login_type::text as login_type, u.rbac_roles as role_names,
           array(select m.organization_id from organization_members m where m.user_id = u.id order by 1) as organization_ids
    from users u
    where u.id = any ($1::uuid[]) and not u.deleted and not u.is_system
    order by lower(u.username)
"""
# Everyone has the organization's own id and its members are those of the organization.
LIST_GROUPS = """
    select g.id, g.name, g.display_name, g.organization_id, o.name as organization_name,
           o.display_name as organization_display_name, g.avatar_url, g.quota_allowance, g.source,
           case when g.id = g.organization_id
                then (select count(*) from organization_members m join users u on u.id = m.user_id
                      where m.organization_id = g.id and not u.deleted and not u.is_system)
                else (select count(*) from group_members m join users u on u.id = m.user_id
                      where m.group_id = g.id and not u.deleted)
           end::int as total_member_count
    from groups g
    join organizations o on o.id = g.organization_id
    where g.id = any ($1::uuid[]) and g.organization_id = $2
    order by lower(g.name)
"""
LIST_MEMBERS = """
    select g.id as group_id, m.*
    from unnest($1::uuid[]) as g (id)
    cross join lateral (
        select u.id, u.username, u.name, u.email, u.avatar_url, u.created_at, u.updated_at, u.last_seen_at,
               u.status::text as status, u.login_type::text as login_type
        from users u
        where not u.deleted and not u.is_system
          and (u.id in (select x.user_id from group_members x where x.group_id = g.id)
               or u.id in (select x.user_id from organization_members x where x.organization_id = g.id))
        order by lower(u.username)
        limit $2
    ) m
"""


class UserEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A user as an access list shows it."""

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
    role_names: list[str]
    organization_ids: list[UUID]


class MemberEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a group in an access list."""

    group_id: UUID
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


class GroupEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A group as an access list shows it."""

    id: UUID
    name: str
    display_name: str
    organization_id: UUID
    organization_name: str
    organization_display_name: str
    avatar_url: str
    quota_allowance: int
    source: str
    total_member_count: int


async def list_users(conn: Connection, ids: Sequence[UUID]) -> list[UserEntry]:
    """Return those of the users that exist, by name."""
    return many(UserEntry, await conn.fetch(LIST_USERS, list(ids)))


async def list_groups(conn: Connection, ids: Sequence[UUID], organization_id: UUID) -> list[GroupEntry]:
    """Return those of the groups that exist in this organization, by name."""
    return many(GroupEntry, await conn.fetch(LIST_GROUPS, list(ids), organization_id))


async def list_members(conn: Connection, group_ids: Sequence[UUID], *, limit: int) -> list[MemberEntry]:
    """Return the first members of each group."""
    return many(MemberEntry, await conn.fetch(LIST_MEMBERS, list(group_ids), limit))
