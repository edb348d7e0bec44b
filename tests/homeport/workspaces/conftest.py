"""The fixture `world`: see world.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database, Listener
from tests.homeport.workspaces.world import World


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    """A deployment in which workspaces can be made."""
    listener = Listener(db.connect)
    await listener.start()
    made = World(db, listener)
    yield made
    await made.api.gate.close()
    await listener.stop()
