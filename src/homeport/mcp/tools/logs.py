"""Logs of builds, imports and agents: their ends, which tell what went wrong."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from homeport.agents.service import logs as agent_logs
from homeport.mcp import needs, views
from homeport.mcp.arguments import Arguments
from homeport.mcp.registry import READS, Call, tool
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.templates.service import contents
from homeport.workspaces.service import states

Limit = Annotated[int, Meta(ge=1, le=5000, description="At most this many lines, from the end of the log.")]


class BuildLogs(Arguments):
    """Arguments of coder_get_workspace_build_logs."""

    workspace_build_id: Annotated[UUID, Meta(description="Id of the build: latest_build.id of a workspace.")]
    limit: Limit = 500


class AgentLogs(Arguments):
    """Arguments of coder_get_workspace_agent_logs."""

    workspace_agent_id: Annotated[UUID, Meta(description="Id of the agent: agents[].id of a workspace.")]
    limit: Limit = 500


class VersionLogs(Arguments):
    """Arguments of coder_get_template_version_logs."""

    template_version_id: Annotated[UUID, Meta(description="Id of the template version.")]
    limit: Limit = 500


@tool("coder_get_workspace_build_logs", "Read a build's log", needs=needs.READ_WORKSPACES, hints=READS, kind=BuildLogs)
async def get_build_logs(call: Call, given: BuildLogs) -> Any:
    """Return the end of the log of a workspace's build: why it failed, or how far it is."""
    lines = await states.list_build_logs(call.db, subject=call.subject, build_id=given.workspace_build_id)
    return views.last_lines([_job_line(line) for line in lines], given.limit)


@tool("coder_get_workspace_agent_logs", "Read an agent's log", needs=needs.READ_WORKSPACES, hints=READS, kind=AgentLogs)
async def get_agent_logs(call: Call, given: AgentLogs) -> Any:
    """Return the end of the log of an agent: what its start scripts printed."""
    lines = await agent_logs.list_logs(
        call.db, subject=call.subject, agent_id=given.workspace_agent_id, after=0, before=None
    )
    return views.last_lines([line.output for line in lines], given.limit)


@tool(
    "coder_get_template_version_logs", "Read an import's log", needs=needs.READ_TEMPLATES, hints=READS, kind=VersionLogs
)
async def get_version_logs(call: Call, given: VersionLogs) -> Any:
    """Return the end of the log of a template version's import: why it failed, or how far it is."""
    async with call.db.connection() as conn:
        lines = await contents.list_import_logs(
            conn, subject=call.subject, version_id=given.template_version_id, after=0, before=None
        )
    return views.last_lines([_job_line(line) for line in lines], given.limit)


def _job_line(line: ProvisionerJobLog) -> str:
    return f"[{line.log_level}] {line.stage}: {line.output}"


TOOLS = (get_build_logs, get_agent_logs, get_version_logs)
