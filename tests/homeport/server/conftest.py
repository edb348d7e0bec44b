"""The fixtures `deployment` (see deployment.py), and `listening`: the same behind the HTTP server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from homeport.database import Database, Listener
from tests.homeport.server.deployment import Deployment
from tests.support.waiting import until


@pytest.fixture
async def deployment(db: Database) -> AsyncIterator[Deployment]:
    """The whole application."""
    listener = Listener(db.connect)
    await listener.start()
    made = Deployment(db, listener)
    yield made
    await made.close()
    await listener.stop()


@pytest.fixture
async def listening(db: Database) -> AsyncIterator[Deployment]:
    """The whole application behind the HTTP server, on loopback."""
    listener = Listener(db.connect)
    await listener.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    deployment = Deployment(db, listener, access_url=f"http://127.0.0.1:{port}")
    server = Server(deployment.asgi, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    task = asyncio.create_task(server.serve())

    async def answers() -> bool:
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        return False

    await until(answers)
    yield deployment
    server.stop()
    with suppress(asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(task, 5)
    await deployment.close()
    await listener.stop()
