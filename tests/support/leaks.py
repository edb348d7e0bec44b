"""What a test leaves open is found at the end of that test, and not by chance within a later one.

A socket, a transport or a task that nobody closed complains when it is collected. Left to itself, the collector runs at
any time, so the complaint would fail whatever test ran just then, and only where one of our modules was at work. So these
complaints count where this module collects, and nowhere else.
"""

import gc
import time
import warnings
from collections.abc import Generator

import pytest

# A collection looks at all that was made since the last freeze. Modules that a test imported are worth to be left out.
_FREEZE_ABOVE_SECONDS = 0.02


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what imports and collection made out of every later collection: that is most of the heap."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Collect once the fixtures have ended; pytest then fails this test for what complained."""
    result = yield
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gc.collect()
    if time.perf_counter() - begin > _FREEZE_ABOVE_SECONDS:
        gc.freeze()
    return result
