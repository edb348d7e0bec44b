"""The terminal: a page of its own that talks to the agent through the server's WebSocket (spec: workspaces 5.1, 5.3)."""

from typing import Any

from litestar import Response, get

from homeport.database import Database
from homeport.kit.errors import NotFound
from homeport.kit.routes import requires
from homeport.rbac import Action, Subject
from homeport.web.actions import agents_of
from homeport.web.places import owner_of, workspace_path
from homeport.web.rendering import View
from homeport.workspaces.schemas import Workspace, WorkspaceAgent
from homeport.workspaces.service import reading, require_on


@get(
    "/{handle:str}/{name:str}/terminal",
    opt=requires("workspace:ssh", is_page=True),
    include_in_schema=False,
)
async def show_terminal(view: View, handle: str, name: str, db: Database, subject: Subject) -> Response[str]:
    """Show a terminal in `workspace` or `workspace.agent`; without an agent's name, in the first that is connected."""
    workspace_name, _, agent_name = name.partition(".")
    workspace = await reading.get_workspace_by_name(db, subject=subject, owner=owner_of(handle), name=workspace_name)
    require_on(subject, Action.SSH, workspace)
    agent = _choose(workspace, agent_name)
    return view.page(
        "terminal.html",
        workspace=workspace,
        agent=agent,
        base=workspace_path(workspace),
        has_several=len(agents_of(workspace)) > 1,
    )


def _choose(workspace: Workspace, name: str) -> WorkspaceAgent | None:
    """Return the agent; None when the workspace has none because it does not run."""
    agents = agents_of(workspace)
    if not name:
        return next((agent for agent in agents if agent.status == "connected"), agents[0] if agents else None)
    found = next((agent for agent in agents if agent.name.lower() == name.lower()), None)
    if found is None and agents:
        raise NotFound(f"This workspace has no agent '{name[:64]}'. It has: {', '.join(a.name for a in agents)}.")
    return found


routes: list[Any] = [show_terminal]
