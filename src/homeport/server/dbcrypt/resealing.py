"""Sealing everything anew, and letting go of what no key opens. In batches, each a transaction of its own.

What was done stays done: a run that was broken off is simply started again, and passes over what has the right key already.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from homeport.database import Database
from homeport.database.rows import Record
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.server.dbcrypt import queries
from homeport.server.dbcrypt.columns import SEALED, Loss, SealedColumn


class Resealed(msgspec.Struct, frozen=True):
    """What a run has done in one column, and what is left: values by the id of a key that is not the first."""

    column: SealedColumn
    resealed: int
    left: dict[str, int]


async def rotate(db: Database, cipher: Cipher) -> list[Resealed]:
    """Seal everything with the first key of a cipher, whichever of its keys has sealed it; then look at what is left."""
    return [await _rotate_column(db, cipher, column) for column in SEALED]


async def find_unopenable(db: Database, cipher: Cipher) -> dict[SealedColumn, int]:
    """Count by column the values that no key of a cipher opens: the key is missing, or the value was damaged."""
    found: dict[SealedColumn, int] = {}
    for column in SEALED:
        async for batch in _batches(db, column):
            if count := sum(not _opens(cipher, row["sealed"]) for row in batch.rows):
                found[column] = found.get(column, 0) + count
    return found


async def delete_unopenable(db: Database, cipher: Cipher) -> dict[SealedColumn, int]:
    """Let go of the values that no key of a cipher opens, as their columns declare; returns how many by column."""
    gone: dict[SealedColumn, int] = {}
    for column in SEALED:
        async for batch in _batches(db, column):
            for row in batch.rows:
                if not _opens(cipher, row["sealed"]):
                    await _let_go(batch.conn, cipher, column, _keys(column, row))
                    gone[column] = gone.get(column, 0) + 1
    return gone


async def _rotate_column(db: Database, cipher: Cipher, column: SealedColumn) -> Resealed:
    count = 0
    async for batch in _batches(db, column, not_by=cipher.key_id):
        for row in batch.rows:
            try:
                opened = cipher.decrypt(row["sealed"])
            except DecryptionFailed:
                continue
            sealed = cipher.encrypt(opened)
            await queries.update_sealed(batch.conn, column, _keys(column, row), sealed, key_id=cipher.key_id)
            count += 1
    async with db.connection() as conn:
        left = await queries.count_by_key(conn, column)
    left.pop(cipher.key_id, None)
    return Resealed(column, count, left)


class _Batch(msgspec.Struct, frozen=True):
    conn: Any
    rows: list[Record]


async def _batches(db: Database, column: SealedColumn, *, not_by: str = "") -> AsyncIterator[_Batch]:
    """Yield the values of a column in batches, each in a transaction that ends before the next begins."""
    after: tuple[Any, ...] = ()
    while True:
        async with db.transaction() as conn:
            rows = await queries.lock_batch(conn, column, not_by=not_by, after=after)
            if rows:
                yield _Batch(conn, rows)
        if len(rows) < queries.BATCH:
            return
        after = _keys(column, rows[-1])


def _keys(column: SealedColumn, row: Record) -> tuple[Any, ...]:
    return tuple(row[name] for name in column.keys)


def _opens(cipher: Cipher, sealed: bytes) -> bool:
    try:
        cipher.decrypt(sealed)
    except DecryptionFailed:
        return False
    return True


async def _let_go(conn: Any, cipher: Cipher, column: SealedColumn, keys: tuple[Any, ...]) -> None:
    if column.loss is Loss.ROW:
        await queries.delete_row(conn, column, keys)
    else:
        value = cipher.encrypt(b"") if column.loss is Loss.BLANK else None
        await queries.update_sealed(conn, column, keys, value, key_id=cipher.key_id)
