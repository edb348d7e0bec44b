"""Background loops of agents. Tunnels keep their own times; see `service/switchboard.py`."""

from datetime import timedelta

from homeport.agents.queries.reports import delete_old_stats
from homeport.database import Database
from homeport.kit import clock

STATS_KEPT = timedelta(days=7)
INTERVAL_SECONDS = 3600.0
_LOCK = "agents:delete_old_stats"


async def delete_stats_once(db: Database) -> int:
    """Delete old stats unless another server is about to; return how many rows went."""
    async with db.transaction() as conn:
        if not await conn.try_lock(_LOCK):
            return 0
        return await delete_old_stats(conn, clock.now() - STATS_KEPT)
