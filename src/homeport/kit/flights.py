"""One piece of work at a time for each key: whoever asks meanwhile waits for its outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work under way in this process. A caller that goes away does not end it for the others."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    async def join(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Return the outcome of the work for `key`, which is begun unless it is under way. Its errors are everybody's."""
        flight = self._under_way.get(key)
        if flight is None:
            flight = asyncio.ensure_future(work())
            self._under_way[key] = flight
            flight.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(flight)

    def _end(self, key: Hashable, flight: asyncio.Future[T]) -> None:
        self._under_way.pop(key, None)
        if not flight.cancelled():
            # Taken even when every caller has gone, so that nothing complains that nobody did.
            flight.exception()
