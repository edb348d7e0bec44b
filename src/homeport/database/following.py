"""A task that follows news of other processes as long as its process lives, and is ready before anybody relies on it."""

import asyncio
from collections.abc import Awaitable, Callable

from homeport.telemetry.logs import get_logger

Work = Callable[[Callable[[], None]], Awaitable[None]]
"""What is done until it is canceled; it calls what it is given once it is ready."""

_log = get_logger(__name__)


class Follower:
    """One such task. `start` and `stop` belong to whoever the composition root starts and stops."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    async def start(self, work: Work) -> None:
        """Begin, and return when the work is ready. Raises what ends it before that."""
        is_ready = asyncio.Event()
        self._task = asyncio.create_task(self._run(work, is_ready), name=self._name)
        ready = asyncio.create_task(is_ready.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not is_ready.is_set():
            await self._task
            raise RuntimeError(f"'{self._name}' ended before it was ready")

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def _run(self, work: Work, is_ready: asyncio.Event) -> None:
        try:
            await work(is_ready.set)
        except Exception as error:  # reason: from now on news go unheard, and nobody waits for this task to say so
            if is_ready.is_set():
                _log.error("a task that follows news has ended", task=self._name, exc_info=error)
            else:
                raise
