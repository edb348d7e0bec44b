"""What follows when a job begins or ends: handlers of the queue's events, inside the transactions that make them."""

from datetime import datetime

import msgspec

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection
from homeport.identity.rules import quiet_hours_of
from homeport.kit import clock
from homeport.kit.crypto import Cipher, hash_token
from homeport.provisioning.types import (
    BuildResult,
    DryRunResult,
    ImportResult,
    JobAcquired,
    JobCanceled,
    JobCompleted,
    JobFailed,
    ProvisionedResource,
    ProvisionerJobRow,
)
from homeport.workspaces.queries import builds as queries
from homeport.workspaces.queries import resources as resource_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as workspace_queries
from homeport.workspaces.rules.schedule import next_autostart, required_stop, start_deadline
from homeport.workspaces.rules.status import workspace_status
from homeport.workspaces.service import metrics, session_keys
from homeport.workspaces.service.changes import build_fields, record_build, record_workspace, workspace_changed
from homeport.workspaces.service.provisioned import insert_resources
from homeport.workspaces.types import BuildEnded, BuildRow, WorkspaceRow

# What audit says of a build that has failed, as of a request that broke here.
_FAILED = 500


class JobHandlers:
    """The handlers, with the key that seals states and agents' tokens, and the settings that say when people have quiet hours."""

    def __init__(self, cipher: Cipher, settings: Settings) -> None:
        self._cipher = cipher
        self._settings = settings

    async def job_acquired(self, conn: Connection, event: JobAcquired) -> None:
        """A build that begins changes what watchers see."""
        build = await _build_of(conn, event.job)
        if build is not None:
            await workspace_changed(conn, build.workspace_id)

    async def job_completed(self, conn: Connection, event: JobCompleted) -> None:
        """Store what came out; a build changes its workspace. Raises InvalidResult, which the daemon hears."""
        job, result, now = event.job, event.result, clock.now()
        if isinstance(result, BuildResult):
            await self._build_completed(conn, job, result, now)
        elif isinstance(result, ImportResult):
            # A stopped workspace has no agents: what is listed there is what remains when it stops.
            await insert_resources(
                conn, self._cipher, job_id=job.id, transition="start", resources=result.start_resources, now=now
            )
            remaining = [_without_agents(resource) for resource in result.stop_resources]
            await insert_resources(conn, self._cipher, job_id=job.id, transition="stop", resources=remaining, now=now)
        elif isinstance(result, DryRunResult):
            await insert_resources(
                conn, self._cipher, job_id=job.id, transition="start", resources=result.resources, now=now
            )

    async def job_ended_badly(self, conn: Connection, event: JobFailed | JobCanceled) -> None:
        """Keep the state that the engine has left; without one, the state from before stays."""
        build = await _build_of(conn, event.job)
        if build is None:
            return
        if event.state is not None:
            await queries.update_sealed_state(conn, build.id, self._cipher.encrypt(event.state), clock.now())
        workspace = await workspace_queries.find_workspace(conn, build.workspace_id)
        if isinstance(event, JobFailed) and workspace is not None:
            await record_build(conn, build.initiator_id, workspace, build, status_code=_FAILED, is_background=True)
        await _ended(conn, build, event.job)

    async def _build_completed(
        self, conn: Connection, job: ProvisionerJobRow, result: BuildResult, now: datetime
    ) -> None:
        build = await queries.find_build_of_job(conn, job.id)
        workspace = None if build is None else await workspace_queries.lock_workspace(conn, build.workspace_id)
        if build is None or workspace is None:
            return
        # As at an import: a workspace that is no longer to run has no agents, whatever of it is still there.
        is_start = build.transition == "start"
        resources = result.resources if is_start else [_without_agents(resource) for resource in result.resources]
        tokens = [agent.token for resource in resources for agent in resource.agents if agent.token]
        await resource_queries.take_tokens_over(conn, build.workspace_id, [hash_token(token) for token in tokens])
        await insert_resources(
            conn, self._cipher, job_id=job.id, transition=build.transition, resources=resources, now=now
        )
        await queries.update_sealed_state(conn, build.id, self._cipher.encrypt(result.state), now)
        if build.transition != "start":
            # Whatever ran with the key of the last start has ended.
            await session_keys.end_key(
                conn, owner_id=workspace.owner_id, workspace_id=workspace.id, actor_id=build.initiator_id
            )
        await queries.update_daily_cost(conn, build.id, sum(each.daily_cost for each in result.resources))
        if build.transition == "delete":
            await _delete(conn, workspace, build, now)
        elif build.transition == "start":
            await _set_deadlines(conn, self._settings, workspace, build, now)
        await _ended(conn, build, job)


def _without_agents(resource: ProvisionedResource) -> ProvisionedResource:
    return msgspec.structs.replace(resource, agents=[])


async def _build_of(conn: Connection, job: ProvisionerJobRow) -> BuildRow | None:
    return await queries.find_build_of_job(conn, job.id) if job.type == "workspace_build" else None


async def _ended(conn: Connection, build: BuildRow, job: ProvisionerJobRow) -> None:
    status = workspace_status(build.transition, job.job_status)
    conn.after_commit(lambda: metrics.builds.labels(build.transition, job.job_status).inc())
    await conn.emit(
        BuildEnded(workspace_id=build.workspace_id, build_id=build.id, transition=build.transition, status=status)
    )
    await workspace_changed(conn, build.workspace_id)


async def _delete(conn: Connection, workspace: WorkspaceRow, build: BuildRow, now: datetime) -> None:
    await resource_queries.delete_agents_of_workspace(conn, workspace.id, now)
    if not workspace.deleted:
        after = await workspace_queries.update_deleted(conn, workspace.id, now)
        await record_workspace(
            conn,
            build.initiator_id,
            AuditAction.DELETE,
            before=workspace,
            after=after,
            additional_fields=build_fields(workspace, build),
            is_background=True,
        )


async def _set_deadlines(
    conn: Connection, settings: Settings, workspace: WorkspaceRow, build: BuildRow, now: datetime
) -> None:
    """Say when the workspace stops, and when it next starts by itself (spec: authorization-and-data 23)."""
    template = await template_queries.get_template(conn, workspace.template_id)
    quiet_hours = await template_queries.get_quiet_hours(conn, workspace.owner_id)
    latest = required_stop(
        now=now,
        days=template.autostop_requirement_days_of_week,
        weeks=template.autostop_requirement_weeks,
        quiet_hours=quiet_hours_of(quiet_hours, settings),
    )
    deadline = start_deadline(
        now=now,
        workspace_ttl=workspace.ttl,
        default_ttl=template.default_ttl,
        may_user_choose=template.allow_user_autostop,
        latest=latest,
    )
    await queries.update_deadlines(conn, build.id, deadline, latest, now)
    if workspace.autostart_schedule and template.allow_user_autostart:
        blocked = template.autostart_block_days_of_week
        moment = next_autostart(workspace.autostart_schedule, now, blocked_days=blocked)
        await workspace_queries.update_next_start(conn, workspace.id, moment)
