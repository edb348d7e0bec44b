"""Agents that agents make."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.agents.types import SubAgentApp, SubAgentRow
from homeport.database import Connection
from homeport.database.rows import many, maybe, one

_COLUMNS = (
    "id, parent_id, resource_id, name, auth_token_sealed, architecture, operating_system, directory, display_apps, "
    "connection_timeout_seconds, troubleshooting_url, api_key_scope, created_at"
)

LIST_SUB_AGENTS = (
    f"select {_COLUMNS} from workspace_agents where parent_id = $1 and not deleted order by created_at, name, id"
)
LOCK_SUB_AGENT = f"select {_COLUMNS} from workspace_agents where id = $1 and parent_id = $2 and not deleted for update"
GET_HIGHEST_SHARING_LEVEL = "select max_port_sharing_level::text from templates where id = $1"
DELETE_SUB_AGENT = "update workspace_agents set deleted = true, updated_at = $2 where id = $1"

# What a sub-agent does not say for itself comes from its parent.
INSERT_SUB_AGENT = f"""
insert into workspace_agents (
    id, parent_id, resource_id, name, auth_token_hash, auth_token_sealed, architecture, operating_system, directory,
    display_apps, connection_timeout_seconds, troubleshooting_url, api_key_scope, created_at, updated_at
)
select $2, p.id, p.resource_id, $3, $4, $5, $6, $7, $8, $9, p.connection_timeout_seconds, p.troubleshooting_url,
    p.api_key_scope, $10, $10
from workspace_agents p where p.id = $1 and not p.deleted
returning {_COLUMNS}
"""

UPDATE_DECLARED_SUB_AGENT = f"""
update workspace_agents set display_apps = $2, directory = coalesce(nullif($3, ''), directory), updated_at = $4
where id = $1
returning {_COLUMNS}
"""

INSERT_APP = """
insert into workspace_apps (
    id, agent_id, slug, display_name, icon, command, url, external, subdomain, sharing_level, open_in, display_group,
    display_order, hidden, healthcheck_url, healthcheck_interval, healthcheck_threshold, health, created_at
) values (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::app_sharing_level, $11::app_open_in, $12, $13, $14, $15, $16, $17,
    $18::app_health, $19
)
"""


async def list_sub_agents(conn: Connection, parent_id: UUID) -> list[SubAgentRow]:
    """Return an agent's live sub-agents, oldest first."""
    return many(SubAgentRow, await conn.fetch(LIST_SUB_AGENTS, parent_id))


async def lock_sub_agent(conn: Connection, sub_agent_id: UUID, parent_id: UUID) -> SubAgentRow | None:
    """Return a live sub-agent of this very parent, and hold its row."""
    return maybe(SubAgentRow, await conn.fetchrow(LOCK_SUB_AGENT, sub_agent_id, parent_id))


async def get_highest_sharing_level(conn: Connection, template_id: UUID) -> str:
    """Return how far a template lets its workspaces open their apps and ports."""
    level: str = await conn.fetchval(GET_HIGHEST_SHARING_LEVEL, template_id)
    return level


async def insert_sub_agent(
    conn: Connection,
    *,
    parent_id: UUID,
    sub_agent_id: UUID,
    name: str,
    token_hash: bytes,
    token_sealed: bytes,
    architecture: str,
    operating_system: str,
    directory: str,
    display_apps: Sequence[str],
    now: datetime,
) -> SubAgentRow | None:
    """Insert a sub-agent; None when the parent is gone. Raises UniqueViolation `workspace_agents_name_in_build`."""
    row = await conn.fetchrow(
        INSERT_SUB_AGENT, parent_id, sub_agent_id, name, token_hash, token_sealed, architecture, operating_system,
        directory, list(display_apps), now,
    )  # fmt: skip
    return maybe(SubAgentRow, row)


async def update_declared_sub_agent(
    conn: Connection, sub_agent_id: UUID, display_apps: Sequence[str], directory: str, now: datetime
) -> SubAgentRow:
    """Set display apps, and the directory unless it is empty."""
    row = await conn.fetchrow(UPDATE_DECLARED_SUB_AGENT, sub_agent_id, list(display_apps), directory, now)
    assert row is not None
    return one(SubAgentRow, row)


async def delete_sub_agent(conn: Connection, sub_agent_id: UUID, now: datetime) -> None:
    """Mark a sub-agent as deleted: its token opens nothing any more."""
    await conn.execute(DELETE_SUB_AGENT, sub_agent_id, now)


async def insert_app(conn: Connection, app_id: UUID, agent_id: UUID, app: SubAgentApp, now: datetime) -> None:
    """Insert an app. Raises UniqueViolation when the agent has one of this slug."""
    await conn.execute(
        INSERT_APP, app_id, agent_id, app.slug, app.display_name, app.icon, app.command, app.url, app.external,
        app.subdomain, app.sharing_level, app.open_in, app.display_group, app.display_order, app.hidden,
        app.healthcheck_url, app.healthcheck_interval, app.healthcheck_threshold, app.health, now,
    )  # fmt: skip
