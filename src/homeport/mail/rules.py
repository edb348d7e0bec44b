"""When a mail that was not taken is tried again. Pure."""

from datetime import timedelta
from typing import Final

_FIRST: Final = timedelta(seconds=5)
_LONGEST: Final = timedelta(minutes=10)


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts in vain: 5 s, 10 s, 20 s … and never more than ten minutes."""
    doublings = min(max(attempts, 1) - 1, 16)
    return min(_LONGEST, _FIRST * (1 << doublings))


def is_lasting(code: int) -> bool:
    """Tell whether a reply of a mail server is its last word (RFC 5321 section 4.2.1)."""
    return 500 <= code < 600
