"""What agents report: start, lifecycle, stats, health and status of apps, timings of scripts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from homeport.agents.rules.reports import StartTimes
from homeport.agents.types import AgentAppRow
from homeport.database import Connection
from homeport.database.rows import many
from homeport.workspaces.types import AgentLifecycle, AppHealth

UPDATE_STARTUP = """
update workspace_agents set
    version = $2, expanded_directory = $3, subsystems = $4, operating_system = coalesce(nullif($5, ''), operating_system),
    architecture = coalesce(nullif($6, ''), architecture), ssh_host_key = $7, api_version = $8, updated_at = $9
where id = $1
"""

LOCK_START_TIMES = "select started_at, ready_at from workspace_agents where id = $1 for update"

UPDATE_LIFECYCLE = """
update workspace_agents set lifecycle_state = $2::agent_lifecycle_state, started_at = $3, ready_at = $4, updated_at = $5
where id = $1
"""

INSERT_STATS = """
insert into workspace_agent_stats (
    agent_id, created_at, connection_count, rx_bytes, tx_bytes, session_count_vscode, session_count_jetbrains,
    session_count_reconnecting_pty, session_count_ssh
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

DELETE_OLD_STATS = "delete from workspace_agent_stats where created_at < $1"

LIST_APPS = "select id, slug, health, healthcheck_url from workspace_apps where agent_id = $1"

UPDATE_APP_HEALTH = """
update workspace_apps a set health = h.health::app_health
from unnest($2::uuid[], $3::text[]) as h (id, health)
where a.id = h.id and a.agent_id = $1 and a.health <> h.health::app_health
"""

INSERT_APP_STATUS = """
insert into workspace_app_statuses (id, workspace_id, agent_id, app_id, state, message, uri, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# Nothing is inserted for a script of another agent.
INSERT_SCRIPT_TIMING = """
insert into workspace_agent_script_timings (script_id, started_at, ended_at, exit_code, stage, status)
select s.id, $3, $4, $5, $6, $7 from workspace_agent_scripts s where s.id = $1 and s.workspace_agent_id = $2
"""


async def update_startup(
    conn: Connection,
    agent_id: UUID,
    *,
    version: str,
    expanded_directory: str,
    subsystems: list[str],
    operating_system: str,
    architecture: str,
    ssh_host_key: str,
    api_version: str,
    now: datetime,
) -> None:
    """Note what the agent says it is; an empty system or architecture leaves the template's word."""
    await conn.execute(
        UPDATE_STARTUP, agent_id, version, expanded_directory, subsystems, operating_system, architecture,
        ssh_host_key, api_version, now,
    )  # fmt: skip


async def lock_start_times(conn: Connection, agent_id: UUID) -> StartTimes:
    """Return when the agent's start began and ended, and hold its row."""
    row = await conn.fetchrow(LOCK_START_TIMES, agent_id)
    assert row is not None
    return StartTimes(row["started_at"], row["ready_at"])


async def update_lifecycle(
    conn: Connection, agent_id: UUID, state: AgentLifecycle, times: StartTimes, now: datetime
) -> None:
    """Set the state and the times of the start."""
    await conn.execute(UPDATE_LIFECYCLE, agent_id, state, times.started_at, times.ready_at, now)


async def insert_stats(conn: Connection, agent_id: UUID, now: datetime, counts: Sequence[int]) -> None:
    """Insert one report; `counts` in the order of the columns."""
    await conn.execute(INSERT_STATS, agent_id, now, *counts)


async def delete_old_stats(conn: Connection, before: datetime) -> int:
    """Delete reports that nobody looks at any more."""
    return await conn.execute(DELETE_OLD_STATS, before)


async def list_apps(conn: Connection, agent_id: UUID) -> list[AgentAppRow]:
    """Return the apps of an agent."""
    return many(AgentAppRow, await conn.fetch(LIST_APPS, agent_id))


async def update_app_health(conn: Connection, agent_id: UUID, healths: Mapping[UUID, AppHealth]) -> int:
    """Set the health of apps of this agent; return how many changed."""
    return await conn.execute(UPDATE_APP_HEALTH, agent_id, list(healths), list(healths.values()))


async def insert_app_status(
    conn: Connection,
    status_id: UUID,
    *,
    workspace_id: UUID,
    agent_id: UUID,
    app_id: UUID,
    state: str,
    message: str,
    uri: str,
    now: datetime,
) -> None:
    """Insert what a task says about itself."""
    await conn.execute(INSERT_APP_STATUS, status_id, workspace_id, agent_id, app_id, state, message, uri, now)


async def insert_script_timing(
    conn: Connection,
    script_id: UUID,
    agent_id: UUID,
    *,
    started_at: datetime,
    ended_at: datetime,
    exit_code: int,
    stage: str,
    status: str,
) -> bool:
    """Insert one run; False when the agent has no such script."""
    count = await conn.execute(
        INSERT_SCRIPT_TIMING, script_id, agent_id, started_at, ended_at, exit_code, stage, status
    )
    return count == 1
