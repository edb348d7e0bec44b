"""Waiting for something to become true, with a deadline and never longer than needed."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

_PAUSE = 0.005


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> float:
    """Poll until the condition holds and return the seconds that it took; fails after `seconds`."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "the condition never held"
        time.sleep(_PAUSE)
    return time.monotonic() - begin


async def until(condition: Callable[[], bool | Awaitable[bool]], *, seconds: float = 10.0) -> None:
    """Poll a condition, plain or async, while the event loop goes on; fails after `seconds`."""
    begin = time.monotonic()
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() - begin < seconds, "the condition never held"
        await asyncio.sleep(_PAUSE)
