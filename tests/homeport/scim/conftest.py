"""The fixtures `world` and `whole`: see world.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database
from tests.homeport.scim.world import Whole, World


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    """Identity, organizations and SCIM."""
    made = World(db)
    yield made
    await made.close()


@pytest.fixture
async def whole(db: Database) -> AsyncIterator[Whole]:
    """Every room of the server."""
    made = Whole(db)
    yield made
    await made.close()
