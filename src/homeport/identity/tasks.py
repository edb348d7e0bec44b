"""The background loops of identity."""

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.service import attempts, sessions
from homeport.identity.service.dormancy import mark_dormant
from homeport.identity.service.passcodes import PASSCODE_CHANNEL, answer_requests
from homeport.kit.crypto import Cipher

INTERVAL_SECONDS = 3600.0
PASSCODE_SECONDS = 5.0
__all__ = [
    "INTERVAL_SECONDS",
    "PASSCODE_CHANNEL",
    "PASSCODE_SECONDS",
    "answer_passcodes_once",
    "mark_dormant_once",
    "purge_once",
]


async def mark_dormant_once(db: Database, settings: Settings) -> int:
    """Let accounts that nobody uses become dormant; return how many did."""
    return await mark_dormant(db, settings)


async def purge_once(db: Database) -> int:
    """Remove sessions that ran out long ago and counts of attempts that are over; return how many rows went."""
    return await sessions.purge(db) + await attempts.purge(db)


async def answer_passcodes_once(db: Database, settings: Settings, cipher: Cipher) -> int:
    """Mail one-time passcodes to whoever has asked for one; return how many were written."""
    return await answer_requests(db, settings, cipher)
