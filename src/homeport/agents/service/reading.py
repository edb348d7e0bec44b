"""What people read about agents."""

from uuid import UUID

from homeport.agents.errors import AgentNotFound
from homeport.agents.queries import identities
from homeport.agents.types import AgentWorkspaceRow
from homeport.database import Connection, Database
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require
from homeport.workspaces.queries.workspaces import find_workspace
from homeport.workspaces.schemas.agents import WorkspaceAgent
from homeport.workspaces.service import agent_views, workspace_object
from homeport.workspaces.types import WorkspaceRow


async def require_agent(
    conn: Connection, subject: Subject, agent_id: UUID, action: Action
) -> tuple[AgentWorkspaceRow, WorkspaceRow]:
    """Return a live agent and its workspace, to which `subject` may do `action`.

    Raises AgentNotFound where the workspace is gone or not readable, Forbidden where it is but `action` is not allowed.
    """
    agent = await identities.find_agent_workspace(conn, agent_id)
    workspace = None if agent is None else await find_workspace(conn, agent.workspace_id)
    if agent is None or workspace is None or workspace.deleted:
        # Decided all the same, so that an unknown agent takes the same path as a hidden one.
        is_allowed(subject, Action.READ, Object(ResourceType.WORKSPACE))
        raise AgentNotFound
    target = workspace_object(workspace)
    if not is_allowed(subject, Action.READ, target):
        raise AgentNotFound
    if action is not Action.READ:
        require(subject, action, target, noun="workspace")
    return agent, workspace


async def get_agent(db: Database, *, subject: Subject, agent_id: UUID) -> WorkspaceAgent:
    """Return an agent of a workspace that `subject` may read."""
    async with db.connection() as conn:
        await require_agent(conn, subject, agent_id, Action.READ)
        views = await agent_views(conn, [agent_id])
    if agent_id not in views:
        raise AgentNotFound
    return views[agent_id]
