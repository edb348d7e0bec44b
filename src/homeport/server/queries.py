"""SQL of the deployment's own routes."""

import socket
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.kit.ids import new_id

# The first server to ask writes the id; every later one reads it.
ENSURE_DEPLOYMENT_ID = """
with made as (
    insert into site_configs (key, value) values ('deployment_id', $1) on conflict (key) do nothing returning value
)
select value from made union all select value from site_configs where key = 'deployment_id' limit 1
"""

PING = "select 1"

LIST_RECENT_DAEMONS = """
select id, name, version, api_version, provisioners, tags, isolation, last_seen_at
from provisioner_daemons where last_seen_at > $1 order by name, id limit 200
"""

GET_DEFAULT_ORGANIZATION = "select id from organizations where is_default"

INSERT_REPLICA = """
insert into replicas (id, hostname, version, started_at, updated_at) values ($1, $2, $3, $4, $4)
"""

UPDATE_REPLICA_SEEN = "update replicas set updated_at = $2 where id = $1"

UPDATE_REPLICA_STOPPED = "update replicas set updated_at = $2, stopped_at = $2 where id = $1"


async def get_deployment_id(conn: Connection) -> UUID:
    """Return the id that this deployment keeps for ever; the first call makes it."""
    return UUID(await conn.fetchval(ENSURE_DEPLOYMENT_ID, str(new_id())))


async def ping(conn: Connection) -> None:
    """Make the database answer."""
    await conn.fetchval(PING)


async def list_recent_daemons(conn: Connection, *, now: datetime) -> list[dict[str, Any]]:
    """Return the daemons seen in the last 90 seconds, as plain JSON."""
    found = await conn.fetch(LIST_RECENT_DAEMONS, now - timedelta(seconds=90))
    return [{"provisioner_daemon": {**row, "id": str(row["id"])}, "warnings": []} for row in map(dict, found)]


async def get_default_organization_id(conn: Connection) -> UUID:
    """Return the id of the organization that exists from the start."""
    found: UUID = await conn.fetchval(GET_DEFAULT_ORGANIZATION)
    return found


async def insert_replica(conn: Connection, replica_id: UUID, *, version: str, now: datetime) -> None:
    """Write this server process down among the running ones."""
    await conn.execute(INSERT_REPLICA, replica_id, socket.gethostname(), version, now)


async def update_replica_seen(conn: Connection, replica_id: UUID, *, now: datetime) -> None:
    """Say that this server still runs."""
    await conn.execute(UPDATE_REPLICA_SEEN, replica_id, now)


async def update_replica_stopped(conn: Connection, replica_id: UUID, *, now: datetime) -> None:
    """Say that this server has stopped in order."""
    await conn.execute(UPDATE_REPLICA_STOPPED, replica_id, now)
