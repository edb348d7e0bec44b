"""Getting a workspace to where a shell can open: started, its agent connected, its blocking scripts done."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Literal

from homeport_cli.builds import build, find_workspace, is_running, settle
from homeport_cli.errors import CliError
from homeport_cli.jobs import POLL_SECONDS
from homeport_cli.names import WorkspaceName
from homeport_cli.progress import Progress
from homeport_sdk.errors import ApiError, ConnectionFailed

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Workspace, WorkspaceAgent

Wait = Literal["yes", "no", "auto"]
_STARTING = frozenset({"created", "starting"})
_LEAVING = frozenset({"shutting_down", "shutdown_timeout", "shutdown_error", "off"})


async def reach_agent(
    client: "Client", name: WorkspaceName, progress: Progress, *, is_started: bool = True, wait: Wait = "auto"
) -> "WorkspaceAgent":
    """Return a connected agent of the workspace. When it is ready already, one request is all it takes.

    `is_started` allows to start a stopped workspace; `wait` says whether to wait for start-up scripts, `auto` for those that ask for
    it. Raises CliError.
    """
    workspace = await find_workspace(client, name)
    if not is_running(workspace):
        workspace = await _start(client, workspace, name, progress, is_allowed=is_started)
    agent = choose_agent(workspace, name.agent)
    if agent.status != "connected":
        agent = await _wait_for_connection(client, agent, progress)
    if agent.lifecycle_state in _STARTING and is_blocking(agent, wait):
        agent = await _wait_for_scripts(client, agent, progress)
    _judge(agent, progress)
    progress.finish()
    return agent


def choose_agent(workspace: "Workspace", name: str) -> "WorkspaceAgent":
    """Return the agent of this name, or the only one. Raises CliError."""
    agents = [agent for resource in workspace.latest_build.resources for agent in resource.agents]
    if name:
        found = [agent for agent in agents if agent.name == name]
    else:
        found = [agent for agent in agents if agent.parent_id is None]
    if len(found) == 1:
        return found[0]
    if not agents:
        raise CliError(f"Workspace '{workspace.name}' has no agent: its template starts none.")
    listed = ", ".join(f"{workspace.name}.{agent.name}" for agent in agents)
    if name:
        raise CliError(f"Workspace '{workspace.name}' has no agent '{name}'. There are: {listed}.")
    raise CliError(f"Workspace '{workspace.name}' has several agents. Name one: {listed}.")


def is_blocking(agent: "WorkspaceAgent", wait: Wait) -> bool:
    """Whether a shell waits for the agent's start-up scripts."""
    if wait == "auto":
        return agent.startup_script_behavior == "blocking" or any(script.start_blocks_login for script in agent.scripts)
    return wait == "yes"


async def _start(
    client: "Client", workspace: "Workspace", name: WorkspaceName, progress: Progress, *, is_allowed: bool
) -> "Workspace":
    workspace = await settle(client, workspace, progress)
    if is_running(workspace):
        return workspace
    if workspace.latest_build.transition == "delete" and workspace.latest_build.job.status == "succeeded":
        raise CliError(f"Workspace '{name}' is deleted.")
    if not is_allowed:
        raise CliError(f"Workspace '{name}' is {workspace.latest_build.status}. Start it: homeport start {name}")
    progress.show_note(f"Workspace '{name}' is {workspace.latest_build.status}; starting it.")
    try:
        await build(client, workspace, "start", progress, reason="ssh_connection")
    except ApiError as error:
        if error.status != 409:
            raise
        # Somebody else began a build in the same moment.
        return await settle(client, await client.workspaces.get(workspace.id), progress)
    return await client.workspaces.get(workspace.id)


async def _wait_for_connection(client: "Client", agent: "WorkspaceAgent", progress: Progress) -> "WorkspaceAgent":
    progress.show_stage(f"Waiting for agent '{agent.name}' to connect")
    said = ""
    while agent.status != "connected":
        reason = agent.health.reason if agent.status in {"timeout", "disconnected"} else ""
        if reason and reason != said:
            hint = f" See {agent.troubleshooting_url}" if agent.troubleshooting_url else ""
            progress.show_note(f"Agent '{agent.name}': {reason}.{hint}")
            said = reason
        await asyncio.sleep(POLL_SECONDS / 2)
        progress.tick()
        agent = await client.agents.get(agent.id)
    return agent


async def _wait_for_scripts(client: "Client", agent: "WorkspaceAgent", progress: Progress) -> "WorkspaceAgent":
    progress.show_stage("Running start-up scripts (--wait no goes on without them)")
    showing = asyncio.create_task(_show_logs(client, agent, progress))
    try:
        while agent.lifecycle_state in _STARTING:
            await asyncio.sleep(POLL_SECONDS / 2)
            progress.tick()
            agent = await client.agents.get(agent.id)
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
    return agent


async def _show_logs(client: "Client", agent: "WorkspaceAgent", progress: Progress) -> None:
    with contextlib.suppress(ApiError, ConnectionFailed):
        async for line in client.agents.follow_logs(agent.id):
            progress.show_line(line.output, level=line.level)


def _judge(agent: "WorkspaceAgent", progress: Progress) -> None:
    if agent.lifecycle_state in _LEAVING:
        raise CliError(f"Agent '{agent.name}' is shutting down. Try again when the workspace has stopped.")
    if agent.lifecycle_state in {"start_error", "start_timeout"}:
        how = "failed" if agent.lifecycle_state == "start_error" else "took too long"
        progress.show_note(
            f"A start-up script {how}; the workspace may not be complete. Its log: homeport logs WORKSPACE"
        )
