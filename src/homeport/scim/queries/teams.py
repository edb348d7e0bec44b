"""SQL on `scim_groups`, and the groups of one organization as SCIM shows them, without that of all its members."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe
from homeport.scim.types import MemberRow, TeamRow

_COLUMNS = """
g.id, coalesce(s.external_id, '') as external_id, coalesce(nullif(g.display_name, ''), g.name) as display_name, g.created_at,
greatest(g.updated_at, s.updated_at) as updated_at
"""
_TEAMS = "from groups g left join scim_groups s on s.group_id = g.id where g.organization_id = $1 and g.id <> $1"
FIND_TEAM = f"select {_COLUMNS} {_TEAMS} and g.id = $2"
LIST_TEAMS = f"select {_COLUMNS} {_TEAMS} and {{predicate}}"
COUNT_TEAMS = f"select count(*) {_TEAMS} and {{predicate}}"
FIRST_PARAMETER = 2
IS_NAME_TAKEN = """
select exists (
    select 1 from groups where organization_id = $1 and id <> $3
        and lower(coalesce(nullif(display_name, ''), name)) = lower($2)
)
"""
LIST_MEMBERS = """
select m.group_id, m.user_id, coalesce(nullif(u.name, ''), u.username) as display, '' as group_display
from group_members m join users u on u.id = m.user_id and not u.deleted and not u.is_system
where m.group_id = any ($1::uuid[]) order by m.group_id, lower(u.username), m.user_id
"""
KEEP_TEAM = """
insert into scim_groups (group_id, external_id, created_at, updated_at) values ($1, $2, $3, $3)
on conflict (group_id) do update set external_id = excluded.external_id, updated_at = excluded.updated_at
"""
BY_AGE = "g.created_at, g.id"


async def find_team(conn: Connection, organization_id: UUID, group_id: UUID) -> TeamRow | None:
    """Return a group of the organization."""
    return maybe(TeamRow, await conn.fetchrow(FIND_TEAM, organization_id, group_id))


async def list_teams(
    conn: Connection,
    organization_id: UUID,
    *,
    condition: str,
    arguments: Sequence[Any],
    order: str,
    limit: int,
    offset: int,
) -> list[TeamRow]:
    """Return a page of the groups that fulfil a condition, whose parameters begin at FIRST_PARAMETER."""
    following = FIRST_PARAMETER + len(arguments)
    sql = f"{LIST_TEAMS.replace('{predicate}', condition)} order by {order} limit ${following} offset ${following + 1}"
    return many(TeamRow, await conn.fetch(sql, organization_id, *arguments, limit, offset))


async def count_teams(conn: Connection, organization_id: UUID, *, condition: str, arguments: Sequence[Any]) -> int:
    """Count the groups that fulfil a condition."""
    found: int = await conn.fetchval(COUNT_TEAMS.replace("{predicate}", condition), organization_id, *arguments)
    return found


async def is_name_taken(conn: Connection, organization_id: UUID, display_name: str, except_id: UUID) -> bool:
    """Tell whether another group of the organization is shown under this name."""
    return bool(await conn.fetchval(IS_NAME_TAKEN, organization_id, display_name, except_id))


async def list_members(conn: Connection, group_ids: Collection[UUID]) -> list[MemberRow]:
    """Return the people in groups, all of them in one query."""
    return many(MemberRow, await conn.fetch(LIST_MEMBERS, list(group_ids)))


async def keep_team(conn: Connection, group_id: UUID, external_id: str, now: datetime) -> None:
    """Write the provider's id of a group. Raises UniqueViolation (scim_groups_external_key)."""
    await conn.execute(KEEP_TEAM, group_id, external_id, now)
