"""What an agent is told when it starts."""

import msgspec

from homeport.access.types import AgentIdentity
from homeport.agents.queries import identities, metadata
from homeport.agents.schemas import (
    AgentManifest,
    AgentManifestApp,
    AgentManifestDevcontainer,
    AgentManifestHealthcheck,
    AgentManifestMetadata,
    AgentManifestMonitoring,
    AgentManifestSSH,
)
from homeport.agents.types import HEARTBEAT_SECONDS
from homeport.database import Database
from homeport.rbac import Action, Object, ResourceType, require
from homeport.workspaces.queries import resources
from homeport.workspaces.schemas.agents import WorkspaceAgentScript
from homeport.workspaces.types import AppRow, ScriptRow


def require_own_workspace(agent: AgentIdentity) -> None:
    """Decide that the agent may act on its own workspace: its owner's rights, narrowed to it."""
    workspace = Object(ResourceType.WORKSPACE, agent.workspace_id, agent.owner_id, agent.organization_id)
    require(agent.subject, Action.READ, workspace, noun="workspace")


async def read_manifest(
    db: Database, *, agent: AgentIdentity, access_url: str, client_public_key: str
) -> AgentManifest:
    """Return the manifest; `client_public_key` is the key of this deployment's servers."""
    require_own_workspace(agent)
    ids = [agent.agent_id]
    async with db.connection() as conn:
        row = await identities.get_manifest_row(conn, agent.agent_id)
        scripts = await resources.list_scripts(conn, ids)
        apps = await resources.list_apps(conn, ids)
        containers = await resources.list_devcontainers(conn, agent.agent_id)
        watched = await resources.find_resources_monitoring(conn, agent.agent_id)
        values = await metadata.list_metadata(conn, agent.agent_id)
    return AgentManifest(
        agent_id=row.id,
        agent_name=row.name,
        parent_id=row.parent_id,
        owner_username=row.owner_username,
        owner_email=row.owner_email,
        owner_name=row.owner_name,
        workspace_id=agent.workspace_id,
        workspace_name=row.workspace_name,
        environment_variables=row.environment_variables,
        directory=row.directory,
        motd_path=row.motd_file,
        scripts=[_script(script) for script in scripts],
        apps=[_app(app) for app in apps],
        metadata=[
            AgentManifestMetadata(
                key=value.key,
                display_name=value.display_name,
                script=value.script,
                interval=value.interval_seconds,
                timeout=value.timeout_seconds,
            )
            for value in values
        ],
        devcontainers=[
            AgentManifestDevcontainer(
                id=each.id, name=each.name, workspace_folder=each.workspace_folder, config_path=each.config_path
            )
            for each in containers
        ],
        resources_monitoring=None if watched is None else msgspec.convert(watched, AgentManifestMonitoring),
        display_apps=row.display_apps,
        access_url=access_url,
        ssh=AgentManifestSSH(client_public_key=client_public_key),
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )


def _script(row: ScriptRow) -> WorkspaceAgentScript:
    return WorkspaceAgentScript(
        id=row.id,
        log_source_id=row.log_source_id,
        log_path=row.log_path,
        script=row.script,
        cron=row.cron,
        run_on_start=row.run_on_start,
        run_on_stop=row.run_on_stop,
        start_blocks_login=row.start_blocks_login,
        timeout=row.timeout_seconds,
        display_name=row.display_name,
    )


def _app(row: AppRow) -> AgentManifestApp:
    check = AgentManifestHealthcheck(
        url=row.healthcheck_url, interval=row.healthcheck_interval, threshold=row.healthcheck_threshold
    )
    return AgentManifestApp(id=row.id, slug=row.slug, url=row.url, health=row.health, healthcheck=check)
