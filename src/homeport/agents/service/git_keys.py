"""The owner's key for git hosts, for the agents of the owner's workspaces."""

from homeport.access.types import AgentIdentity
from homeport.agents.schemas import AgentGitSSHKey
from homeport.database import Database
from homeport.identity.service import git_ssh_keys
from homeport.kit.crypto import Cipher
from homeport.rbac import Action, Object, ResourceType, require


async def read_git_ssh_key(db: Database, cipher: Cipher, *, agent: AgentIdentity) -> AgentGitSSHKey:
    """Return the owner's key pair, made at its first use. Agents without user data may not have it (404)."""
    owner = Object(ResourceType.USER, agent.owner_id, agent.owner_id)
    require(agent.subject, Action.READ_PERSONAL, owner, noun="user")
    async with db.transaction() as conn:
        row = await git_ssh_keys.ensure(conn, agent.owner_id, cipher)
        private_key = await git_ssh_keys.read_private_key(conn, agent.owner_id, cipher)
    return AgentGitSSHKey(row.public_key, private_key)
