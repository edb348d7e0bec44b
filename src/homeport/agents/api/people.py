"""Routes with which people read about agents."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from homeport.agents.schemas import (
    AgentConnectionInfo,
    WorkspaceAgentListeningPortsResponse,
    WorkspaceAgentLog,
    WorkspaceAgentMetadata,
)
from homeport.agents.service import Switchboard, logs, metadata, reading, streaming
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.http import AfterLine, BeforeLine
from homeport.kit.routes import authenticated, lasting, requires
from homeport.rbac import Subject
from homeport.workspaces.schemas.agents import WorkspaceAgent

_TAGS = ["Agents"]
_READ = requires("workspace:read")


@get("/{workspaceagent:uuid}", opt=_READ, tags=_TAGS, summary="Get workspace agent by ID")
async def get_agent(workspaceagent: UUID, subject: Subject, db: Database) -> WorkspaceAgent:
    """Return an agent with its apps, scripts and status."""
    return await reading.get_agent(db, subject=subject, agent_id=workspaceagent)


@get("/{workspaceagent:uuid}/logs", opt=_READ, tags=_TAGS, summary="Get logs by workspace agent")
async def list_logs(
    workspaceagent: UUID, subject: Subject, db: Database, after: AfterLine = 0, before: BeforeLine = None
) -> list[WorkspaceAgentLog]:
    """List an agent's log lines; to follow them, open a WebSocket here."""
    return await logs.list_logs(db, subject=subject, agent_id=workspaceagent, after=after, before=before or None)


@get("/connection", opt=authenticated(), tags=_TAGS, summary="Get connection info for workspace agent generic")
async def get_generic_connection(settings: Settings) -> AgentConnectionInfo:
    """Return how clients reach agents."""
    return AgentConnectionInfo(hostname_suffix=settings.ssh_hostname_suffix)


@get("/{workspaceagent:uuid}/connection", opt=_READ, tags=_TAGS, summary="Get connection info for workspace agent")
async def get_connection(
    workspaceagent: UUID, subject: Subject, db: Database, settings: Settings
) -> AgentConnectionInfo:
    """Return how clients reach this agent."""
    await reading.get_agent(db, subject=subject, agent_id=workspaceagent)
    return AgentConnectionInfo(hostname_suffix=settings.ssh_hostname_suffix)


@get(
    "/{workspaceagent:uuid}/listening-ports",
    opt=requires("workspace:application_connect"),
    tags=_TAGS,
    summary="Get listening ports for workspace agent",
)
async def get_listening_ports(
    workspaceagent: UUID, subject: Subject, db: Database, switchboard: Switchboard
) -> WorkspaceAgentListeningPortsResponse:
    """Ask the agent which ports processes of the workspace listen on."""
    return await streaming.read_listening_ports(db, switchboard, subject=subject, agent_id=workspaceagent)


@get(
    "/{workspaceagent:uuid}/watch-metadata",
    opt=lasting(_READ),
    tags=_TAGS,
    summary="Watch for workspace agent metadata updates",
    media_type="text/event-stream",
)
async def watch_metadata(workspaceagent: UUID, subject: Subject, db: Database, listener: Listener) -> ServerSentEvent:
    """Stream all metadata values at each change, as Server-Sent Events."""
    changes = await metadata.watch_metadata(db, listener, subject=subject, agent_id=workspaceagent)
    return ServerSentEvent(_events(changes), headers={"Cache-Control": "no-store"})


async def _events(
    changes: AsyncIterator[list[WorkspaceAgentMetadata] | None],
) -> AsyncIterator[ServerSentEventMessage]:
    async for values in changes:
        if values is None:
            yield ServerSentEventMessage(event="ping", data="")
        else:
            yield ServerSentEventMessage(event="data", data=msgspec.json.encode(values).decode())


routes: list[Any] = [
    get_agent,
    list_logs,
    get_generic_connection,
    get_connection,
    get_listening_ports,
    watch_metadata,
]
