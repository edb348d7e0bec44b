"""Pauses between attempts: growing, bounded, and spread by chance so that a thousand agents do not come back at once."""

import asyncio
import random


class Backoff:
    """Counts failures in a row."""

    def __init__(self, *, first: float = 0.25, most: float = 15.0) -> None:
        """`first` and `most` are seconds: the longest first pause, and the longest of all."""
        self._first = first
        self._most = most
        self._failures = 0

    def reset(self) -> None:
        """Forget failures: something worked."""
        self._failures = 0

    def next_pause(self) -> float:
        """Return the seconds to wait after one more failure."""
        ceiling = min(self._most, self._first * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return float(random.uniform(ceiling / 2, ceiling))  # noqa: S311 - spreads load, guards nothing

    async def pause(self) -> None:
        """Wait after one more failure."""
        await asyncio.sleep(self.next_pause())
