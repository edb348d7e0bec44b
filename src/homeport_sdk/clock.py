"""The one source of time of the programs that are not the server. Tests replace `now` and `monotonic` through `use`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
_monotonic: Callable[[], float] = time.monotonic


def now() -> datetime:
    """Return the present moment, aware and in UTC."""
    return _now()


def monotonic() -> float:
    """Return seconds on a counter that never runs backwards."""
    return _monotonic()


@contextmanager
def use(now: Callable[[], datetime], monotonic: Callable[[], float]) -> Iterator[None]:
    """Take time from these functions for the length of the block."""
    global _now, _monotonic
    before = (_now, _monotonic)
    _now, _monotonic = now, monotonic
    try:
        yield
    finally:
        _now, _monotonic = before
