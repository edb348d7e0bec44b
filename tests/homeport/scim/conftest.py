"""The fixture `world`: see world.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database
from tests.homeport.scim.world import World


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    """The application with SCIM switched on."""
    made = World(db)
    yield made
    await made.close()
