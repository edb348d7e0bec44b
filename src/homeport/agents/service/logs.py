"""Logs of agents: appended by agents within a limit, read and followed by people."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from homeport.access.types import AgentIdentity
from homeport.agents.errors import UnknownLogSource
from homeport.agents.queries import identities
from homeport.agents.queries import logs as queries
from homeport.agents.rules import reports as rules
from homeport.agents.schemas import AgentLogLine, PatchLogs, PostLogSourceRequest, WorkspaceAgentLog
from homeport.agents.service.manifest import require_own_workspace
from homeport.agents.service.reading import require_agent
from homeport.agents.types import (
    EXTERNAL_LOG_SOURCE,
    EXTERNAL_LOG_SOURCE_ICON,
    EXTERNAL_LOG_SOURCE_NAME,
    LOGS_CHANNEL,
    LogRow,
)
from homeport.database import Connection, Database, Listener
from homeport.kit import clock
from homeport.kit.moments import in_utc
from homeport.kit.names import validate_text
from homeport.rbac import Action, Subject
from homeport.workspaces.schemas.agents import WorkspaceAgentLogSource
from homeport.workspaces.service import workspace_changed
from homeport.workspaces.types import LogSourceRow

_BATCH = 1000
_EVERYTHING = 1_000_000
_RECHECK_SECONDS = 30.0


async def append_logs(db: Database, *, agent: AgentIdentity, batch: PatchLogs) -> bool:
    """Append lines as far as they fit into 1 MiB; return whether the limit was exceeded, which is no error."""
    require_own_workspace(agent)
    if not batch.logs:
        return False
    now = clock.now()
    lines = [_line(line, now) for line in batch.logs]
    async with db.transaction() as conn:
        await _require_source(conn, agent.agent_id, batch.log_source_id, now)
        space = await queries.lock_log_space(conn, agent.agent_id)
        if space.logs_overflowed:
            return True
        count, length, is_overflowed = rules.fit_lines((len(line[1].encode()) for line in lines), space.logs_length)
        if count:
            await queries.insert_logs(conn, agent.agent_id, batch.log_source_id, lines[:count])
        await queries.update_log_space(conn, agent.agent_id, length=length, is_overflowed=is_overflowed)
        await conn.notify(LOGS_CHANNEL, str(agent.agent_id))
        if is_overflowed or space.logs_length == 0:
            await workspace_changed(conn, agent.workspace_id)
    return is_overflowed


async def create_log_source(
    db: Database, *, agent: AgentIdentity, request: PostLogSourceRequest
) -> WorkspaceAgentLogSource:
    """Make a source for the agent's lines; one that exists is returned as it is, since agents start more than once."""
    require_own_workspace(agent)
    row = LogSourceRow(
        id=request.id,
        workspace_agent_id=agent.agent_id,
        display_name=validate_text(request.display_name, "display_name", most=127),
        icon=validate_text(request.icon, "icon", most=2048),
        created_at=clock.now(),
    )
    async with db.transaction() as conn:
        if await queries.insert_log_source(conn, row):
            await workspace_changed(conn, agent.workspace_id)
        found = await queries.find_log_source(conn, agent.agent_id, request.id)
    row = found or row
    return WorkspaceAgentLogSource(
        workspace_agent_id=row.workspace_agent_id,
        id=row.id,
        created_at=row.created_at,
        display_name=row.display_name,
        icon=row.icon,
    )


async def list_logs(
    db: Database, *, subject: Subject, agent_id: UUID, after: int, before: int | None
) -> list[WorkspaceAgentLog]:
    """Return the lines with `after < id < before`."""
    async with db.connection() as conn:
        await require_agent(conn, subject, agent_id, Action.READ)
        rows = await queries.list_logs(conn, agent_id, after=after, before=before, limit=_EVERYTHING)
    return [_view(row) for row in rows]


async def follow_logs(
    db: Database, listener: Listener, *, subject: Subject, agent_id: UUID, after: int
) -> AsyncIterator[list[WorkspaceAgentLog]]:
    """Return lines as they come, in batches, until the agent belongs to the past."""
    async with db.connection() as conn:
        await require_agent(conn, subject, agent_id, Action.READ)
    return _follow(db, listener, agent_id, after)


async def _follow(
    db: Database, listener: Listener, agent_id: UUID, after: int
) -> AsyncIterator[list[WorkspaceAgentLog]]:
    async with listener.subscribe(LOGS_CHANNEL, key=str(agent_id)) as subscription:
        while True:
            async with db.connection() as conn:
                rows = await queries.list_logs(conn, agent_id, after=after, before=None, limit=_BATCH)
                agent = await identities.find_agent_workspace(conn, agent_id)
            if rows:
                after = rows[-1].id
                yield [_view(row) for row in rows]
                continue
            if agent is None or agent.is_outdated:
                return
            await subscription.wait(_RECHECK_SECONDS)


async def _require_source(conn: Connection, agent_id: UUID, source: UUID, now: datetime) -> None:
    if source == EXTERNAL_LOG_SOURCE:
        row = LogSourceRow(
            id=source,
            workspace_agent_id=agent_id,
            display_name=EXTERNAL_LOG_SOURCE_NAME,
            icon=EXTERNAL_LOG_SOURCE_ICON,
            created_at=now,
        )
        await queries.insert_log_source(conn, row)
    elif await queries.find_log_source(conn, agent_id, source) is None:
        raise UnknownLogSource(source)


def _line(line: AgentLogLine, now: datetime) -> tuple[datetime, str, str]:
    at = None if line.created_at is None else in_utc(line.created_at)
    return at or now, rules.clean_output(line.output), rules.log_level(line.level)


def _view(row: LogRow) -> WorkspaceAgentLog:
    return WorkspaceAgentLog(
        id=row.id, created_at=row.created_at, output=row.output, level=row.level, source_id=row.log_source_id
    )
