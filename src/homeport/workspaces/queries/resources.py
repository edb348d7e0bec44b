"""Rows of resources, agents, scripts, log sources, agent metadata and apps: written when a job ends, read in bulk."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection, rows
from homeport.workspaces.types import (
    AgentRow,
    AppRow,
    AppStatusRow,
    DevcontainerRow,
    LogSourceRow,
    ResourceMetadataRow,
    ResourceRow,
    ScriptRow,
)

INSERT_RESOURCE = """
insert into workspace_resources (
    id, job_id, transition, type, name, hide, icon, instance_type, module_path, daily_cost, created_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

INSERT_RESOURCE_METADATA = """
insert into workspace_resource_metadata (workspace_resource_id, key, value, sensitive) values ($1, $2, $3, $4)
"""

# What stands there then is the hash of nothing that anybody knows.
TAKE_TOKENS_OVER = """
update workspace_agents a set auth_token_hash = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
from workspace_resources r
join workspace_builds b on b.job_id = r.job_id
where a.resource_id = r.id and b.workspace_id = $1 and a.auth_token_hash = any($2::bytea[])
"""

INSERT_AGENT = """
insert into workspace_agents (
    id, resource_id, name, auth_token_hash, auth_token_sealed, auth_instance_id, architecture, operating_system,
    environment_variables, directory, connection_timeout_seconds, troubleshooting_url, motd_file, display_apps,
    api_key_scope, display_order, created_at, updated_at, resources_monitoring
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)
"""

INSERT_LOG_SOURCE = """
insert into workspace_agent_log_sources (id, workspace_agent_id, display_name, icon, created_at)
values ($1, $2, $3, $4, $5)
"""

INSERT_SCRIPT = """
insert into workspace_agent_scripts (
    id, workspace_agent_id, log_source_id, display_name, icon, log_path, script, cron, run_on_start, run_on_stop,
    start_blocks_login, timeout_seconds, created_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

INSERT_AGENT_METADATA = """
insert into workspace_agent_metadata (
    workspace_agent_id, key, display_name, script, interval_seconds, timeout_seconds, display_order
) values ($1, $2, $3, $4, $5, $6, $7)
"""

INSERT_DEVCONTAINER = """
insert into workspace_agent_devcontainers (id, workspace_agent_id, name, workspace_folder, config_path, created_at)
values ($1, $2, $3, $4, $5, $6)
"""

INSERT_APP = """
insert into workspace_apps (
    id, agent_id, slug, display_name, icon, command, url, external, subdomain, sharing_level, open_in, display_group,
    display_order, hidden, tooltip, healthcheck_url, healthcheck_interval, healthcheck_threshold, health, created_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
"""

LIST_RESOURCES = """
select id, job_id, transition, type, name, hide, icon, instance_type, module_path, daily_cost, created_at
from workspace_resources where job_id = any($1::uuid[]) order by transition, created_at, name, id
"""

LIST_RESOURCE_METADATA = """
select workspace_resource_id, key, value, sensitive
from workspace_resource_metadata where workspace_resource_id = any($1::uuid[]) order by id
"""

_AGENTS = """
select
    a.id, a.parent_id, a.resource_id, a.name, a.auth_instance_id, a.architecture, a.operating_system,
    a.environment_variables, a.directory, a.expanded_directory, a.version, a.api_version,
    a.connection_timeout_seconds, a.troubleshooting_url, a.motd_file, a.display_apps, a.subsystems, a.api_key_scope,
    a.display_order, a.lifecycle_state, a.logs_length, a.logs_overflowed, a.first_connected_at, a.last_connected_at,
    a.disconnected_at, a.disconnect_reason, a.started_at, a.ready_at, a.created_at, a.updated_at,
    w.name as workspace_name, u.username as owner_username
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
left join workspace_builds b on b.job_id = r.job_id
left join workspaces w on w.id = b.workspace_id
left join visible_users u on u.id = w.owner_id
"""

LIST_AGENTS_OF_RESOURCES = f"""
{_AGENTS}
where a.resource_id = any($1::uuid[]) and not a.deleted
order by a.display_order, a.name, a.id
"""

LIST_AGENTS = f"{_AGENTS} where a.id = any($1::uuid[]) and not a.deleted order by a.display_order, a.name, a.id"

LIST_SCRIPTS = """
select
    id, workspace_agent_id, log_source_id, display_name, icon, log_path, script, cron, run_on_start, run_on_stop,
    start_blocks_login, timeout_seconds, created_at
from workspace_agent_scripts where workspace_agent_id = any($1::uuid[]) order by created_at, display_name, id
"""

LIST_LOG_SOURCES = """
select id, workspace_agent_id, display_name, icon, created_at
from workspace_agent_log_sources where workspace_agent_id = any($1::uuid[]) order by created_at, display_name, id
"""

LIST_APPS = """
select
    id, agent_id, slug, display_name, icon, command, url, external, subdomain, sharing_level, open_in, display_group,
    display_order, hidden, tooltip, healthcheck_url, healthcheck_interval, healthcheck_threshold, health, created_at
from workspace_apps where agent_id = any($1::uuid[]) order by display_order, slug
"""

LIST_DEVCONTAINERS = """
select id, name, workspace_folder, config_path
from workspace_agent_devcontainers where workspace_agent_id = $1 order by name
"""

FIND_RESOURCES_MONITORING = "select resources_monitoring from workspace_agents where id = $1"

# Newest first; a task speaks rarely, and old words are cut off.
LIST_APP_STATUSES = """
select id, workspace_id, agent_id, app_id, state, message, uri, created_at from (
    select s.*, row_number() over (partition by s.app_id order by s.created_at desc, s.id) as place
    from workspace_app_statuses s
    where s.agent_id = any($1::uuid[])
) ranked
where place <= 20
order by created_at desc, id
"""

# Every build's agents, and their sub-agents: those hang on the same resources.
DELETE_AGENTS_OF_WORKSPACE = """
update workspace_agents a set deleted = true, updated_at = $2
from workspace_resources r, workspace_builds b
where a.resource_id = r.id and r.job_id = b.job_id and b.workspace_id = $1 and not a.deleted
"""

LIST_SCRIPT_TIMINGS = """
select
    t.started_at, t.ended_at, t.exit_code, t.stage, t.status, s.display_name, a.id as workspace_agent_id,
    a.name as workspace_agent_name
from workspace_agent_script_timings t
join workspace_agent_scripts s on s.id = t.script_id
join workspace_agents a on a.id = s.workspace_agent_id
join workspace_resources r on r.id = a.resource_id
where r.job_id = $1
order by t.started_at, s.display_name
"""

LIST_CONNECTIONS = """
select a.created_at, a.first_connected_at, a.id, a.name
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
where r.job_id = $1 and a.first_connected_at is not null
order by a.first_connected_at, a.name
"""

Values = Iterable[tuple[object, ...]]


async def take_tokens_over(conn: Connection, workspace_id: UUID, token_hashes: Sequence[bytes]) -> None:
    """Take tokens from the agents of a workspace's earlier builds, for a build whose agents have them now.

    Providers may keep an agent, with its token, from build to build. A token is that of one agent: the latest one's.
    """
    if token_hashes:
        await conn.execute(TAKE_TOKENS_OVER, workspace_id, token_hashes)


async def insert_all(
    conn: Connection,
    *,
    resources: Values,
    resource_metadata: Values,
    agents: Values,
    log_sources: Values,
    scripts: Values,
    agent_metadata: Values,
    devcontainers: Values,
    apps: Values,
) -> None:
    """Insert what a job made, parents first. Tuples are in the order of each statement's columns.

    Raises UniqueViolation `workspace_agents_auth_token_hash_key` for a token that another agent has.
    """
    await conn.executemany(INSERT_RESOURCE, resources)
    await conn.executemany(INSERT_RESOURCE_METADATA, resource_metadata)
    await conn.executemany(INSERT_AGENT, agents)
    await conn.executemany(INSERT_LOG_SOURCE, log_sources)
    await conn.executemany(INSERT_SCRIPT, scripts)
    await conn.executemany(INSERT_AGENT_METADATA, agent_metadata)
    await conn.executemany(INSERT_DEVCONTAINER, devcontainers)
    await conn.executemany(INSERT_APP, apps)


async def list_resources(conn: Connection, job_ids: Sequence[UUID]) -> list[ResourceRow]:
    """Return the resources of jobs, in the order in which the engine told them."""
    return rows.many(ResourceRow, await conn.fetch(LIST_RESOURCES, job_ids))


async def list_resource_metadata(conn: Connection, resource_ids: Sequence[UUID]) -> list[ResourceMetadataRow]:
    """Return the facts about resources."""
    return rows.many(ResourceMetadataRow, await conn.fetch(LIST_RESOURCE_METADATA, resource_ids))


async def list_agents_of_resources(conn: Connection, resource_ids: Sequence[UUID]) -> list[AgentRow]:
    """Return the live agents of resources, sub-agents among them."""
    return rows.many(AgentRow, await conn.fetch(LIST_AGENTS_OF_RESOURCES, resource_ids))


async def list_agents(conn: Connection, agent_ids: Sequence[UUID]) -> list[AgentRow]:
    """Return live agents by id."""
    return rows.many(AgentRow, await conn.fetch(LIST_AGENTS, agent_ids))


async def list_scripts(conn: Connection, agent_ids: Sequence[UUID]) -> list[ScriptRow]:
    """Return the scripts of agents."""
    return rows.many(ScriptRow, await conn.fetch(LIST_SCRIPTS, agent_ids))


async def list_log_sources(conn: Connection, agent_ids: Sequence[UUID]) -> list[LogSourceRow]:
    """Return the log sources of agents."""
    return rows.many(LogSourceRow, await conn.fetch(LIST_LOG_SOURCES, agent_ids))


async def list_apps(conn: Connection, agent_ids: Sequence[UUID]) -> list[AppRow]:
    """Return the apps of agents."""
    return rows.many(AppRow, await conn.fetch(LIST_APPS, agent_ids))


async def list_devcontainers(conn: Connection, agent_id: UUID) -> list[DevcontainerRow]:
    """Return the dev containers that an agent starts by itself."""
    return rows.many(DevcontainerRow, await conn.fetch(LIST_DEVCONTAINERS, agent_id))


async def find_resources_monitoring(conn: Connection, agent_id: UUID) -> Any:
    """Return what an agent is to watch of its machine, as plain JSON, or None."""
    return await conn.fetchval(FIND_RESOURCES_MONITORING, agent_id)


async def list_app_statuses(conn: Connection, agent_ids: Sequence[UUID]) -> list[AppStatusRow]:
    """Return what tasks said last, newest first, up to 20 of each app."""
    return rows.many(AppStatusRow, await conn.fetch(LIST_APP_STATUSES, agent_ids))


async def delete_agents_of_workspace(conn: Connection, workspace_id: UUID, now: datetime) -> int:
    """Mark all agents of a workspace as deleted: their tokens open nothing any more."""
    return await conn.execute(DELETE_AGENTS_OF_WORKSPACE, workspace_id, now)


async def list_script_timings(conn: Connection, job_id: UUID) -> list[dict[str, object]]:
    """Return how long the scripts of a build's agents ran."""
    return [dict(record) for record in await conn.fetch(LIST_SCRIPT_TIMINGS, job_id)]


async def list_connections(conn: Connection, job_id: UUID) -> list[tuple[datetime, datetime, UUID, str]]:
    """Return creation, first contact, id and name of a build's agents."""
    records = await conn.fetch(LIST_CONNECTIONS, job_id)
    return [(each["created_at"], each["first_connected_at"], each["id"], each["name"]) for each in records]
