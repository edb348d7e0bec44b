"""Lines of agents' logs, and where they come from."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.agents.types import LogRow, LogSpaceRow
from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.workspaces.types import LogSourceRow

LOCK_LOG_SPACE = "select logs_length, logs_overflowed from workspace_agents where id = $1 for update"
UPDATE_LOG_SPACE = "update workspace_agents set logs_length = $2, logs_overflowed = $3 where id = $1"

INSERT_LOGS = """
insert into workspace_agent_logs (agent_id, created_at, output, level, log_source_id)
select $1, line.created_at, line.output, line.level::log_level, $2
from unnest($3::timestamptz[], $4::text[], $5::text[]) with ordinality as line (created_at, output, level, place)
order by line.place
"""

LIST_LOGS = """
select id, created_at, output, level, log_source_id from workspace_agent_logs
where agent_id = $1 and id > $2 and ($3::bigint is null or id < $3)
order by id limit $4
"""

INSERT_LOG_SOURCE = """
insert into workspace_agent_log_sources (id, workspace_agent_id, display_name, icon, created_at)
values ($1, $2, $3, $4, $5)
on conflict (workspace_agent_id, id) do nothing
"""
FIND_LOG_SOURCE = """
select id, workspace_agent_id, display_name, icon, created_at from workspace_agent_log_sources
where workspace_agent_id = $1 and id = $2
"""


async def lock_log_space(conn: Connection, agent_id: UUID) -> LogSpaceRow:
    """Return how much of the log is used, and hold the agent's row: two writers must not both take the rest."""
    row = await conn.fetchrow(LOCK_LOG_SPACE, agent_id)
    assert row is not None
    return one(LogSpaceRow, row)


async def update_log_space(conn: Connection, agent_id: UUID, *, length: int, is_overflowed: bool) -> None:
    """Set how much is used."""
    await conn.execute(UPDATE_LOG_SPACE, agent_id, length, is_overflowed)


async def insert_logs(
    conn: Connection, agent_id: UUID, source: UUID, lines: Sequence[tuple[datetime, str, str]]
) -> None:
    """Append lines (time, output, level) in their order."""
    columns = [list(column) for column in zip(*lines, strict=True)]
    await conn.execute(INSERT_LOGS, agent_id, source, *columns)


async def list_logs(conn: Connection, agent_id: UUID, *, after: int, before: int | None, limit: int) -> list[LogRow]:
    """Return lines in order, those with `after < id < before`."""
    return many(LogRow, await conn.fetch(LIST_LOGS, agent_id, after, before, limit))


async def insert_log_source(conn: Connection, row: LogSourceRow) -> bool:
    """Insert a source; False when the agent has one of this id."""
    return await conn.execute(
        INSERT_LOG_SOURCE, row.id, row.workspace_agent_id, row.display_name, row.icon, row.created_at
    ) == 1  # fmt: skip


async def find_log_source(conn: Connection, agent_id: UUID, source: UUID) -> LogSourceRow | None:
    """Return a source of the agent."""
    return maybe(LogSourceRow, await conn.fetchrow(FIND_LOG_SOURCE, agent_id, source))
