"""Who an agent is: by its token, and by its id for those who want to reach it."""

from collections.abc import Sequence
from uuid import UUID

from homeport.agents.types import AgentWorkspaceRow, CredentialRow, ManifestRow
from homeport.database import Connection, Database
from homeport.database.rows import maybe, one

# A build that runs does not cut off the agents of the one before: they shut down in order, and a failed start leaves
# nothing behind. Once it has ended, whatever its end, only its own agents count.
_IS_OUTDATED = """exists (
    select 1 from workspace_builds newer join provisioner_jobs newer_job on newer_job.id = newer.job_id
    where newer.workspace_id = b.workspace_id and newer.build_number > b.build_number
        and newer_job.completed_at is not null
)"""

# One query per request of an agent: by the unique index on the token's hash, then by primary keys.
FIND_CREDENTIAL = f"""
select
    a.id as agent_id, a.name as agent_name, a.parent_id, a.api_key_scope,
    b.id as build_id, b.template_version_id, {_IS_OUTDATED} as is_outdated,
    w.id as workspace_id, w.owner_id, w.organization_id, w.template_id,
    u.username as owner_username, u.status::text as owner_status, u.rbac_roles as roles,
    coalesce(z.holdings, '{{}}') as holdings
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
join workspace_builds b on b.job_id = r.job_id
join workspaces w on w.id = b.workspace_id
join users u on u.id = w.owner_id
left join user_authorizations z on z.user_id = w.owner_id
where a.auth_token_hash = $1 and not a.deleted and not w.deleted
"""

GET_MANIFEST_ROW = """
select
    a.id, a.name, a.parent_id, a.directory, a.motd_file, a.environment_variables, a.display_apps,
    w.name as workspace_name, u.username as owner_username, u.email as owner_email, u.name as owner_name
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
join workspace_builds b on b.job_id = r.job_id
join workspaces w on w.id = b.workspace_id
join users u on u.id = w.owner_id
where a.id = $1
"""

FIND_AGENT_WORKSPACE = f"""
select
    a.id as agent_id, a.name as agent_name, b.workspace_id, a.ssh_host_key, a.last_connected_at, a.disconnected_at,
    a.disconnect_reason, a.last_connected_replica_id, {_IS_OUTDATED} as is_outdated,
    j.provisioner = 'process' and not j.is_isolated as is_exposed
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
join workspace_builds b on b.job_id = r.job_id
join provisioner_jobs j on j.id = b.job_id
where a.id = $1 and not a.deleted
"""

# Which of these agents may not stay connected.
LIST_OUTDATED = f"""
select a.id
from workspace_agents a
join workspace_resources r on r.id = a.resource_id
join workspace_builds b on b.job_id = r.job_id
join workspaces w on w.id = b.workspace_id
where a.id = any($1::uuid[]) and (a.deleted or w.deleted or {_IS_OUTDATED})
"""


async def find_credential(db: Database, token_hash: bytes) -> CredentialRow | None:
    """Return the live agent of a live workspace that has this token."""
    return maybe(CredentialRow, await db.fetchrow(FIND_CREDENTIAL, token_hash))


async def get_manifest_row(conn: Connection, agent_id: UUID) -> ManifestRow:
    """Return what the manifest of an authenticated agent needs."""
    row = await conn.fetchrow(GET_MANIFEST_ROW, agent_id)
    assert row is not None
    return one(ManifestRow, row)


async def find_agent_workspace(conn: Connection, agent_id: UUID) -> AgentWorkspaceRow | None:
    """Return where a live agent of a workspace belongs."""
    return maybe(AgentWorkspaceRow, await conn.fetchrow(FIND_AGENT_WORKSPACE, agent_id))


async def list_outdated(conn: Connection, agent_ids: Sequence[UUID]) -> list[UUID]:
    """Return those of the agents that are deleted or belong to a build of the past."""
    return [row["id"] for row in await conn.fetch(LIST_OUTDATED, list(agent_ids))]
