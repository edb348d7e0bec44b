"""Rows of `audit_logs`: writing them, and pages of them, newest first.

The texts hold conditions of one search only (`conditions`), so that each is planned for what it asks. Every condition
alone has an index of which a page reads no more than it shows.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.queries.selections import COUNT_AT_MOST, Selection
from homeport.database import Connection, rows

# The most names that free words may begin; and where there are more, how many of the newest entries are looked through.
NAMES_AT_MOST = 100
LOOKED_THROUGH = 20_000

INSERT_ENTRY = """
insert into audit_logs (
    id, time, user_id, organization_id, ip, user_agent, resource_type, resource_id, resource_target, resource_icon,
    action, diff, status_code, additional_fields, request_id
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

_SHOWN = """
    a.id, a.time, a.user_id, a.organization_id, a.ip, a.user_agent, a.resource_type, a.resource_id, a.resource_target,
    a.resource_icon, a.action, a.diff, a.status_code, a.additional_fields, a.request_id,
    u.username, u.name as user_name, u.email, u.avatar_url, u.status as user_status, u.login_type as user_login_type,
    u.created_at as user_created_at, u.last_seen_at as user_last_seen_at,
    o.name as organization_name, o.display_name as organization_display_name, o.icon as organization_icon,
    w.name as workspace_name, w.owner_username as workspace_owner, t.name as template_name,
    exists (select 1 from deleted_resources d where d.id in (a.resource_id, w.id)) as is_deleted
"""
# What only the rows of the page need is joined after the page is cut.
_JOINED = """
left join users u on u.id = a.user_id
left join organizations o on o.id = a.organization_id
left join workspaces_expanded w on w.id = case a.resource_type
    when 'workspace' then a.resource_id
    when 'workspace_build' then (a.additional_fields ->> 'workspace_id')::uuid
end
left join templates t on a.resource_type = 'template' and t.id = a.resource_id
order by a.time desc, a.id desc
"""

# By the index of the one filter there is, else by that of the time.
LIST_ENTRIES = f"""
select {_SHOWN} from (
    select a.* from audit_logs a where {{predicate}} order by a.time desc, a.id desc limit $1::bigint offset $2::bigint
) a
{_JOINED}
"""

# For who may read some organizations' entries: the newest of each by audit_logs_organization_idx, merged.
LIST_ENTRIES_OF_ORGANIZATIONS = f"""
select {_SHOWN} from (
    select a.* from unnest($3::uuid[]) as k(id) cross join lateral (
        select a.* from audit_logs a where a.organization_id = k.id and {{predicate}}
        order by a.time desc, a.id desc limit $1::bigint + $2::bigint
    ) a order by a.time desc, a.id desc limit $1::bigint offset $2::bigint
) a
{_JOINED}
"""

# For words: the newest of each name that begins with them, by audit_logs_target_idx, merged.
LIST_ENTRIES_OF_NAMES = f"""
select {_SHOWN} from (
    select a.* from unnest($3::text[]) as k(name) cross join lateral (
        select a.* from audit_logs a where lower(a.resource_target) collate "C" = k.name and {{predicate}}
        order by a.time desc, a.id desc limit $1::bigint + $2::bigint
    ) a order by a.time desc, a.id desc limit $1::bigint offset $2::bigint
) a
{_JOINED}
"""

# Counts no further than asked, in the order of the same indexes: a long log costs no more than a short one.
COUNT_ENTRIES = """
select count(*) from (
    select 1 from audit_logs a where {predicate} order by a.time desc limit $1
) counted
"""
COUNT_ENTRIES_OF_ORGANIZATIONS = """
select count(*) from (
    select 1 from unnest($2::uuid[]) as k(id) cross join lateral (
        select 1 from audit_logs a where a.organization_id = k.id and {predicate} order by a.time desc limit $1
    ) a limit $1
) counted
"""
COUNT_ENTRIES_OF_NAMES = """
select count(*) from (
    select 1 from unnest($2::text[]) as k(name) cross join lateral (
        select 1 from audit_logs a where lower(a.resource_target) collate "C" = k.name and {predicate}
        order by a.time desc limit $1
    ) a limit $1
) counted
"""

# Steps from one name to the next in audit_logs_target_idx, however many entries each has. $2 is behind all of them.
LIST_NAMES = """
with recursive found as (
    (
        select lower(a.resource_target) collate "C" as name from audit_logs a
        where lower(a.resource_target) collate "C" >= lower($1)
          and lower(a.resource_target) collate "C" < lower($1) || $2
        order by lower(a.resource_target) collate "C" limit 1
    )
    union all
    select (
        select lower(a.resource_target) collate "C" from audit_logs a
        where lower(a.resource_target) collate "C" > f.name
          and lower(a.resource_target) collate "C" < lower($1) || $2
        order by lower(a.resource_target) collate "C" limit 1
    ) from found f where f.name is not null
)
select name from found where name is not null limit $3
"""

# The time of the entry that many newer ones precede.
FIND_TIME_BEFORE = """
select a.time from audit_logs a where $1::timestamptz is null or a.time <= $1 order by a.time desc offset $2 limit 1
"""
FIND_PLACE = "select time from audit_logs where id = $1"


class EntryRow(msgspec.Struct, frozen=True):
    """One row of the log, joined with its actor, organization, and the names that a link to its object needs."""

    id: UUID
    time: datetime
    user_id: UUID
    organization_id: UUID
    ip: str
    user_agent: str
    resource_type: str
    resource_id: UUID
    resource_target: str
    resource_icon: str
    action: str
    diff: dict[str, Any]
    status_code: int
    additional_fields: dict[str, Any]
    request_id: UUID
    username: str | None
    user_name: str | None
    email: str | None
    avatar_url: str | None
    user_status: str | None
    user_login_type: str | None
    user_created_at: datetime | None
    user_last_seen_at: datetime | None
    organization_name: str | None
    organization_display_name: str | None
    organization_icon: str | None
    workspace_name: str | None
    workspace_owner: str | None
    template_name: str | None
    is_deleted: bool


async def insert_entry(conn: Connection, *values: Any) -> None:
    """Write one entry; `values` follow the columns of INSERT_ENTRY."""
    await conn.execute(INSERT_ENTRY, *values)


async def list_entries(conn: Connection, selection: Selection, *, limit: int, offset: int = 0) -> list[EntryRow]:
    """Return entries, newest first."""
    keys = selection.keys
    condition, args = selection.condition(3 + len(keys))
    sql = (
        LIST_ENTRIES_OF_ORGANIZATIONS
        if selection.organizations
        else LIST_ENTRIES_OF_NAMES
        if selection.names
        else LIST_ENTRIES
    )
    return rows.many(EntryRow, await conn.fetch(sql.replace("{predicate}", condition), limit, offset, *keys, *args))


async def count_entries(conn: Connection, selection: Selection) -> int:
    """Return how many entries there are, at most COUNT_AT_MOST."""
    keys = selection.keys
    condition, args = selection.condition(2 + len(keys))
    sql = (
        COUNT_ENTRIES_OF_ORGANIZATIONS
        if selection.organizations
        else COUNT_ENTRIES_OF_NAMES
        if selection.names
        else COUNT_ENTRIES
    )
    return int(await conn.fetchval(sql.replace("{predicate}", condition), COUNT_AT_MOST, *keys, *args))


async def list_names(conn: Connection, beginning: str) -> list[str]:
    """Return the names of objects, lower-case, that begin so: at most one more than NAMES_AT_MOST."""
    found = await conn.fetch(LIST_NAMES, beginning, "\U0010ffff", NAMES_AT_MOST + 1)
    return [row["name"] for row in found]


async def find_time_before(conn: Connection, until: datetime | None) -> datetime | None:
    """Return the time of the entry that LOOKED_THROUGH ones precede, counted from `until` back; None: there are fewer."""
    found: datetime | None = await conn.fetchval(FIND_TIME_BEFORE, until, LOOKED_THROUGH)
    return found


async def find_place(conn: Connection, entry_id: UUID) -> datetime | None:
    """Return the time of an entry."""
    found: datetime | None = await conn.fetchval(FIND_PLACE, entry_id)
    return found
