"""The import log over a WebSocket: every line, then the end; strangers and impossible wishes are turned away."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from homeport.provisioning.schemas import AcquiredJob, LogLine, UpdateJobRequest
from homeport.provisioning.service import progress
from tests.homeport.templates.template_world import TemplateWorld
from tests.support.accounts import Person
from tests.support.waiting import until


class Socket:
    """The client's end of a WebSocket, spoken to the application without a network."""

    def __init__(self, world: TemplateWorld, person: Person, path: str) -> None:
        path, _, query = path.partition("?")
        self.sent: list[dict[str, Any]] = []
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._events.put_nowait({"type": "websocket.connect"})
        headers = [(name.lower().encode(), value.encode()) for name, value in person.headers.items()]
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": f"/api/v2{path}",
            "raw_path": f"/api/v2{path}".encode(), "query_string": query.encode(), "headers": [*headers, (b"host", b"homeport.test")],
            "client": ("192.0.2.1", 1), "server": ("homeport.test", 80), "subprotocols": [], "extensions": {}, "state": {},
        }  # fmt: skip
        self.task = asyncio.create_task(world.api.asgi(scope, self._events.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def lines(self) -> list[str]:
        """What the lines said that have arrived."""
        return [msgspec.json.decode(each["text"])["output"] for each in self.sent if each["type"] == "websocket.send"]

    @property
    def is_accepted(self) -> bool:
        return any(each["type"] == "websocket.accept" for each in self.sent)

    def leave(self) -> None:
        self._events.put_nowait({"type": "websocket.disconnect", "code": 1001})


async def report(world: TemplateWorld, job: AcquiredJob, *outputs: str) -> None:
    request = UpdateJobRequest(logs=[LogLine(output=output) for output in outputs])
    await progress.update_job(world.db, job.job_id, job.job_token, request, force_after=timedelta(minutes=1))


@pytest.mark.requirement("TEMPLATE-LOGS-02")
async def test_a_follower_gets_every_line_and_is_closed_at_the_end(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.version(admin)
    job = await world.acquire()
    await report(world, job, "one")
    path = f"/templateversions/{version['id']}/logs"
    socket = Socket(world, admin, f"{path}?follow=true")
    await until(lambda: socket.lines == ["one"])
    await report(world, job, "two", "three")
    await until(lambda: socket.lines == ["one", "two", "three"])
    assert not socket.task.done()
    await world.complete(job)
    await asyncio.wait_for(socket.task, 10)
    assert socket.sent[-1]["type"] == "websocket.close"
    assert socket.sent[-1].get("code", 1000) == 1000
    first = msgspec.json.decode(socket.sent[1]["text"])["id"]
    later = Socket(world, admin, f"{path}?follow=true&after={first}")
    await asyncio.wait_for(later.task, 10)
    assert later.lines == ["two", "three"]


@pytest.mark.requirement("TEMPLATE-LOGS-02")
async def test_a_follower_that_leaves_is_forgotten(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    version = await world.version(admin)
    socket = Socket(world, admin, f"/templateversions/{version['id']}/logs?follow=true")
    await until(lambda: socket.is_accepted)
    socket.leave()
    await asyncio.wait_for(socket.task, 10)
    assert not world.listener._by_key.get("provisioner_job_logs")


@pytest.mark.requirement("TEMPLATE-LOGS-02")
async def test_strangers_and_impossible_wishes_are_not_accepted(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    anonymous = await world.accounts.make("anonymous")
    version = await world.version(admin)
    path = f"/templateversions/{version['id']}/logs?follow=true"
    for person, wanted in ((member, path), (anonymous, path), (admin, f"{path}&before=5"), (admin, f"{path}&after=x")):
        socket = Socket(world, person, wanted)
        await asyncio.wait_for(socket.task, 10)
        assert not socket.is_accepted
        assert socket.lines == []
