"""Routes that agents call with their tokens."""

from typing import Any

from litestar import get, patch, post

from homeport.access.types import AgentIdentity
from homeport.agents.schemas import (
    AgentGitSSHKey,
    AgentManifest,
    AgentStats,
    AgentStatsResponse,
    PatchAppStatus,
    PatchLogs,
    PostAppHealthRequest,
    PostLifecycleRequest,
    PostLogSourceRequest,
    PostMetadataRequest,
    PostStartupRequest,
    ScriptTimingRequest,
)
from homeport.agents.service import Switchboard, git_keys, logs, manifest, metadata, reports
from homeport.config import Settings
from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.http import Response
from homeport.kit.routes import agent_route
from homeport.workspaces.schemas.agents import WorkspaceAgentLogSource

_MAX_LOGS = 4 * 1024 * 1024
_TAGS = ["Agents"]


@get("/me/manifest", opt=agent_route(), tags=_TAGS, summary="Get the agent's manifest")
async def get_manifest(
    agent: AgentIdentity, db: Database, switchboard: Switchboard, settings: Settings
) -> AgentManifest:
    """Return everything that an agent needs to know to serve its workspace."""
    key = await switchboard.client_public_key()
    return await manifest.read_manifest(db, agent=agent, access_url=settings.access_url, client_public_key=key)


@post("/me/startup", opt=agent_route(), tags=_TAGS, status_code=204, summary="Report the agent's startup")
async def post_startup(data: PostStartupRequest, agent: AgentIdentity, db: Database) -> None:
    """Say what the agent is, and which SSH host key it shows on the tunnel."""
    await reports.report_startup(db, agent=agent, startup=data)


@post("/me/lifecycle", opt=agent_route(), tags=_TAGS, status_code=204, summary="Report the agent's lifecycle")
async def post_lifecycle(data: PostLifecycleRequest, agent: AgentIdentity, db: Database) -> None:
    """Say how far the agent has come."""
    await reports.report_lifecycle(db, agent=agent, step=data)


@patch("/me/logs", opt=agent_route(), tags=_TAGS, summary="Patch workspace agent logs", request_max_body_size=_MAX_LOGS)
async def patch_logs(data: PatchLogs, agent: AgentIdentity, db: Database) -> Response:
    """Append lines to the agent's log; past 1 MiB they are dropped, which is no error."""
    if await logs.append_logs(db, agent=agent, batch=data):
        return Response("Logs limit exceeded.", detail="Lines past 1 MiB are dropped.")
    return Response("ok")


@post("/me/log-source", opt=agent_route(), tags=_TAGS, summary="Create workspace agent log source")
async def post_log_source(data: PostLogSourceRequest, agent: AgentIdentity, db: Database) -> WorkspaceAgentLogSource:
    """Make a source for lines of the agent's log."""
    return await logs.create_log_source(db, agent=agent, request=data)


@post("/me/metadata", opt=agent_route(), tags=_TAGS, status_code=204, summary="Report metadata values")
async def post_metadata(data: PostMetadataRequest, agent: AgentIdentity, db: Database) -> None:
    """Store collected values."""
    await metadata.report_metadata(db, agent=agent, report=data)


@post("/me/stats", opt=agent_route(), tags=_TAGS, status_code=200, summary="Report the agent's stats")
async def post_stats(data: AgentStats | None, agent: AgentIdentity, db: Database) -> AgentStatsResponse:
    """Store traffic; null only asks for the interval."""
    return await reports.report_stats(db, agent=agent, stats=data)


@post("/me/app-health", opt=agent_route(), tags=_TAGS, status_code=204, summary="Report the health of apps")
async def post_app_health(data: PostAppHealthRequest, agent: AgentIdentity, db: Database) -> None:
    """Store the health of the agent's apps."""
    await reports.report_app_health(db, agent=agent, report=data)


@patch("/me/app-status", opt=agent_route(), tags=_TAGS, summary="Patch workspace agent app status")
async def patch_app_status(data: PatchAppStatus, agent: AgentIdentity, db: Database) -> Response:
    """Store what a task behind an app says about itself."""
    await reports.report_app_status(db, agent=agent, status=data)
    return Response("App status updated.")


@post("/me/script-timings", opt=agent_route(), tags=_TAGS, status_code=204, summary="Report a script's timing")
async def post_script_timing(data: ScriptTimingRequest, agent: AgentIdentity, db: Database) -> None:
    """Store how a run of a script went."""
    await reports.report_script_timing(db, agent=agent, timing=data)


@get("/me/gitsshkey", opt=agent_route(), tags=_TAGS, summary="Get workspace agent Git SSH key")
async def get_git_ssh_key(agent: AgentIdentity, db: Database, cipher: Cipher) -> AgentGitSSHKey:
    """Return the key with which the workspace's owner reaches git hosts."""
    return await git_keys.read_git_ssh_key(db, cipher, agent=agent)


routes: list[Any] = [
    get_manifest,
    post_startup,
    post_lifecycle,
    patch_logs,
    post_log_source,
    post_metadata,
    post_stats,
    post_app_health,
    patch_app_status,
    post_script_timing,
    get_git_ssh_key,
]
