"""The fixtures `world` and `second`: see world.py. The fixture `host`: see document_host.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeport.database import Database
from tests.homeport.oauth2.document_host import DocumentHost, document_host
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


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DocumentHost]:
    """A host that serves metadata documents: see document_host.py."""
    async with document_host(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
async def near(db: Database, host: DocumentHost) -> AsyncIterator[World]:
    """A server whose settings let the host serve documents although it is on a private network."""
    async with World(db, oauth2_client_metadata_private_hosts=(host.authority,)) as world:
        yield world
