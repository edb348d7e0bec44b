"""`logs`: what a build said, and what its agents said."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from homeport_cli import completions, context
from homeport_cli.builds import find_workspace
from homeport_cli.errors import CliError
from homeport_cli.names import parse_workspace
from homeport_cli.output import printable

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import ProvisionerJobLog, WorkspaceAgent, WorkspaceAgentLog, WorkspaceBuild


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    name: Annotated[str, typer.Argument(metavar="[OWNER/]NAME[.AGENT]", autocompletion=completions.workspace_names)],
    is_followed: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is to come, until interrupted.")
    ] = False,
    number: Annotated[
        int, typer.Option("--build-number", "-n", help="Number of the build; 0 for the latest, -1 for the one before.")
    ] = 0,
) -> None:
    """Show the log of a workspace's build and of its agents."""
    target = parse_workspace(name, has_agent=True)

    async def work(client: "Client") -> None:
        workspace = await find_workspace(client, target)
        build = workspace.latest_build
        if number:
            build = await _find_build(client, workspace.id, build.build_number + number if number < 0 else number)
        if is_followed:
            await _follow(client, build, target.agent)
        else:
            await _print(client, build, target.agent)

    context.run(work)


async def _find_build(client: "Client", workspace_id: str, number: int) -> "WorkspaceBuild":
    for build in await client.builds.list(workspace_id):
        if build.build_number == number:
            return build
    raise CliError(f"--build-number: the workspace has no build {number}.")


async def _print(client: "Client", build: "WorkspaceBuild", agent_name: str) -> None:
    for job_line in await client.builds.logs(build.id):
        _show_job_line(job_line)
    for agent in _agents(build, agent_name):
        for line in await client.agents.logs(agent.id):
            _show_agent_line(agent, line)


async def _follow(client: "Client", build: "WorkspaceBuild", agent_name: str) -> None:
    async for job_line in client.builds.follow_logs(build.id):
        _show_job_line(job_line)
    build = await client.builds.get(build.id)

    async def follow_agent(agent: "WorkspaceAgent") -> None:
        async for line in client.agents.follow_logs(agent.id):
            _show_agent_line(agent, line)

    await asyncio.gather(*(follow_agent(agent) for agent in _agents(build, agent_name)))


def _agents(build: "WorkspaceBuild", name: str) -> "list[WorkspaceAgent]":
    agents = [agent for resource in build.resources for agent in resource.agents]
    chosen = [agent for agent in agents if not name or agent.name == name]
    if name and not chosen:
        raise CliError(
            f"The build has no agent '{name}'. There are: {', '.join(agent.name for agent in agents) or 'none'}."
        )
    return chosen


def _show_job_line(line: "ProvisionerJobLog") -> None:
    _show(line.created_at, line.log_level, line.stage, line.output)


def _show_agent_line(agent: "WorkspaceAgent", line: "WorkspaceAgentLog") -> None:
    _show(line.created_at, line.level, f"agent.{agent.name}", line.output)


def _show(moment: datetime, level: str, source: str, text: str) -> None:
    print(f"{moment.isoformat(timespec='milliseconds')} [{level}] [{printable(source)}] {printable(text)}", flush=True)
