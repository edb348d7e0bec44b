"""SQL of the deployment's own routes."""

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
select id, name, version, api_version, provisioners, tags, last_seen_at
from provisioner_daemons where last_seen_at > $1 order by name, id limit 200
"""


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
