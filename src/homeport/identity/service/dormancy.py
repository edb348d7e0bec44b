"""Accounts that nobody uses become dormant. They lose nothing by it: whoever appears again is active again."""

from msgspec.structs import replace

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.queries import statuses as queries
from homeport.identity.service.trail import record_user
from homeport.identity.types import UserStatus
from homeport.kit import clock
from homeport.telemetry.logs import get_logger

_LOCK = "identity:dormancy"
_BATCH = 200
_log = get_logger(__name__)


async def mark_dormant(db: Database, settings: Settings) -> int:
    """Mark what was not used for the configured time, unless another server is about to; returns how many."""
    if not settings.account_dormancy_period:
        return 0
    total = 0
    while True:
        async with db.transaction() as conn:
            count = await _mark_some(conn, settings) if await conn.try_lock(_LOCK) else 0
        total += count
        if count < _BATCH:
            break
    if total:
        _log.info("accounts that nobody used have become dormant", accounts=total)
    return total


async def _mark_some(conn: Connection, settings: Settings) -> int:
    now = clock.now()
    rows = await queries.mark_dormant(conn, idle_since=now - settings.account_dormancy_period, most=_BATCH, now=now)
    for after in rows:
        before = replace(after, status=UserStatus.ACTIVE.value)
        await record_user(conn, after.id, AuditAction.WRITE, before=before, after=after, subsystem="dormancy")
    return len(rows)
