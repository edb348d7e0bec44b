"""The background loops of identity."""

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.service import attempts, sessions
from homeport.identity.service.dormancy import mark_dormant

INTERVAL_SECONDS = 3600.0


async def mark_dormant_once(db: Database, settings: Settings) -> int:
    """Let accounts that nobody uses become dormant; return how many did."""
    return await mark_dormant(db, settings)


async def purge_once(db: Database) -> int:
    """Remove sessions that ran out long ago and counts of attempts that are over; return how many rows went."""
    return await sessions.purge(db) + await attempts.purge(db)
