"""Removing what has expired: codes, device codes, tokens with their keys, families, what counted once, clients that nobody uses."""

from datetime import datetime
from typing import Final
from uuid import UUID

from homeport.config import Settings
from homeport.database import Database
from homeport.kit import clock
from homeport.oauth2.queries import purging as queries
from homeport.oauth2.service.device_approval import WINDOW
from homeport.oauth2.service.registering import delete_unused_clients

_LOCK: Final = "oauth2:purge"
BATCH: Final = 1_000
_MOST_BATCHES: Final = 200
"""Of one kind and round: what is left waits for the next, so that no round goes on for ever."""


async def purge(db: Database, settings: Settings) -> int:
    """Remove what has expired, in transactions of one batch each, unless another server is about to. Returns how many rows went."""
    now = clock.now()
    spent_until = now - settings.oauth2_refresh_token_lifetime - settings.oauth2_refresh_grace
    total = 0
    for statement in queries.BY_EXPIRY:
        total += await _purge_kind(db, statement, now)
    total += await _purge_kind(db, queries.DELETE_OLD_SPENT_TOKENS, spent_until)
    total += await _purge_tokens(db, now)
    async with db.transaction() as conn:
        total += await queries.delete_old_device_attempts(conn, now - WINDOW)
    return total + await delete_unused_clients(db, settings)


async def _purge_kind(db: Database, statement: str, before: datetime) -> int:
    total = 0
    for _ in range(_MOST_BATCHES):
        async with db.transaction() as conn:
            if not await conn.try_lock(_LOCK):
                return total
            count = await queries.delete_batch(conn, statement, before=before, most=BATCH)
        total += count
        if count < BATCH:
            break
    return total


async def _purge_tokens(db: Database, now: datetime) -> int:
    total = 0
    for _ in range(_MOST_BATCHES):
        async with db.transaction() as conn:
            if not await conn.try_lock(_LOCK):
                return total
            count, family_ids = await queries.delete_expired_tokens(conn, before=now, most=BATCH)
        total += count
        if family_ids:
            total += await _purge_families(db, family_ids)
        if count < BATCH:
            break
    return total


async def _purge_families(db: Database, family_ids: list[UUID]) -> int:
    """In a transaction of its own: whoever uses a token holds its family first, then the token."""
    async with db.transaction() as conn:
        return await queries.delete_empty_families(conn, family_ids)
