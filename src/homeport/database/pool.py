"""The sessions that are open to PostgreSQL, lent one at a time.

The driver's own pool shields and resets on every return (a task and often a round trip); ours returns a session by one
append when nothing can have changed on it, and does the rest off the caller's path. It survives restarts of PostgreSQL:
sessions that died are dropped when met, and opening one waits until the server answers again.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from homeport.database.connection import Raw
from homeport.database.driver import LOST, RAISED, translate
from homeport.database.errors import DatabaseUnavailable
from homeport.database.queries import ROLLBACK

# How long a session that was interrupted may take to come back to a clean state before it is dropped.
_CLEANING_SECONDS = 5.0


class Pool:
    """At most `size` sessions. `connect` opens one; the pool owns them until `close`."""

    def __init__(self, connect: Callable[[], Awaitable[Raw]], *, size: int, patience: float) -> None:
        self._connect = connect
        self._size = size
        self._patience = patience
        self._idle: list[Raw] = []
        self._lent: set[Raw] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def open_count(self) -> int:
        """How many sessions are open, lent or idle."""
        return len(self._idle) + len(self._lent)

    @property
    def idle_count(self) -> int:
        """How many sessions wait to be lent."""
        return len(self._idle)

    @property
    def waiting_count(self) -> int:
        """How many borrowers wait for a session."""
        return len(self._waiters)

    async def acquire(self) -> Raw:
        """Lend a session, the last returned first. Raises DatabaseUnavailable after `patience` seconds."""
        idle = self._idle
        while idle:
            raw = idle.pop()
            if not raw.is_closed():
                self._lent.add(raw)
                return raw
        return await self._acquire_slowly()

    def release(self, raw: Raw) -> None:
        """Take a session back that is in no transaction and whose last statement has ended."""
        self._lent.discard(raw)
        if self._is_closed:
            raw.terminate()
        elif not raw.is_closed():
            self._idle.append(raw)
        if self._waiters:
            self._wake_one()

    def discard_later(self, raw: Raw) -> None:
        """Take a session back in whatever state it is: roll back in the background, drop it when that fails."""
        if self._is_closed:
            # Nobody waits for what would begin here, and the event loop may be about to end.
            self.release(raw)
            return
        task = asyncio.get_running_loop().create_task(self._clean(raw))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def close(self) -> None:
        """Close every session; those that are still lent are cut off."""
        self._is_closed = True
        for task in tuple(self._cleaning):
            await asyncio.wait({task}, timeout=_CLEANING_SECONDS)
        idle, self._idle = self._idle, []
        for raw in idle:
            try:
                await raw.close(timeout=1.0)
            except RAISED:
                raw.terminate()
        for raw in tuple(self._lent):
            raw.terminate()
        while self._waiters:
            self._wake_one()

    async def _acquire_slowly(self) -> Raw:
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if self._is_closed:
                        raise _closed()
                    while self._idle:
                        raw = self._idle.pop()
                        if not raw.is_closed():
                            self._lent.add(raw)
                            return raw
                    if len(self._lent) + self._opening < self._size:
                        return await self._open()
                    await self._wait_for_turn()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "The database is not reachable at the moment.", detail="no free session"
            ) from error

    async def _open(self) -> Raw:
        self._opening += 1
        try:
            raw = await connect_patiently(self._connect)
        except BaseException as error:
            self._opening -= 1
            self._wake_one()
            if isinstance(error, RAISED):
                raise translate(error) from error
            raise
        self._opening -= 1
        if self._is_closed:
            raw.terminate()
            raise _closed()
        self._lent.add(raw)
        return raw

    async def _wait_for_turn(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        try:
            await future
        except asyncio.CancelledError:
            # Woken and cancelled at once: the turn belongs to the next one.
            if future.done() and not future.cancelled():
                self._wake_one()
            else:
                self._waiters.remove(future)
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            future = self._waiters.popleft()
            if not future.done():
                future.set_result(None)
                return

    async def _clean(self, raw: Raw) -> None:
        try:
            async with asyncio.timeout(_CLEANING_SECONDS):
                # The driver first waits until the cancellation of the broken-off statement has been answered.
                await raw.execute(ROLLBACK)
        except RAISED:
            raw.terminate()
        except asyncio.CancelledError:
            raw.terminate()
            raise
        finally:
            self.release(raw)


def _closed() -> DatabaseUnavailable:
    return DatabaseUnavailable("The database is not reachable at the moment.", detail="pool is closed")


async def connect_patiently(connect: Callable[[], Awaitable[Raw]]) -> Raw:
    """Open a session, trying again while the server is away or starting. The caller sets the limit of time."""
    delay = 0.01
    while True:
        try:
            return await connect()
        except LOST:
            # Real time, never the clock of a test: the server's restart happens in real time.
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
            delay = min(delay * 2, 0.5)
