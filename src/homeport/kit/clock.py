"""The one source of time. Everything that asks "when is it" asks here, so that tests can move time by hand."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time: aware UTC moments, a monotonic counter in seconds, and sleeping."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a counter that never runs backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        await asyncio.sleep(seconds)


class FakeClock(Clock):
    """Time that stands still until `advance` is called; sleepers wake when their moment has come."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, future))
        await future

    def advance(self, by: timedelta) -> None:
        """Move time forward and wake every sleeper whose moment has come."""
        self._now += by
        self._elapsed += by.total_seconds()
        due = [future for moment, future in self._sleepers if moment <= self._elapsed]
        self._sleepers = [(moment, future) for moment, future in self._sleepers if moment > self._elapsed]
        for future in due:
            if not future.done():
                future.set_result(None)


_active: Clock = Clock()


def now() -> datetime:
    """Return the present moment of the active clock, aware and in UTC."""
    return _active.now()


def monotonic() -> float:
    """Return the active clock's monotonic seconds."""
    return _active.monotonic()


async def sleep(seconds: float) -> None:
    """Sleep by the active clock."""
    await _active.sleep(seconds)


@contextmanager
def use_clock(clock: Clock) -> Iterator[Clock]:
    """Make `clock` the active one for the length of the block (process-wide)."""
    global _active
    before = _active
    _active = clock
    try:
        yield clock
    finally:
        _active = before
