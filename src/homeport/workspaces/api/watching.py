"""Streams: a workspace as it changes, a build's log as it grows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Stream

from homeport.database import Database, Listener
from homeport.kit.http import AfterLine
from homeport.kit.routes import lasting, requires
from homeport.provisioning.api.streams import send_logs
from homeport.provisioning.service import follow_logs
from homeport.rbac import Subject
from homeport.workspaces.schemas import ServerSentEvent
from homeport.workspaces.service import reading, states
from homeport.workspaces.service.watching import watch_workspace

Socket = WebSocket[Any, Any, Any]
_READ = requires("workspace:read")
_encode = msgspec.json.Encoder().encode


@get(
    "/workspaces/{workspace:str}/watch",
    opt=lasting(_READ),
    tags=["Workspaces"],
    summary="Watch workspace by ID",
    deprecated=True,
    media_type="text/event-stream",
)
async def watch(workspace: UUID, subject: Subject, db: Database, listener: Listener) -> Stream:
    """Send the workspace at once and whenever it changes, as server-sent events."""
    await reading.get_workspace(db, subject=subject, workspace_id=workspace)
    events = watch_workspace(db, listener, subject=subject, workspace_id=workspace)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_server_sent(events), media_type="text/event-stream", headers=headers)


@websocket("/workspaces/{workspace:str}/watch-ws", opt=_READ)
async def watch_socket(socket: Socket, workspace: UUID, subject: Subject, db: Database, listener: Listener) -> None:
    """Send the workspace at once and whenever it changes, as JSON messages."""
    await reading.get_workspace(db, subject=subject, workspace_id=workspace)
    await send_events(socket, watch_workspace(db, listener, subject=subject, workspace_id=workspace))


@websocket("/workspacebuilds/{workspacebuild:str}/logs", opt=_READ)
async def follow_build_logs(
    socket: Socket, workspacebuild: UUID, subject: Subject, db: Database, listener: Listener, after: AfterLine = 0
) -> None:
    """Send the lines of a build's log after id `after`, one JSON message each, until the build ends."""
    job_id = await states.job_of_build(db, subject=subject, build_id=workspacebuild)
    await send_logs(socket, follow_logs(db, listener, job_id, after=after))


async def send_events(socket: Socket, events: AsyncIterator[ServerSentEvent]) -> None:
    """Accept a socket and send events until they end or the other side is gone."""
    await socket.accept()
    sending = asyncio.create_task(_send(socket, events))
    watching = asyncio.create_task(_until_gone(socket))
    try:
        await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
            await socket.close()
    except WebSocketDisconnect:
        return
    finally:
        for task in (sending, watching):
            task.cancel()
        await asyncio.gather(sending, watching, return_exceptions=True)


async def _send(socket: Socket, events: AsyncIterator[ServerSentEvent]) -> None:
    async for event in events:
        await socket.send_text(_encode(event).decode())


async def _until_gone(socket: Socket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _server_sent(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[bytes]:
    async for event in events:
        data = b"" if event.data is None else b"data: " + _encode(event.data) + b"\n"
        yield b"event: " + event.type.encode() + b"\n" + data + b"\n"


routes: list[Any] = [watch, watch_socket, follow_build_logs]
