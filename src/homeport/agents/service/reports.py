"""What agents report about themselves: start, lifecycle, traffic, apps, scripts."""

import asyncssh

from homeport.access.types import AgentIdentity
from homeport.agents.errors import InvalidReport
from homeport.agents.queries import reports as queries
from homeport.agents.rules import reports as rules
from homeport.agents.schemas import (
    AgentStats,
    AgentStatsResponse,
    PatchAppStatus,
    PostAppHealthRequest,
    PostLifecycleRequest,
    PostStartupRequest,
    ScriptTimingRequest,
)
from homeport.agents.service.manifest import require_own_workspace
from homeport.database import Database
from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.kit.moments import validate_moment
from homeport.kit.names import validate_text
from homeport.workspaces.service import record_activity, workspace_changed

STATS_INTERVAL_NANOSECONDS = 30_000_000_000
_API_VERSION = "2.0"
_MAX_PATH = 4096
_MAX_URI = 2048
_INT32 = 2**31
_INT64 = 2**63


async def report_startup(db: Database, *, agent: AgentIdentity, startup: PostStartupRequest) -> None:
    """Note version, folder, system and host key. Raises InvalidReport that names the field."""
    require_own_workspace(agent)
    version = rules.check_version(startup.version)
    subsystems = rules.check_subsystems(startup.subsystems)
    validate_text(startup.expanded_directory, "expanded_directory", most=_MAX_PATH)
    validate_text(startup.operating_system, "operating_system", most=64)
    validate_text(startup.architecture, "architecture", most=64)
    async with db.transaction() as conn:
        await queries.update_startup(
            conn,
            agent.agent_id,
            version=version,
            expanded_directory=startup.expanded_directory,
            subsystems=subsystems,
            operating_system=startup.operating_system,
            architecture=startup.architecture,
            ssh_host_key=_public_key(startup.ssh_host_key),
            api_version=_API_VERSION,
            now=clock.now(),
        )
        await workspace_changed(conn, agent.workspace_id)


async def report_lifecycle(db: Database, *, agent: AgentIdentity, step: PostLifecycleRequest) -> None:
    """Store a step in whatever order it comes."""
    require_own_workspace(agent)
    now = clock.now()
    at = validate_moment(step.changed_at or now, "changed_at")
    async with db.transaction() as conn:
        before = await queries.lock_start_times(conn, agent.agent_id)
        times = rules.start_times(before, step.state, at)
        await queries.update_lifecycle(conn, agent.agent_id, step.state, times, now)
        await workspace_changed(conn, agent.workspace_id)


async def report_stats(db: Database, *, agent: AgentIdentity, stats: AgentStats | None) -> AgentStatsResponse:
    """Store traffic, and count sessions as use of the workspace. Without stats only answer the interval."""
    require_own_workspace(agent)
    answer = AgentStatsResponse(STATS_INTERVAL_NANOSECONDS)
    if stats is None:
        return answer
    counts = [
        _count(stats, "connection_count", _INT32),
        _count(stats, "rx_bytes", _INT64),
        _count(stats, "tx_bytes", _INT64),
        _count(stats, "session_count_vscode", _INT32),
        _count(stats, "session_count_jetbrains", _INT32),
        _count(stats, "session_count_reconnecting_pty", _INT32),
        _count(stats, "session_count_ssh", _INT32),
    ]
    if not any(counts):
        return answer
    now = clock.now()
    async with db.transaction() as conn:
        await queries.insert_stats(conn, agent.agent_id, now, counts)
        if stats.connection_count or any(counts[3:]):
            await record_activity(conn, agent.workspace_id, now)
    return answer


async def report_app_health(db: Database, *, agent: AgentIdentity, report: PostAppHealthRequest) -> None:
    """Store the health of apps that have a check; only changes are written and told."""
    require_own_workspace(agent)
    async with db.transaction() as conn:
        apps = {app.id: app for app in await queries.list_apps(conn, agent.agent_id)}
        for app_id in report.healths:
            app = apps.get(app_id)
            if app is None:
                raise InvalidReport("healths", f"This agent has no app {app_id}.")
            if not app.healthcheck_url:
                raise InvalidReport("healths", f"The app '{app.slug}' has no health check.")
        changes = {app_id: health for app_id, health in report.healths.items() if apps[app_id].health != health}
        if changes and await queries.update_app_health(conn, agent.agent_id, changes):
            await workspace_changed(conn, agent.workspace_id)


async def report_app_status(db: Database, *, agent: AgentIdentity, status: PatchAppStatus) -> None:
    """Store what a task behind an app says about itself."""
    require_own_workspace(agent)
    if len(status.message) > rules.MAX_STATUS_MESSAGE:
        raise InvalidReport("message", f"A message has at most {rules.MAX_STATUS_MESSAGE} characters.")
    validate_text(status.message, "message", most=rules.MAX_STATUS_MESSAGE)
    validate_text(status.uri, "uri", most=_MAX_URI)
    async with db.transaction() as conn:
        apps = await queries.list_apps(conn, agent.agent_id)
        app = next((app for app in apps if app.slug == status.app_slug), None)
        if app is None:
            raise InvalidReport("app_slug", f"This agent has no app '{status.app_slug[:80]}'.")
        await queries.insert_app_status(
            conn,
            new_id(),
            workspace_id=agent.workspace_id,
            agent_id=agent.agent_id,
            app_id=app.id,
            state=status.state,
            message=status.message,
            uri=status.uri,
            now=clock.now(),
        )
        await workspace_changed(conn, agent.workspace_id)


async def report_script_timing(db: Database, *, agent: AgentIdentity, timing: ScriptTimingRequest) -> None:
    """Store how a run of one of the agent's scripts went."""
    require_own_workspace(agent)
    started_at = validate_moment(timing.started_at, "started_at")
    ended_at = validate_moment(timing.ended_at, "ended_at")
    if ended_at < started_at:
        raise InvalidReport("ended_at", "A run cannot end before it starts.")
    if not -_INT32 <= timing.exit_code < _INT32:
        raise InvalidReport("exit_code", "The exit code does not fit into 32 bits.")
    async with db.transaction() as conn:
        is_known = await queries.insert_script_timing(
            conn,
            timing.script_id,
            agent.agent_id,
            started_at=started_at,
            ended_at=ended_at,
            exit_code=timing.exit_code,
            stage=timing.stage,
            status=timing.status,
        )
    if not is_known:
        raise InvalidReport("script_id", f"This agent has no script {timing.script_id}.")


def _public_key(text: str) -> str:
    """Return an OpenSSH public key without its comment; empty when the agent serves no SSH."""
    if not text:
        return ""
    try:
        return asyncssh.import_public_key(text).export_public_key().decode().strip()
    except asyncssh.KeyImportError:
        raise InvalidReport("ssh_host_key", "This is no public key in OpenSSH's form.") from None


def _count(stats: AgentStats, field: str, bound: int) -> int:
    value: int = getattr(stats, field)
    if not 0 <= value < bound:
        raise InvalidReport(field, "The count must not be negative nor too large.")
    return value
