"""Background loops of audit: old rows of both logs go, and connections of servers that are no more get their end."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from homeport.audit.queries import retention
from homeport.audit.service.connections import close_abandoned
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.telemetry.logs import get_logger

RETENTION_SECONDS = 600.0
SWEEP_SECONDS = 60.0
BATCH = 5_000
# A round ends after so many, lest one log keep the other waiting; the next round goes on.
BATCHES = 200
_LOCK = "audit:retention"
_log = get_logger(__name__)

Delete = Callable[[Connection, datetime, int], Awaitable[int]]


async def delete_old_once(db: Database, settings: Settings) -> int:
    """Delete what is older than the settings say, in batches of their own transactions; return how many rows went."""
    count = 0
    for lifetime, delete in (
        (settings.audit_logs_retention, retention.delete_old_entries),
        (settings.connection_logs_retention, retention.delete_old_connections),
    ):
        if lifetime > timedelta(0):
            count += await _delete_old(db, clock.now() - lifetime, delete)
    if count:
        _log.info("removed old rows of the audit and connection logs", rows=count)
    return count


async def _delete_old(db: Database, before: datetime, delete: Delete) -> int:
    count = 0
    for _ in range(BATCHES):
        async with db.transaction() as conn:
            gone = await delete(conn, before, BATCH) if await conn.try_lock(_LOCK) else 0
        count += gone
        if gone < BATCH:
            break
    return count


async def sweep_once(db: Database) -> int:
    """End the connections of servers that are no more; return how many there were."""
    count = await close_abandoned(db)
    if count:
        _log.info("ended connections of servers that are no more", connections=count)
    return count
