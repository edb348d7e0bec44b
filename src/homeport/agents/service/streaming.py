"""Byte streams between people and agents: the terminal in the browser, and SSH. Each end may leave at any time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import asyncssh
import msgspec

from homeport.agents.errors import AgentBroken, AgentExposed, InvalidReport
from homeport.agents.schemas import PtyInput, WorkspaceAgentListeningPortsResponse
from homeport.agents.service.connections import AgentConnection, Process, Reader, Writer
from homeport.agents.service.reading import require_agent
from homeport.agents.service.switchboard import Switchboard
from homeport.database import Database
from homeport.kit.errors import invalid_field
from homeport.rbac import Action, Subject
from homeport.workspaces.rules.isolation import may_enter_exposed

DEFAULT_SIZE = 80
_MAX_SIZE = 4096
_CHUNK = 64 * 1024
_MAX_COMMAND = 64 * 1024
_decode_input = msgspec.json.Decoder(PtyInput).decode

Messages = AsyncIterator[bytes]
SendBytes = Callable[[bytes], Awaitable[None]]


async def open_for_person(
    db: Database, switchboard: Switchboard, *, subject: Subject, agent_id: UUID, action: Action = Action.SSH
) -> AgentConnection:
    """Return a connection to an agent that `subject` may enter. Raises 404, 403, or 400 when it is not connected.

    A workspace that nothing isolates is entered by site owners alone, whatever roles allow (decision 0012).
    """
    async with db.connection() as conn:
        agent, _ = await require_agent(conn, subject, agent_id, action)
    if agent.is_exposed and not may_enter_exposed(subject.role_names):
        raise AgentExposed
    return await switchboard.open_connection(agent_id)


async def open_terminal(
    connection: AgentConnection, *, reconnect: str, width: str, height: str, command: str
) -> Process:
    """Attach to the terminal of this reconnect id. Raises a 400 when the id is no UUID."""
    try:
        reconnect_id = UUID(reconnect)
    except ValueError:
        raise invalid_field("reconnect", "The query parameter reconnect must be a UUID.") from None
    if len(command) > _MAX_COMMAND or "\0" in command:
        raise invalid_field("command", f"Use at most {_MAX_COMMAND} characters, none of them NUL.")
    return await connection.open_pty(
        command or None, width=terminal_size(width), height=terminal_size(height), reconnect_id=str(reconnect_id)
    )


def terminal_size(text: str) -> int:
    """Read a width or height; what is no sensible number is 80."""
    return (
        int(text)
        if text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= _MAX_SIZE
        else DEFAULT_SIZE
    )


async def run_terminal(process: Process, messages: Messages, send: SendBytes) -> None:
    """Carry JSON input to a terminal and its raw output back, until either side ends."""
    try:
        await _until_first(_type(process, messages), _copy(process.stdout, send))
    finally:
        process.close()


async def run_stream(reader: Reader, writer: Writer, messages: Messages, send: SendBytes) -> None:
    """Carry bytes both ways until either side ends."""
    try:
        await _until_first(_write(writer, messages), _copy(reader, send))
    finally:
        writer.close()


async def read_listening_ports(
    db: Database, switchboard: Switchboard, *, subject: Subject, agent_id: UUID
) -> WorkspaceAgentListeningPortsResponse:
    """Ask an agent which ports its processes listen on."""
    connection = await open_for_person(
        db, switchboard, subject=subject, agent_id=agent_id, action=Action.APPLICATION_CONNECT
    )
    try:
        return msgspec.json.decode(await connection.listening_ports_json(), type=WorkspaceAgentListeningPortsResponse)
    except msgspec.DecodeError as error:
        raise AgentBroken("it did not answer with a list of ports") from error


async def _type(process: Process, messages: Messages) -> None:
    async for message in messages:
        try:
            request = _decode_input(message)
        except msgspec.DecodeError as error:
            raise InvalidReport("message", f"Send JSON with data, width or height: {error}") from error
        if (
            request.width is not None
            and request.height is not None
            and 0 < request.width <= _MAX_SIZE >= request.height > 0
        ):
            process.change_terminal_size(request.width, request.height)
        if request.data:
            process.stdin.write(request.data.encode("utf-8", "surrogatepass"))
            await process.stdin.drain()


async def _write(writer: Writer, messages: Messages) -> None:
    async for message in messages:
        writer.write(message)
        await writer.drain()


async def _copy(reader: Reader, send: SendBytes) -> None:
    with suppress(asyncssh.Error, ConnectionError):
        while data := await reader.read(_CHUNK):
            await send(data)


async def _until_first(*works: "Awaitable[None]") -> None:
    """Run side by side until one ends; end the others; raise what the first raised, unless the peer merely left."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        with suppress(asyncssh.Error, OSError, asyncio.CancelledError):
            task.result()
