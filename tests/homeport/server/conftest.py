"""The fixture `deployment`: see deployment.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database, Listener
from tests.homeport.server.deployment import Deployment


@pytest.fixture
async def deployment(db: Database) -> AsyncIterator[Deployment]:
    """The whole application."""
    listener = Listener(db.connect)
    await listener.start()
    made = Deployment(db, listener)
    yield made
    await made.close()
    await listener.stop()
