"""One session with PostgreSQL as the rooms see it: statements, events, notifications, and work for after the commit."""

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from homeport.database import queries
from homeport.database.driver import RAISED, translate
from homeport.database.errors import DatabaseError
from homeport.database.events import DomainEvent, EventBus
from homeport.database.rows import Record

Raw: TypeAlias = asyncpg.Connection
Callback = Callable[[], Awaitable[None] | None]


class Connection:
    """A session that is borrowed for one block. Arguments are positional as in PostgreSQL ($1, $2, …).

    Every statement may raise the errors of `database.errors`. Statements are prepared once per session and reused.
    """

    __slots__ = ("_after_commit", "_events", "is_in_transaction", "raw")

    def __init__(self, raw: Raw, events: EventBus, *, is_in_transaction: bool = False) -> None:
        self.raw = raw
        self.is_in_transaction = is_in_transaction
        self._events = events
        self._after_commit: list[Callback] = []

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """Return all rows."""
        try:
            rows: list[Record] = await self.raw.fetch(sql, *args)
        except RAISED as error:
            raise translate(error) from error
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """Return the first row or None."""
        try:
            return await self.raw.fetchrow(sql, *args)
        except RAISED as error:
            raise translate(error) from error

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row, or None where there is no row."""
        try:
            return await self.raw.fetchval(sql, *args)
        except RAISED as error:
            raise translate(error) from error

    async def execute(self, sql: str, *args: Any) -> int:
        """Run a statement and return how many rows it touched (0 for those that have no count)."""
        try:
            return affected_rows(await self.raw.execute(sql, *args))
        except RAISED as error:
            raise translate(error) from error

    async def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> None:
        """Run a statement once per row of arguments, in one round trip and all or nothing."""
        try:
            await self.raw.executemany(sql, rows)
        except RAISED as error:
            raise translate(error) from error

    async def emit(self, event: DomainEvent) -> None:
        """Run the handlers of this event now, inside the transaction."""
        self._require_transaction("emit")
        await self._events.publish(self, event)

    async def notify(self, channel: str, payload: str) -> None:
        """Tell every process that listens on `channel`, when (and only if) this transaction commits.

        `payload` holds less than 8000 bytes: ids, not contents. Equal messages of one transaction arrive once.
        """
        self._require_transaction("notify")
        await self.execute(queries.NOTIFY, channel, payload)

    async def try_lock(self, key: str) -> bool:
        """Take the lock named `key` until the transaction ends; False when another session holds it. Never waits."""
        self._require_transaction("try_lock")
        return bool(await self.fetchval(queries.TRY_LOCK, key))

    async def lock(self, key: str) -> None:
        """Take the lock named `key` until the transaction ends, waiting at most the session's lock time-out."""
        self._require_transaction("lock")
        await self.execute(queries.LOCK, key)

    def after_commit(self, callback: Callback) -> None:
        """Call `callback` once the transaction is committed; never when it rolls back. Its errors are logged only."""
        self._require_transaction("after_commit")
        self._after_commit.append(callback)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A block whose statements are undone when it raises, while the transaction goes on.

        Use it around a statement whose violation is an expected answer: without it the violation ends the transaction.
        """
        self._require_transaction("savepoint")
        callbacks = len(self._after_commit)
        # Nested ones may share the name: each hides the one before until it is released.
        await self.execute(queries.SAVEPOINT)
        try:
            yield
        except BaseException:
            del self._after_commit[callbacks:]
            # Where the session is lost the first error tells more than this one would.
            with contextlib.suppress(DatabaseError):
                await self.execute(queries.ROLLBACK_TO_SAVEPOINT)
            raise
        await self.execute(queries.RELEASE_SAVEPOINT)

    async def run_callbacks(self) -> list[Exception]:
        """Run what waits for the commit, each once, and return the errors (for the pool, which calls this)."""
        errors: list[Exception] = []
        callbacks, self._after_commit = self._after_commit, []
        for callback in callbacks:
            try:
                outcome = callback()
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception as error:  # reason: the commit has happened, so one callback must not stop the others
                errors.append(error)
        return errors

    def _require_transaction(self, what: str) -> None:
        if not self.is_in_transaction:
            raise RuntimeError(f"Connection.{what} needs a transaction: open the block by Database.transaction().")


def affected_rows(status: str) -> int:
    """Return the count at the end of a command tag: "UPDATE 3" gives 3, "CREATE TABLE" gives 0."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0
