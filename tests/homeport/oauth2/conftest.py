"""The fixtures `world` and `second`: see world.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database
from tests.homeport.oauth2.world import Replica, World


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    """The application on the test's database."""
    made = World(db)
    yield made
    await made.close()


@pytest.fixture
async def second(world: World, worker_database: str) -> AsyncIterator[Replica]:
    """Another server process on the same database."""
    database = Database(worker_database, pool_size=10)
    database.types = world.db.types
    yield world.second(database)
    await database.close()
