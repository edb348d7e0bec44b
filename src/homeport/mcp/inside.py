"""From the words with which an agent names a workspace to the workspace, and on to a connection into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from homeport.agents.service.connections import AgentConnection
from homeport.agents.service.streaming import open_for_person
from homeport.agents.service.visits import visit
from homeport.audit.service.connections import Visit
from homeport.kit.http import Page
from homeport.kit.names import is_valid_name
from homeport.mcp import views
from homeport.mcp.errors import NothingHere, ToolFailed
from homeport.mcp.registry import Call
from homeport.rbac import Action
from homeport.workspaces.errors import WorkspaceNotFound
from homeport.workspaces.schemas import Workspace, WorkspaceAgent
from homeport.workspaces.service import listing, reading

DONE = "the call of the tool is done"
WORKSPACE = (
    "The workspace: its name, owner/name, or id. A workspace with several agents: name.agent, such as dev.main. "
    "It must be running."
)


async def find_workspace(call: Call, name: str) -> Workspace:
    """Return the workspace of an id, a name of the caller's own, or owner/name. Raises 404 in words."""
    try:
        workspace_id = UUID(name)
    except ValueError:
        owner, slash, rest = name.rpartition("/")
        if not slash:
            return await _find_own(call, name)
        if not (owner and rest):
            raise NothingHere("Name a workspace by its name, owner/name, or id.") from None
        return await reading.get_workspace_by_name(
            call.db, subject=call.subject, owner=owner.removeprefix("@"), name=rest
        )
    return await reading.get_workspace(call.db, subject=call.subject, workspace_id=workspace_id)


async def _find_own(call: Call, name: str) -> Workspace:
    """Return the caller's workspace of that name; unlike finding those of others, this reads no user."""
    query = f"owner:me name:{name}"
    if is_valid_name(name):
        found = await listing.list_workspaces(call.db, subject=call.subject, query=query, page=Page(limit=1))
        if found.workspaces:
            return found.workspaces[0]
    raise WorkspaceNotFound


async def find_agent(call: Call, name: str) -> tuple[Workspace, WorkspaceAgent]:
    """Return the workspace and its agent; the agent is named after a dot where there are several."""
    place, dot, agent_name = name.rpartition(".")
    # Names of workspaces have no dots.
    workspace = await find_workspace(call, place if dot else name)
    agents = [agent for agent in views.agents_of(workspace) if not dot or agent.name == agent_name]
    if len(agents) == 1:
        return workspace, agents[0]
    names = ", ".join(agent.name for agent in views.agents_of(workspace))
    if agents:
        raise ToolFailed(f"The workspace has several agents: name one, as {workspace.name}.{agents[0].name}. ({names})")
    if dot and names:
        raise NothingHere(f"The workspace has no agent '{agent_name}'. It has: {names}.")
    status = workspace.latest_build.status
    raise ToolFailed(
        f"The workspace has no agent: it is {status}. Start it with coder_create_workspace_build and wait until "
        "coder_get_workspace shows its agent as connected."
    )


@asynccontextmanager
async def connect(
    call: Call, name: str, *, action: Action = Action.SSH
) -> AsyncIterator[tuple[AgentConnection, Visit]]:
    """Lend a connection into a workspace that the caller may enter, and its line in the connection log.

    Raises 403, 404, 400 while it is not connected.
    """
    _, agent = await find_agent(call, name)
    switchboard = call.around.switchboard
    connection = await open_for_person(call.db, switchboard, subject=call.subject, agent_id=agent.id, action=action)
    async with visit(call.db, switchboard, user_id=call.subject.id, agent_id=agent.id, kind="ssh") as entry:
        entry.reason = DONE
        yield connection, entry
