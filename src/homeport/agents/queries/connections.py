"""When agents were connected, and the key with which servers log in to them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection

UPDATE_CONNECTED = """
update workspace_agents set
    first_connected_at = coalesce(first_connected_at, $3), last_connected_at = $3, disconnected_at = null,
    disconnect_reason = '', last_connected_replica_id = $2, updated_at = $3
where id = $1
"""

# All agents of one server in one statement, however many: the cost of being connected stays flat.
UPDATE_STILL_CONNECTED = """
update workspace_agents set last_connected_at = $3
where id = any($1::uuid[]) and last_connected_replica_id = $2
"""

# A newer tunnel to another server is not to be written over.
UPDATE_DISCONNECTED = """
update workspace_agents set disconnected_at = $3, disconnect_reason = $4, updated_at = $3
where id = $1 and last_connected_replica_id = $2
"""

# A second program with the same token that cannot get in says nothing about the one that is connected.
UPDATE_DISCONNECT_REASON = """
update workspace_agents set disconnect_reason = $2
where id = $1 and disconnect_reason <> $2 and (first_connected_at is null or disconnected_at is not null)
"""

FIND_SITE_CONFIG = "select value from site_configs where key = $1"
# Two servers that start at once: the first key stays, both read it.
INSERT_SITE_CONFIG = "insert into site_configs (key, value) values ($1, $2) on conflict (key) do nothing"


async def update_connected(conn: Connection, agent_id: UUID, replica: UUID, now: datetime) -> None:
    """Note that an agent's tunnel has opened here."""
    await conn.execute(UPDATE_CONNECTED, agent_id, replica, now)


async def update_still_connected(conn: Connection, agent_ids: Sequence[UUID], replica: UUID, now: datetime) -> None:
    """Note that these tunnels still live."""
    await conn.execute(UPDATE_STILL_CONNECTED, list(agent_ids), replica, now)


async def update_disconnected(conn: Connection, agent_id: UUID, replica: UUID, now: datetime, reason: str) -> bool:
    """Note that an agent's tunnel has closed, and why."""
    return await conn.execute(UPDATE_DISCONNECTED, agent_id, replica, now, reason) == 1


async def update_disconnect_reason(conn: Connection, agent_id: UUID, reason: str) -> bool:
    """Note why an agent could not connect."""
    return await conn.execute(UPDATE_DISCONNECT_REASON, agent_id, reason) == 1


async def find_site_config(conn: Connection, key: str) -> str | None:
    """Return a value that the deployment keeps under a key, or None."""
    value: str | None = await conn.fetchval(FIND_SITE_CONFIG, key)
    return value


async def insert_site_config(conn: Connection, key: str, value: str) -> None:
    """Set a value of the deployment unless it is set."""
    await conn.execute(INSERT_SITE_CONFIG, key, value)
