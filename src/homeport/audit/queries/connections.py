"""Rows of `connection_logs`: one is written when somebody comes, and its end when they leave."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.audit.queries.selections import COUNT_AT_MOST, Selection
from homeport.audit.types import ConnectionRow
from homeport.database import Connection, rows

INSERT_CONNECTION = """
insert into connection_logs (
    id, connect_time, organization_id, workspace_owner_id, workspace_id, workspace_name, agent_name, type, ip, user_id,
    user_agent, slug_or_port, status_code, connection_id, disconnect_time, disconnect_reason, exit_code, replica_id
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""

UPDATE_DISCONNECTED = """
update connection_logs set disconnect_time = $2, disconnect_reason = $3, exit_code = $4
where connection_id = $1 and disconnect_time is null
"""

# Of servers that have stopped, in order or not: they are not there, or have not been heard of since $1.
CLOSE_ABANDONED = """
update connection_logs c set
    disconnect_time = coalesce((select coalesce(r.stopped_at, r.updated_at) from replicas r where r.id = c.replica_id), $2),
    disconnect_reason = $3
where c.connection_id is not null and c.disconnect_time is null and not exists (
    select 1 from replicas r where r.id = c.replica_id and r.stopped_at is null and r.updated_at >= $1
)
"""

# What only the rows of the page need is joined after the page is cut.
LIST_CONNECTIONS = """
select
    c.id, c.connect_time, c.organization_id, c.workspace_owner_id, c.workspace_id, c.workspace_name, c.agent_name, c.type,
    c.ip, c.user_id, c.user_agent, c.slug_or_port, c.status_code, c.connection_id, c.disconnect_time,
    c.disconnect_reason, c.exit_code, c.replica_id,
    o.name as organization_name, o.display_name as organization_display_name, o.icon as organization_icon,
    w.username as workspace_owner_username,
    u.username, u.name as user_name, u.email, u.avatar_url, u.status as user_status, u.login_type as user_login_type,
    u.created_at as user_created_at, u.last_seen_at as user_last_seen_at
from (
    select c.* from connection_logs c where {predicate} order by c.connect_time desc, c.id desc limit $1::bigint offset $2::bigint
) c
join organizations o on o.id = c.organization_id
join users w on w.id = c.workspace_owner_id
left join users u on u.id = c.user_id
order by c.connect_time desc, c.id desc
"""

# For who may read some organizations' connections: the newest of each, merged.
LIST_CONNECTIONS_OF_ORGANIZATIONS = LIST_CONNECTIONS.replace(
    "select c.* from connection_logs c where {predicate} order by c.connect_time desc, c.id desc limit $1::bigint offset $2::bigint",
    """
    select c.* from unnest($3::uuid[]) as k(id) cross join lateral (
        select c.* from connection_logs c where c.organization_id = k.id and {predicate}
        order by c.connect_time desc, c.id desc limit $1::bigint + $2::bigint
    ) c order by c.connect_time desc, c.id desc limit $1::bigint offset $2::bigint
    """,
)

COUNT_CONNECTIONS = """
select count(*) from (
    select 1 from connection_logs c where {predicate} order by c.connect_time desc limit $1
) counted
"""
COUNT_CONNECTIONS_OF_ORGANIZATIONS = """
select count(*) from (
    select 1 from unnest($2::uuid[]) as k(id) cross join lateral (
        select 1 from connection_logs c where c.organization_id = k.id and {predicate} order by c.connect_time desc limit $1
    ) c limit $1
) counted
"""
FIND_CONNECTION_PLACE = "select connect_time from connection_logs where id = $1"


class ConnectionView(ConnectionRow, frozen=True, kw_only=True):
    """A row with the names that the log shows. `username` is None where nobody had signed in."""

    organization_name: str
    organization_display_name: str
    organization_icon: str
    workspace_owner_username: str
    username: str | None
    user_name: str | None
    email: str | None
    avatar_url: str | None
    user_status: str | None
    user_login_type: str | None
    user_created_at: datetime | None
    user_last_seen_at: datetime | None


async def insert_connection(conn: Connection, row: ConnectionRow) -> None:
    """Write that somebody came."""
    await conn.execute(INSERT_CONNECTION, *msgspec.structs.astuple(row))


async def update_disconnected(
    conn: Connection, connection_id: UUID, *, now: datetime, reason: str, exit_code: int | None
) -> bool:
    """Write that they left; False where the end was written already."""
    return await conn.execute(UPDATE_DISCONNECTED, connection_id, now, reason, exit_code) > 0


async def close_abandoned(conn: Connection, *, seen_since: datetime, now: datetime, reason: str) -> int:
    """End what servers that are no more have left open; return how many there were."""
    return await conn.execute(CLOSE_ABANDONED, seen_since, now, reason)


async def list_connections(
    conn: Connection, selection: Selection, *, limit: int, offset: int = 0
) -> list[ConnectionView]:
    """Return connections, newest first."""
    condition, args = selection.condition(3 + len(selection.keys))
    sql = LIST_CONNECTIONS_OF_ORGANIZATIONS if selection.organizations else LIST_CONNECTIONS
    found = await conn.fetch(sql.replace("{predicate}", condition), limit, offset, *selection.keys, *args)
    return rows.many(ConnectionView, found)


async def count_connections(conn: Connection, selection: Selection) -> int:
    """Return how many connections there are, at most COUNT_AT_MOST."""
    condition, args = selection.condition(2 + len(selection.keys))
    sql = COUNT_CONNECTIONS_OF_ORGANIZATIONS if selection.organizations else COUNT_CONNECTIONS
    return int(await conn.fetchval(sql.replace("{predicate}", condition), COUNT_AT_MOST, *selection.keys, *args))


async def find_connection_place(conn: Connection, row_id: UUID) -> datetime | None:
    """Return the time of a connection by the id of its row."""
    found: datetime | None = await conn.fetchval(FIND_CONNECTION_PLACE, row_id)
    return found
