"""Workspaces and builds as they are shown, in a fixed number of queries for any number of them."""

from collections.abc import Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.provisioning.service import job_views
from homeport.rbac import PREBUILDS_USER_ID
from homeport.workspaces.errors import BuildNotFound, WorkspaceNotFound
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.rules.schedule import MILLISECOND
from homeport.workspaces.rules.status import workspace_status
from homeport.workspaces.schemas import Workspace, WorkspaceAppStatus, WorkspaceBuild, WorkspaceHealth
from homeport.workspaces.service.resources import resource_views
from homeport.workspaces.types import BuildView, WorkspaceView


async def workspace_view(conn: Connection, workspace_id: UUID, *, reader_id: UUID) -> Workspace:
    """Return one workspace for the wire. The caller has authorized; `reader_id` is who sees the favorite mark."""
    found = await workspace_views(conn, [workspace_id], reader_id=reader_id)
    if not found:
        raise WorkspaceNotFound
    return found[0]


async def workspace_views(conn: Connection, workspace_ids: Sequence[UUID], *, reader_id: UUID) -> list[Workspace]:
    """Return workspaces for the wire, in the order of the ids. Those that have no build yet are left out."""
    if not workspace_ids:
        return []
    views = await queries.list_workspace_views(conn, workspace_ids)
    latest = [view.latest_build_id for view in views.values() if view.latest_build_id is not None]
    builds = await build_views(conn, list((await build_queries.list_build_views(conn, latest)).values()))
    by_id = {build.id: build for build in builds}
    ordered = [views[workspace_id] for workspace_id in workspace_ids if workspace_id in views]
    return [
        _workspace(view, by_id[view.latest_build_id], reader_id)
        for view in ordered
        if view.latest_build_id is not None and view.latest_build_id in by_id
    ]


async def build_view(conn: Connection, build_id: UUID) -> WorkspaceBuild:
    """Return one build for the wire. The caller has authorized."""
    found = await build_queries.list_build_views(conn, [build_id])
    if build_id not in found:
        raise BuildNotFound
    return (await build_views(conn, [found[build_id]]))[0]


async def build_views(conn: Connection, builds: Sequence[BuildView]) -> list[WorkspaceBuild]:
    """Return builds for the wire with jobs and resources, in the same order."""
    job_ids = [build.job_id for build in builds]
    jobs = await job_views(conn, job_ids)
    resources = await resource_views(conn, job_ids)
    return [
        WorkspaceBuild(
            id=build.id,
            created_at=build.created_at,
            updated_at=build.updated_at,
            workspace_id=build.workspace_id,
            workspace_name=build.workspace_name,
            workspace_owner_id=build.workspace_owner_id,
            workspace_owner_name=build.workspace_owner_name,
            workspace_owner_avatar_url=build.workspace_owner_avatar_url,
            template_version_id=build.template_version_id,
            template_version_name=build.template_version_name,
            build_number=build.build_number,
            transition=build.transition,
            initiator_id=build.initiator_id,
            initiator_name=build.initiator_name,
            job=jobs[build.job_id],
            reason=build.reason,
            resources=resources.get(build.job_id, []),
            deadline=build.deadline,
            max_deadline=build.max_deadline,
            # From the job as it is shown, so that both always agree.
            status=workspace_status(build.transition, jobs[build.job_id].status),
            daily_cost=build.daily_cost,
            template_version_preset_id=build.template_version_preset_id,
            has_ai_task=build.has_ai_task,
            has_external_agent=build.has_external_agent,
        )
        for build in builds
    ]


def _workspace(view: WorkspaceView, build: WorkspaceBuild, reader_id: UUID) -> Workspace:
    failing = [agent.id for resource in build.resources for agent in resource.agents if not agent.health.healthy]
    return Workspace(
        id=view.id,
        created_at=view.created_at,
        updated_at=view.updated_at,
        owner_id=view.owner_id,
        owner_name=view.owner_username,
        owner_avatar_url=view.owner_avatar_url,
        organization_id=view.organization_id,
        organization_name=view.organization_name,
        template_id=view.template_id,
        template_name=view.template_name,
        template_display_name=view.template_display_name,
        template_icon=view.template_icon,
        template_allow_user_cancel_workspace_jobs=view.template_allow_user_cancel_workspace_jobs,
        template_active_version_id=view.template_active_version_id,
        template_require_active_version=view.template_require_active_version,
        template_use_classic_parameter_flow=view.template_use_classic_parameter_flow,
        latest_build=build,
        latest_app_status=_latest_app_status(build),
        outdated=build.template_version_id != view.template_active_version_id,
        name=view.name,
        autostart_schedule=view.autostart_schedule,
        ttl_ms=None if view.ttl is None else view.ttl // MILLISECOND,
        last_used_at=view.last_used_at,
        deleting_at=view.deleting_at,
        dormant_at=view.dormant_at,
        health=WorkspaceHealth(healthy=not failing, failing_agents=failing),
        automatic_updates=view.automatic_updates,
        allow_renames=True,
        favorite=view.favorite and view.owner_id == reader_id,
        next_start_at=view.next_start_at,
        is_prebuild=view.owner_id == PREBUILDS_USER_ID,
    )


def _latest_app_status(build: WorkspaceBuild) -> WorkspaceAppStatus | None:
    statuses = [
        status
        for resource in build.resources
        for agent in resource.agents
        for app in agent.apps
        for status in app.statuses
    ]
    return max(statuses, key=lambda status: status.created_at, default=None)
