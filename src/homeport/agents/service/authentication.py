"""An agent's token in, who it is out: one query."""

from homeport.access.authenticators import Presented
from homeport.access.service.subjects import build_holder
from homeport.access.types import AgentIdentity
from homeport.agents.errors import AgentOutdated, UnknownAgentToken
from homeport.agents.queries import identities
from homeport.agents.types import CredentialRow
from homeport.database import Database
from homeport.kit.crypto import hash_token
from homeport.rbac import Subject, agent_scope

_MAX_TOKEN = 200
_NO_USER_DATA = "no_user_data"


async def authenticate_agent(db: Database, token: str) -> AgentIdentity:
    """Return the agent that `token` belongs to, with its owner's roles narrowed to this workspace.

    Raises UnknownAgentToken (401) for no live agent or a suspended owner, AgentOutdated (403) for an older build.
    """
    row = await identities.find_credential(db, hash_token(token)) if 0 < len(token) <= _MAX_TOKEN else None
    if row is None:
        raise UnknownAgentToken
    if row.owner_status == "suspended":
        raise UnknownAgentToken("The account of the workspace's owner is suspended.")
    if row.is_outdated:
        raise AgentOutdated
    return AgentIdentity(
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        parent_id=row.parent_id,
        workspace_id=row.workspace_id,
        owner_id=row.owner_id,
        organization_id=row.organization_id,
        template_id=row.template_id,
        build_id=row.build_id,
        subject=_subject(row),
    )


async def resolve_agent(db: Database, presented: Presented) -> AgentIdentity:
    """Recognise the agent of a request: what `access` asks for on agents' routes."""
    return await authenticate_agent(db, presented.token)


def _subject(row: CredentialRow) -> Subject:
    scope = agent_scope(
        row.workspace_id,
        row.template_id,
        row.template_version_id,
        row.owner_id,
        has_user_data=row.api_key_scope != _NO_USER_DATA,
    )
    return build_holder(
        row.owner_id,
        roles=row.roles,
        holdings=row.holdings,
        scope=scope,
        friendly_name=f"{row.owner_username} (agent {row.agent_name})",
        kind="agent",
    )
