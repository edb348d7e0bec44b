"""Run one test as several people: `@pytest.mark.identities("anonymous", "member", "owner")` and the fixture `identity`.

Who these people are is not known here. The module that can make them registers one function:

    @makes_identities
    async def make(name: str, db: Database) -> Identity: ...
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from homeport.database import Database

Maker = Callable[[str, Database], Awaitable[Any]]

_makers: list[Maker] = []


def makes_identities(maker: Maker) -> Maker:
    """Register the function that makes an identity by its name in the test's database. The last one counts."""
    _makers.append(maker)
    return maker


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn the marker into one test per identity."""
    names = [name for mark in metafunc.definition.iter_markers("identities") for name in mark.args]
    if names and "identity_name" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} is marked with identities but uses no `identity`")
    if names:
        metafunc.parametrize("identity_name", names)


@pytest.fixture
def identity_name(request: pytest.FixtureRequest) -> str:
    """Name of the identity that this test runs as; given by the marker `identities`."""
    pytest.fail("a test that uses `identity` is marked with @pytest.mark.identities(...)")


@pytest.fixture
async def identity(identity_name: str, db: Database) -> Any:
    """The identity of this test, made anew in its database."""
    if not _makers:
        pytest.fail("no module has registered a maker with tests.support.identities.makes_identities")
    return await _makers[-1](identity_name, db)
