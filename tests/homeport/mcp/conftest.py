"""The whole application, spoken to over MCP: see client.py."""

from collections.abc import AsyncIterator

import pytest

from homeport.database import Database
from tests.homeport.mcp.client import Agent
from tests.homeport.mcp.places import Places
from tests.homeport.oauth2.world import World
from tests.support.accounts import Person


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    """The application on the test's database, whose MCP server ends with the test."""
    made = World(db)
    yield made
    for replica in made.replicas:
        await replica.parts.mcp.close()
    await made.close()


@pytest.fixture
async def ada(world: World) -> Person:
    """A member."""
    return await world.accounts.make()


@pytest.fixture
async def agent(world: World, ada: Person) -> Agent:
    """An agent with a full key of Ada's."""
    return Agent(world.first, ada.token)


@pytest.fixture
async def places(world: World) -> Places:
    """Makes templates and workspaces; the application is there before them."""
    return Places(world.db)
