"""A workspace's page: what it is, what runs in it, what was done to it; and the stream that keeps the page fresh."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.response import Stream

from homeport.agents.schemas import WorkspaceAgentLog, WorkspaceAgentMetadata
from homeport.agents.service import logs as agent_logs
from homeport.agents.service.metadata import watch_metadata
from homeport.database import Database, Listener
from homeport.kit import clock
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.http import Page
from homeport.kit.routes import lasting, requires
from homeport.rbac import Subject
from homeport.web.actions import UNDER_WAY, agents_of, buttons, lacks_isolation
from homeport.web.log_stream import STREAM_HEADERS
from homeport.web.places import owner_of, workspace_path
from homeport.web.rendering import View
from homeport.workspaces.schemas import Workspace
from homeport.workspaces.service import reading, states
from homeport.workspaces.types import CHANGED_CHANNEL

_READ = requires("workspace:read", is_page=True)
_SHOWN_BUILDS = 15
_SHOWN_LINES = 300
_REFRESH_SECONDS = 15.0
_LEAST_PAUSE = 0.5
# So long after a stop the page starts the workspace again by itself, when that is what was asked for.
_RESTART_WINDOW = timedelta(minutes=2)


@get("/{handle:str}/{name:str}", opt=_READ, include_in_schema=False)
async def show_workspace(
    view: View, handle: str, name: str, db: Database, listener: Listener, subject: Subject
) -> Response[str]:
    """Show a workspace."""
    workspace = await reading.get_workspace_by_name(db, subject=subject, owner=owner_of(handle), name=name)
    query = view.request.query_params
    return view.page(
        "workspace.html",
        **await _facts(db, subject, workspace),
        **await _agent_facts(db, listener, subject, workspace),
        base=workspace_path(workspace),
        here=view.request.url.path + (f"?{urlencode(query.dict(), doseq=True)}" if query else ""),
        restart=_restart(workspace, query.get("restart", "")),
        is_update=query.get("update") == "1",
    )


@get("/{handle:str}/{name:str}/events", opt=lasting(_READ), include_in_schema=False)
async def watch(handle: str, name: str, db: Database, listener: Listener, subject: Subject) -> Stream:
    """Say `changed` whenever anything about the workspace changes, and `gone` when it is deleted."""
    workspace = await reading.get_workspace_by_name(
        db, subject=subject, owner=owner_of(handle), name=name, can_be_deleted=True
    )
    events = _changes(db, listener, subject, workspace.id)
    return Stream(events, media_type="text/event-stream", headers=STREAM_HEADERS)


async def _changes(db: Database, listener: Listener, subject: Subject, workspace_id: UUID) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    async with listener.subscribe(CHANGED_CHANNEL, key=str(workspace_id)) as subscription:
        while True:
            try:
                found = await reading.get_workspace(db, subject=subject, workspace_id=workspace_id, can_be_deleted=True)
            except HomeportError:
                found = None
            if found is None or found.latest_build.status == "deleted":
                yield "event: gone\ndata: /workspaces\n\n"
                return
            # Said at once too: what changed between the page and this moment is not missed. And said without news,
            # because agents fall silent without telling anybody.
            yield "event: changed\ndata: now\n\n"
            await clock.sleep(_LEAST_PAUSE)
            await subscription.wait(_REFRESH_SECONDS)


async def _facts(db: Database, subject: Subject, workspace: Workspace) -> dict[str, Any]:
    """Return what the page shows of the workspace and its builds."""
    build, page = workspace.latest_build, Page(limit=_SHOWN_BUILDS)
    return {
        "workspace": workspace,
        "build": build,
        "builds": await states.list_builds(db, subject=subject, workspace_id=workspace.id, page=page),
        "parameters": await states.list_build_parameters(db, subject=subject, build_id=build.id),
        "lines": await states.list_build_logs(db, subject=subject, build_id=build.id),
        "buttons": buttons(subject, workspace),
        "is_under_way": build.status in UNDER_WAY,
        "has_no_isolation": lacks_isolation(workspace),
    }


async def _agent_facts(db: Database, listener: Listener, subject: Subject, workspace: Workspace) -> dict[str, Any]:
    """Return what the page shows of the agents. One that vanishes meanwhile, with a new build, has nothing to show."""
    agents = agents_of(workspace)
    metadata: dict[UUID, Sequence[WorkspaceAgentMetadata]] = {}
    lines: dict[UUID, Sequence[WorkspaceAgentLog]] = {}
    for agent in agents:
        try:
            metadata[agent.id] = await _metadata(db, listener, subject, agent.id)
            lines[agent.id] = await _agent_log(db, subject, agent.id)
        except NotFound:
            metadata[agent.id], lines[agent.id] = (), ()
    return {"agents": agents, "metadata": metadata, "agent_logs": lines}


async def _metadata(
    db: Database, listener: Listener, subject: Subject, agent_id: UUID
) -> Sequence[WorkspaceAgentMetadata]:
    """Return what an agent has collected so far: the first message of its stream."""
    stream = await watch_metadata(db, listener, subject=subject, agent_id=agent_id)
    try:
        async for values in stream:
            return values or ()
    finally:
        await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
    return ()


async def _agent_log(db: Database, subject: Subject, agent_id: UUID) -> Sequence[WorkspaceAgentLog]:
    lines = await agent_logs.list_logs(db, subject=subject, agent_id=agent_id, after=0, before=None)
    return lines[-_SHOWN_LINES:]


def _restart(workspace: Workspace, asked: str) -> str:
    """Say where a restart stands: `stopping`, `due` when the start is next, or nothing.

    It is due only for a short while, and only after the very stop that began it: an old link starts nothing.
    """
    build = workspace.latest_build
    if asked != str(build.build_number) or build.transition != "stop":
        return ""
    if build.status in UNDER_WAY:
        return "stopping"
    ended_at = build.job.completed_at
    is_fresh = ended_at is not None and clock.now() - ended_at < _RESTART_WINDOW
    return "due" if build.status == "stopped" and is_fresh else ""


routes: list[Any] = [show_workspace, watch]
