"""The fixture `site`: see site.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database, Listener
from tests.homeport.web.site import Site


@pytest.fixture
async def site(db: Database) -> AsyncIterator[Site]:
    """The dashboard before a test's database."""
    listener = Listener(db.connect)
    await listener.start()
    made = Site(db, listener)
    yield made
    await made.close()
    await listener.stop()
