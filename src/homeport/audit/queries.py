"""SQL of audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.audit.types import Search
from homeport.database import Connection, rows

COUNT_AT_MOST = 10_000

INSERT_ENTRY = """
insert into audit_logs (
    id, time, user_id, organization_id, ip, user_agent, resource_type, resource_id, resource_target, resource_icon,
    action, diff, status_code, additional_fields, request_id
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

# The order is that of audit_logs_time_idx: a page costs the same however long the log is.
LIST_ENTRIES = """
select
    a.id, a.time, a.user_id, a.organization_id, a.ip, a.user_agent, a.resource_type, a.resource_id, a.resource_target,
    a.resource_icon, a.action, a.diff, a.status_code, a.additional_fields, a.request_id,
    u.username, u.name as user_name, u.email, u.avatar_url, u.status as user_status, u.login_type as user_login_type,
    u.created_at as user_created_at, u.last_seen_at as user_last_seen_at,
    o.name as organization_name, o.display_name as organization_display_name, o.icon as organization_icon,
    exists (select 1 from deleted_resources d where d.id = a.resource_id) as is_deleted
from audit_logs a
left join users u on u.id = a.user_id
left join organizations o on o.id = a.organization_id
where ($1::text is null or a.action = $1)
  and ($2::text is null or a.resource_type = $2)
  and ($3::uuid is null or a.resource_id = $3)
  and ($4::uuid is null or a.organization_id = $4)
  and ($5::uuid is null or a.request_id = $5)
  and ($6::text is null or a.user_id = (select id from users where lower(username) = lower($6) and not deleted))
  and ($7::text is null or a.user_id = (select id from users where lower(email) = lower($7) and not deleted))
  and ($8::timestamptz is null or a.time >= $8)
  and ($9::timestamptz is null or a.time <= $9)
  and ($10::text is null or a.resource_target ilike '%' || $10 || '%')
  and {predicate}
order by a.time desc, a.id
limit $11 offset $12
"""

# Counts no further than COUNT_AT_MOST, so that a long log costs no more than a short one.
COUNT_ENTRIES = """
select count(*) from (
    select 1 from audit_logs a
    where ($1::text is null or a.action = $1)
      and ($2::text is null or a.resource_type = $2)
      and ($3::uuid is null or a.resource_id = $3)
      and ($4::uuid is null or a.organization_id = $4)
      and ($5::uuid is null or a.request_id = $5)
      and ($6::text is null or a.user_id = (select id from users where lower(username) = lower($6) and not deleted))
      and ($7::text is null or a.user_id = (select id from users where lower(email) = lower($7) and not deleted))
      and ($8::timestamptz is null or a.time >= $8)
      and ($9::timestamptz is null or a.time <= $9)
      and ($10::text is null or a.resource_target ilike '%' || $10 || '%')
      and {predicate}
    limit $11 offset $12
) counted
"""


class EntryRow(msgspec.Struct, frozen=True):
    """One row of the log, joined with its actor and organization."""

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
    is_deleted: bool


async def insert_entry(conn: Connection, *values: Any) -> None:
    """Write one entry; `values` follow the columns of INSERT_ENTRY."""
    await conn.execute(INSERT_ENTRY, *values)


async def list_entries(
    conn: Connection, search: Search, *, predicate: str, arguments: Sequence[Any], limit: int, offset: int
) -> tuple[list[EntryRow], int]:
    """Return one page of entries, newest first, and how many there are (at most COUNT_AT_MOST)."""
    where = (
        search.action, search.resource_type, search.resource_id, search.organization_id, search.request_id,
        search.username, search.email, search.date_from, search.date_to, search.text,
    )  # fmt: skip
    page = await conn.fetch(LIST_ENTRIES.replace("{predicate}", predicate), *where, limit, offset, *arguments)
    count = await conn.fetchval(COUNT_ENTRIES.replace("{predicate}", predicate), *where, COUNT_AT_MOST, 0, *arguments)
    return rows.many(EntryRow, page), int(count)
