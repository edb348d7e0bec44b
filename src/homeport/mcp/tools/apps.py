"""What listens in a workspace: its applications, and ports."""

from typing import Annotated, Any

from msgspec import Meta

from homeport.agents.service.streaming import read_listening_ports
from homeport.mcp import needs, views
from homeport.mcp.arguments import Arguments
from homeport.mcp.inside import WORKSPACE, find_agent, find_workspace
from homeport.mcp.registry import READS, Call, tool

_MOST_PORTS = 100


class ListApps(Arguments):
    """Arguments of coder_workspace_list_apps."""

    workspace: Annotated[str, Meta(min_length=1, description="The workspace: its name, owner/name, or id.")]


class PortForward(Arguments):
    """Arguments of coder_workspace_port_forward."""

    workspace: Annotated[str, Meta(min_length=1, description=WORKSPACE)]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port in the workspace.")]


@tool(
    "coder_workspace_list_apps",
    "List applications",
    needs=needs.on_workspace(needs.READ_WORKSPACES),
    hints=READS,
    kind=ListApps,
)
async def list_apps(call: Call, given: ListApps) -> Any:
    """List the applications of a workspace, with their health."""
    return views.apps_of(await find_workspace(call, given.workspace))


@tool(
    "coder_workspace_port_forward",
    "Reach a port",
    needs=needs.on_workspace(needs.OPEN_PORTS),
    hints=READS,
    kind=PortForward,
)
async def port_forward(call: Call, given: PortForward) -> Any:
    """Tell whether something listens on a port of a workspace, and by which command the person reaches it."""
    workspace, agent = await find_agent(call, given.workspace)
    found = await read_listening_ports(call.db, call.around.switchboard, subject=call.subject, agent_id=agent.id)
    listening = next((each for each in found.ports if each.port == given.port), None)
    name = f"{workspace.name}.{agent.name}" if len(views.agents_of(workspace)) > 1 else workspace.name
    if workspace.owner_id != call.user_id:
        name = f"{workspace.owner_name}.{name}"
    host = f"{call.around.settings.ssh_hostname_prefix}{name}"
    return {
        "port": given.port,
        "is_listening": listening is not None,
        "process": listening.process_name if listening else "",
        "command": f"ssh -N -L {given.port}:127.0.0.1:{given.port} {host}",
        "note": "The person runs this on their own machine, once after 'homeport config-ssh', and then opens "
        f"localhost:{given.port}.",
        "listening_ports": [each.port for each in found.ports[:_MOST_PORTS]],
    }


TOOLS = (list_apps, port_forward)
