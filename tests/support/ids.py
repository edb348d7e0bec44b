"""Names of test cases that are the same in every worker."""

import pytest


@pytest.hookimpl
def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Call a case of raw bytes by its argument: what was packed just now holds the time, and another worker's differs."""
    return argname if isinstance(val, bytes) and not val.decode("latin-1").isprintable() else None
