"""WebSockets: the agent's tunnel, and what people open through it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import WebSocket, websocket

from homeport.access.types import AgentIdentity
from homeport.agents.api import sockets
from homeport.agents.schemas import MetadataEvent
from homeport.agents.service import Switchboard, logs, metadata, streaming
from homeport.agents.service.visits import ENDED_INSIDE, visit
from homeport.audit.types import ConnectionType
from homeport.database import Database, Listener
from homeport.kit.errors import HomeportError
from homeport.kit.http import AfterLine
from homeport.kit.routes import agent_route, requires
from homeport.rbac import Subject

Socket = WebSocket[Any, Any, Any]
_SSH = requires("workspace:ssh")
_READ = requires("workspace:read")
_encode = msgspec.json.Encoder().encode


@websocket("/me/tunnel", opt=agent_route())
async def serve_tunnel(socket: Socket, agent: AgentIdentity, switchboard: Switchboard) -> None:
    """Hold the agent's tunnel: the agent is the SSH server on it."""
    host_key = await switchboard.prepare_tunnel(agent)
    await socket.accept()
    await switchboard.serve_tunnel(agent, host_key, sockets.as_stream(socket))
    await sockets.close(socket)


@websocket("/{workspaceagent:uuid}/pty", opt=_SSH)
async def open_pty(
    socket: Socket, workspaceagent: UUID, subject: Subject, db: Database, switchboard: Switchboard
) -> None:
    """Attach to a terminal: JSON `{data?, width?, height?}` in, raw output back."""
    query = socket.query_params
    connection = await streaming.open_for_person(db, switchboard, subject=subject, agent_id=workspaceagent)
    terminal = await streaming.open_terminal(
        connection,
        reconnect=query.get("reconnect", ""),
        width=query.get("width", ""),
        height=query.get("height", ""),
        command=query.get("command", ""),
    )
    kind: ConnectionType = "reconnecting_pty"
    async with visit(db, switchboard, user_id=subject.id, agent_id=workspaceagent, kind=kind) as entry:
        await socket.accept()
        try:
            await streaming.run_terminal(terminal, sockets.messages(socket), lambda data: sockets.send(socket, data))
        except HomeportError as error:
            await sockets.close(socket, 1007, error.message)
        if terminal.exit_status is not None:
            entry.reason, entry.exit_code = ENDED_INSIDE, terminal.exit_status
    await sockets.close(socket)


@websocket("/{workspaceagent:uuid}/ssh", opt=_SSH)
async def open_ssh(
    socket: Socket, workspaceagent: UUID, subject: Subject, db: Database, switchboard: Switchboard
) -> None:
    """Carry bytes to the SSH server that people log in to."""
    connection = await streaming.open_for_person(db, switchboard, subject=subject, agent_id=workspaceagent)
    reader, writer = await connection.open_inner_ssh()
    async with visit(db, switchboard, user_id=subject.id, agent_id=workspaceagent, kind="ssh") as entry:
        await socket.accept()
        await streaming.run_stream(reader, writer, sockets.messages(socket), lambda data: sockets.send(socket, data))
        if reader.at_eof():
            entry.reason = ENDED_INSIDE
    await sockets.close(socket)


@websocket("/{workspaceagent:uuid}/logs", opt=_READ)
async def follow_logs(
    socket: Socket, workspaceagent: UUID, subject: Subject, db: Database, listener: Listener, after: AfterLine = 0
) -> None:
    """Send log lines as JSON arrays as they come."""
    batches = await logs.follow_logs(db, listener, subject=subject, agent_id=workspaceagent, after=after)
    await _send_all(socket, (_encode(batch) async for batch in batches))


@websocket("/{workspaceagent:uuid}/watch-metadata-ws", opt=_READ)
async def watch_metadata(
    socket: Socket, workspaceagent: UUID, subject: Subject, db: Database, listener: Listener
) -> None:
    """Send all metadata values at each change, as `ServerSentEvent` JSON."""
    changes = await metadata.watch_metadata(db, listener, subject=subject, agent_id=workspaceagent)
    events = (MetadataEvent("ping") if values is None else MetadataEvent("data", values) async for values in changes)
    await _send_all(socket, (_encode(event) async for event in events))


async def _send_all(socket: Socket, texts: AsyncIterator[bytes]) -> None:
    """Send each text until there are no more or the other side leaves."""
    await socket.accept()
    sending = asyncio.create_task(_send_texts(socket, texts))
    leaving = asyncio.create_task(_until_gone(socket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not isinstance(sending.exception(), ConnectionError):
            sending.result()
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        await sockets.close(socket)


async def _send_texts(socket: Socket, texts: AsyncIterator[bytes]) -> None:
    async for text in texts:
        try:
            await socket.send_text(text.decode())
        except RuntimeError as error:
            raise ConnectionResetError from error


async def _until_gone(socket: Socket) -> None:
    while await sockets.receive(socket) is not None:
        pass


routes: list[Any] = [serve_tunnel, open_pty, open_ssh, follow_logs, watch_metadata]
