"""The door to PostgreSQL: sessions for reading, transactions, and transactions that run again when they lose a race."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from homeport.database import queries
from homeport.database.connection import Connection, Raw
from homeport.database.driver import RAISED, translate
from homeport.database.errors import DatabaseError, SerializationFailure
from homeport.database.events import EventBus
from homeport.database.metrics import RETRIES
from homeport.database.pool import Pool
from homeport.database.queries import Isolation
from homeport.database.rows import Record
from homeport.database.session import SESSION_SETTINGS, Types, open_session
from homeport.telemetry.logs import get_logger

T = TypeVar("T")

log = get_logger(__name__)

_ATTEMPTS = 10


class Database:
    """Sessions of one process with one database. Made once by the composition root and passed to the services."""

    def __init__(
        self, url: str, *, events: EventBus | None = None, pool_size: int = 20, patience: float = 10.0
    ) -> None:
        """`url` is `postgresql://…`; `patience` is how many seconds a caller waits for a session before 503."""
        self.url = url
        self.events = events or EventBus()
        self.types: Types = {}
        self.pool = Pool(self.connect, size=pool_size, patience=patience)

    async def connect(self) -> Raw:
        """Open one more session outside the pool; the caller closes it."""
        return await open_session(self.url, SESSION_SETTINGS, types=self.types)

    async def close(self) -> None:
        """Close all sessions."""
        await self.pool.close()

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """One statement on any session, first row or None: the cheapest way there is."""
        raw = await self.pool.acquire()
        try:
            row = await raw.fetchrow(sql, *args)
        except BaseException as error:
            self.pool.discard_later(raw)
            if isinstance(error, RAISED):
                raise translate(error) from error
            raise
        self.pool.release(raw)
        return row

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """One statement on any session, all rows."""
        async with self.connection() as connection:
            return await connection.fetch(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """One statement on any session, first column of the first row."""
        row = await self.fetchrow(sql, *args)
        return None if row is None else row[0]

    async def execute(self, sql: str, *args: Any) -> int:
        """One statement on any session and in a transaction of its own; returns the number of rows it touched."""
        async with self.connection() as connection:
            return await connection.execute(sql, *args)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a session without a transaction: for reads that need no common snapshot."""
        raw = await self.pool.acquire()
        try:
            yield Connection(raw, self.events)
        except BaseException:
            self.pool.discard_later(raw)
            raise
        if raw.is_in_transaction():
            self.pool.discard_later(raw)
        else:
            self.pool.release(raw)

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", read_only: bool = False
    ) -> AsyncIterator[Connection]:
        """Lend a session in a transaction: committed at the end of the block, rolled back when the block raises.

        Raises SerializationFailure where a concurrent transaction won; `run` tries again by itself.
        """
        raw = await self.pool.acquire()
        connection = Connection(raw, self.events, is_in_transaction=True)
        try:
            await _begin(raw, queries.BEGIN[isolation, read_only])
            yield connection
        except asyncio.CancelledError:
            self.pool.discard_later(raw)
            raise
        except BaseException:
            # Inline, so that the rows are free when the caller hears of the error.
            await self._roll_back(raw)
            raise
        finally:
            connection.is_in_transaction = False
        await self._commit(connection)

    async def run(self, work: Callable[[Connection], Awaitable[T]], *, isolation: Isolation = "repeatable_read") -> T:
        """Run `work` in a transaction and again when it lost against a concurrent one (ten times, with growing pauses).

        `work` may run more than once, so it changes nothing but the database; the rest goes into `after_commit`.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self.transaction(isolation=isolation) as connection:
                    return await work(connection)
            except SerializationFailure:
                if attempt == _ATTEMPTS:
                    raise
            RETRIES.inc()
            # Real time, never the clock of a test: what we lost against runs in real time.
            await asyncio.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 7)))  # noqa: S311  # no secret
        raise AssertionError("unreachable")

    async def _roll_back(self, raw: Raw) -> None:
        if raw.is_closed():
            self.pool.release(raw)
            return
        try:
            await raw.execute(queries.ROLLBACK)
        except RAISED:
            self.pool.discard_later(raw)
        except asyncio.CancelledError:
            self.pool.discard_later(raw)
            raise
        else:
            self.pool.release(raw)

    async def _commit(self, connection: Connection) -> None:
        """Commit to the end even when the caller is cancelled meanwhile: half a commit would be nobody's."""
        task = asyncio.get_running_loop().create_task(self._finish(connection))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_hear_out)
            if not task.done():
                await asyncio.wait({task})
            raise

    async def _finish(self, connection: Connection) -> None:
        raw = connection.raw
        try:
            status = await raw.execute(queries.COMMIT)
        except BaseException as error:
            self.pool.discard_later(raw)
            if isinstance(error, RAISED):
                raise translate(error) from error
            raise
        self.pool.release(raw)
        if status == "ROLLBACK":
            # A statement failed, the block swallowed its error and went on: PostgreSQL turned the commit around.
            raise DatabaseError("The change was not stored.", detail="the transaction had failed before its commit")
        for failure in await connection.run_callbacks():
            log.error("work after a commit failed", error=repr(failure), exc_info=failure)


def _hear_out(task: asyncio.Task[None]) -> None:
    """Take the outcome of a commit whose caller has gone, so that nothing complains that nobody did."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a commit failed after its caller was cancelled", error=repr(error))


async def _begin(raw: Raw, sql: str) -> None:
    try:
        await raw.execute(sql)
    except RAISED as error:
        raise translate(error) from error
