"""A clock that stands still until the test moves it."""

from collections.abc import Iterator

import pytest

from homeport.kit.clock import FakeClock, use_clock


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Make a FakeClock the active one for this test and return it; it begins at 2026-01-01 12:00 UTC."""
    fake = FakeClock()
    with use_clock(fake):
        yield fake
