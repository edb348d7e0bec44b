"""Streams: a workspace as it changes, a build's log as it grows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.workspaces.service import workspace_changed
from homeport.workspaces.service.watching import watch_workspace
from tests.homeport.workspaces.world import World
from tests.support.accounts import Person


class Socket:
    """A WebSocket client of an ASGI application."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def read(self) -> dict[str, Any]:
        """Return the next message of the server."""
        async with asyncio.timeout(10):
            return await self.inbox.get()

    async def read_json(self) -> Any:
        """Return the contents of the next text message."""
        message = await self.read()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def read_data(self) -> Any:
        """Return the next event that is no ping."""
        while (event := await self.read_json())["type"] == "ping":
            pass
        return event


@asynccontextmanager
async def connected(world: World, person: Person, path: str, query: str = "") -> AsyncIterator[Socket]:
    socket = Socket()
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws",
        "path": f"/api/v2{path}", "raw_path": f"/api/v2{path}".encode(), "query_string": query.encode(),
        "root_path": "", "headers": [(key.lower().encode(), value.encode()) for key, value in person.headers.items()],
        "client": ("192.0.2.7", 4711), "server": ("homeport.test", 80), "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    await socket.outbox.put({"type": "websocket.connect"})
    task = asyncio.create_task(world.api.asgi(scope, socket.outbox.get, socket.inbox.put))
    try:
        yield socket
    finally:
        await socket.outbox.put({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(10):
            await task


@pytest.mark.requirement("WS-WATCH-01")
async def test_a_socket_shows_the_workspace_after_each_change(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    async with connected(world, ann, f"/workspaces/{workspace.id}/watch-ws") as socket:
        assert (await socket.read())["type"] == "websocket.accept"
        event = await socket.read_json()
        assert (event["type"], event["data"]["latest_build"]["status"]) == ("data", "pending")
        await world.complete(workspace.latest_build)
        event = await socket.read_data()
        assert event["data"]["latest_build"]["status"] == "running"
        agent = event["data"]["latest_build"]["resources"][0]["agents"][0]
        assert agent["lifecycle_state"] == "created"
        # What the room above does when an agent reports.
        async with world.db.transaction() as conn:
            await conn.execute("update workspace_agents set lifecycle_state = 'starting'")
            await workspace_changed(conn, workspace.id)
        event = await socket.read_data()
        assert event["data"]["latest_build"]["resources"][0]["agents"][0]["lifecycle_state"] == "starting"
        await world.api.call(ann, "PATCH", f"/workspaces/{workspace.id}", {"name": "renamed"})
        assert (await socket.read_data())["data"]["name"] == "renamed"
        await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
        while (event := await socket.read_data())["data"]["latest_build"]["status"] != "deleted":
            assert event["data"]["latest_build"]["transition"] == "delete"


@pytest.mark.requirement("WS-WATCH-02")
async def test_sockets_are_refused_with_status_and_words(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    build = workspace.latest_build.id
    anonymous = await world.accounts.make("anonymous")
    for person, path, status in (
        (bob, f"/workspaces/{workspace.id}/watch-ws", 404),
        (ann, f"/workspaces/{new_id()}/watch-ws", 404),
        (ann, "/workspaces/seven/watch-ws", 400),
        (anonymous, f"/workspaces/{workspace.id}/watch-ws", 401),
        (bob, f"/workspacebuilds/{build}/logs", 404),
        (ann, "/workspacebuilds/seven/logs", 400),
    ):
        async with connected(world, person, path, "follow=true") as socket:
            message = await socket.read()
            assert (message["type"], message["status"]) == ("websocket.http.response.start", status), path
            assert json.loads((await socket.read())["body"])["message"]


@pytest.mark.requirement("WS-WATCH-03")
async def test_a_watch_pings_and_ends_with_an_error(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    events = watch_workspace(world.db, world.listener, subject=ann.me, workspace_id=workspace.id, refresh_seconds=0.05)
    async with asyncio.timeout(10):
        assert (await anext(events)).type == "data"
        assert (await anext(events)).type == "ping"
        other = await world.accounts.make()
        await world.db.execute("update workspaces set owner_id = $1", other.id)
        kinds = [event.type async for event in events]
    assert kinds[-1] == "error"


@pytest.mark.requirement("WS-WATCH-03")
async def test_server_sent_events(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    path = f"/workspaces/{workspace.id}/watch"
    assert (await world.api.call(bob, "GET", path)).status_code == 404
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": f"/api/v2{path}", "raw_path": f"/api/v2{path}".encode(), "query_string": b"", "root_path": "",
        "headers": [(b"coder-session-token", ann.token.encode())], "client": ("192.0.2.7", 1),
        "server": ("homeport.test", 80),
    }  # fmt: skip
    await requests.put({"type": "http.request", "body": b"", "more_body": False})
    task = asyncio.create_task(world.api.asgi(scope, requests.get, received.put))
    async with asyncio.timeout(10):
        begin = await received.get()
        first = (await received.get())["body"]
        await requests.put({"type": "http.disconnect"})
        await task
    headers = dict(begin["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    kind, data, rest = first.split(b"\n", 2)
    assert (kind, rest) == (b"event: data", b"\n")
    assert json.loads(data.removeprefix(b"data: "))["id"] == str(workspace.id)


@pytest.mark.requirement("WS-LOGS-01")
async def test_a_builds_log_is_followed_until_its_end(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    build = workspace.latest_build

    async def write(line: str) -> None:
        row = {
            "job_id": build.job.id, "created_at": clock.now(), "source": "provisioner", "level": "info",
            "stage": "apply", "output": line,
        }  # fmt: skip
        await world.insert("provisioner_job_logs", row)
        async with world.db.transaction() as conn:
            await conn.notify("provisioner_job_logs", str(build.job.id))

    await write("one")
    async with connected(world, ann, f"/workspacebuilds/{build.id}/logs", "follow=true") as socket:
        assert (await socket.read())["type"] == "websocket.accept"
        first = await socket.read_json()
        assert (first["output"], first["stage"]) == ("one", "apply")
        await write("two")
        assert (await socket.read_json())["output"] == "two"
        await world.complete(build)
        assert (await socket.read())["type"] == "websocket.close"
    after = await world.api.call(ann, "GET", f"/workspacebuilds/{build.id}/logs", params={"after": first["id"]})
    assert [line["output"] for line in after.json()] == ["two"]
    text = await world.api.call(ann, "GET", f"/workspacebuilds/{build.id}/logs", params={"format": "text"})
    assert "apply: one" in text.text
    assert (await world.api.call(ann, "GET", f"/workspacebuilds/{build.id}/logs?format=xml")).status_code == 400
