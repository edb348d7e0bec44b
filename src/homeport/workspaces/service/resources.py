"""Resources and agents as they are shown, in a fixed number of queries however many there are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from homeport.database import Connection
from homeport.kit import clock
from homeport.workspaces.queries import resources as queries
from homeport.workspaces.rules.agents import agent_health, agent_status
from homeport.workspaces.schemas import (
    ResourceMetadata,
    WorkspaceAgent,
    WorkspaceAgentHealth,
    WorkspaceAgentLogSource,
    WorkspaceAgentScript,
    WorkspaceApp,
    WorkspaceAppHealthcheck,
    WorkspaceAppStatus,
    WorkspaceResource,
)
from homeport.workspaces.types import AgentRow, AppRow, AppStatusRow, LogSourceRow, ScriptRow

T = TypeVar("T")


async def resource_views(conn: Connection, job_ids: Sequence[UUID]) -> dict[UUID, list[WorkspaceResource]]:
    """Return the resources of jobs (builds, imports, dry runs) with agents and apps, by job. The caller authorizes."""
    resources = await queries.list_resources(conn, job_ids) if job_ids else []
    if not resources:
        return {}
    ids = [resource.id for resource in resources]
    metadata = grouped(await queries.list_resource_metadata(conn, ids), lambda row: row.workspace_resource_id)
    agents = await _agent_views(conn, await queries.list_agents_of_resources(conn, ids))
    by_resource = grouped(agents, lambda agent: agent.resource_id)
    views: dict[UUID, list[WorkspaceResource]] = defaultdict(list)
    for row in resources:
        views[row.job_id].append(
            WorkspaceResource(
                id=row.id,
                created_at=row.created_at,
                job_id=row.job_id,
                workspace_transition=row.transition,
                type=row.type,
                name=row.name,
                hide=row.hide,
                icon=row.icon,
                agents=by_resource.get(row.id, []),
                metadata=[
                    ResourceMetadata(key=fact.key, value=fact.value or "", sensitive=fact.sensitive)
                    for fact in metadata.get(row.id, [])
                ],
                daily_cost=row.daily_cost,
            )
        )
    return views


async def agent_views(conn: Connection, agent_ids: Sequence[UUID]) -> dict[UUID, WorkspaceAgent]:
    """Return live agents by id. The caller authorizes."""
    agents = await queries.list_agents(conn, agent_ids) if agent_ids else []
    return {view.id: view for view in await _agent_views(conn, agents)}


async def _agent_views(conn: Connection, agents: list[AgentRow]) -> list[WorkspaceAgent]:
    if not agents:
        return []
    ids, now = [agent.id for agent in agents], clock.now()
    scripts = grouped(await queries.list_scripts(conn, ids), lambda row: row.workspace_agent_id)
    sources = grouped(await queries.list_log_sources(conn, ids), lambda row: row.workspace_agent_id)
    statuses = grouped(await queries.list_app_statuses(conn, ids), lambda row: row.app_id)
    apps = grouped(await queries.list_apps(conn, ids), lambda row: row.agent_id)
    return [
        _agent_view(
            agent,
            now,
            apps=[_app_view(agent, app, statuses.get(app.id, [])) for app in apps.get(agent.id, [])],
            scripts=scripts.get(agent.id, []),
            sources=sources.get(agent.id, []),
        )
        for agent in agents
    ]


def _agent_view(
    agent: AgentRow,
    now: datetime,
    *,
    apps: list[WorkspaceApp],
    scripts: list[ScriptRow],
    sources: list[LogSourceRow],
) -> WorkspaceAgent:
    status = agent_status(agent, now)
    is_healthy, reason = agent_health(status, agent.lifecycle_state, agent.disconnect_reason)
    is_blocking = any(script.run_on_start and script.start_blocks_login for script in scripts)
    return WorkspaceAgent(
        id=agent.id,
        parent_id=agent.parent_id,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
        first_connected_at=agent.first_connected_at,
        last_connected_at=agent.last_connected_at,
        disconnected_at=agent.disconnected_at,
        started_at=agent.started_at,
        ready_at=agent.ready_at,
        status=status,
        lifecycle_state=agent.lifecycle_state,
        name=agent.name,
        resource_id=agent.resource_id,
        instance_id=agent.auth_instance_id,
        architecture=agent.architecture,
        environment_variables=agent.environment_variables,
        operating_system=agent.operating_system,
        logs_length=agent.logs_length,
        logs_overflowed=agent.logs_overflowed,
        directory=agent.directory,
        expanded_directory=agent.expanded_directory,
        version=agent.version,
        api_version=agent.api_version,
        apps=apps,
        latency={},
        connection_timeout_seconds=agent.connection_timeout_seconds,
        troubleshooting_url=agent.troubleshooting_url,
        subsystems=agent.subsystems,
        health=WorkspaceAgentHealth(healthy=is_healthy, reason=reason),
        display_apps=agent.display_apps,
        log_sources=[_source_view(source) for source in sources],
        scripts=[_script_view(script) for script in scripts],
        startup_script_behavior="blocking" if is_blocking else "non-blocking",
    )


def _app_view(agent: AgentRow, app: AppRow, statuses: list[AppStatusRow]) -> WorkspaceApp:
    label = None
    if app.subdomain and agent.workspace_name is not None:
        label = f"{app.slug}--{agent.name}--{agent.workspace_name}--{agent.owner_username}"
    check = WorkspaceAppHealthcheck(
        url=app.healthcheck_url, interval=app.healthcheck_interval, threshold=app.healthcheck_threshold
    )
    return WorkspaceApp(
        id=app.id,
        url=app.url or None,
        external=app.external,
        slug=app.slug,
        display_name=app.display_name,
        command=app.command or None,
        icon=app.icon or None,
        subdomain=app.subdomain,
        subdomain_name=label,
        sharing_level=app.sharing_level,
        healthcheck=check if app.healthcheck_url else None,
        health=app.health,
        group=app.display_group or None,
        hidden=app.hidden,
        open_in=app.open_in,
        statuses=[app_status_view(status) for status in statuses],
        tooltip=app.tooltip or None,
    )


def app_status_view(status: AppStatusRow) -> WorkspaceAppStatus:
    """Return what a task said, for the wire."""
    return WorkspaceAppStatus(
        id=status.id,
        created_at=status.created_at,
        workspace_id=status.workspace_id,
        agent_id=status.agent_id,
        app_id=status.app_id,
        state=status.state,
        message=status.message,
        uri=status.uri,
    )


def _source_view(source: LogSourceRow) -> WorkspaceAgentLogSource:
    return WorkspaceAgentLogSource(
        workspace_agent_id=source.workspace_agent_id,
        id=source.id,
        created_at=source.created_at,
        display_name=source.display_name,
        icon=source.icon,
    )


def _script_view(script: ScriptRow) -> WorkspaceAgentScript:
    return WorkspaceAgentScript(
        id=script.id,
        log_source_id=script.log_source_id,
        log_path=script.log_path,
        script=script.script,
        cron=script.cron,
        run_on_start=script.run_on_start,
        run_on_stop=script.run_on_stop,
        start_blocks_login=script.start_blocks_login,
        timeout=script.timeout_seconds,
        display_name=script.display_name,
    )


def grouped(items: Iterable[T], key: Callable[[T], UUID]) -> dict[UUID, list[T]]:
    """Return the items by key, keeping their order."""
    groups: dict[UUID, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
