"""Noting that a workspace is in use: it moves forward in lists, and its deadline with it."""

from datetime import datetime, timedelta
from uuid import UUID

from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.rbac import Action, Subject
from homeport.workspaces.errors import WorkspaceDeleted
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.rules.schedule import NANOSECONDS, bumped_deadline
from homeport.workspaces.schemas import PostWorkspaceUsageRequest
from homeport.workspaces.service.authorization import get_readable_workspace, require_on
from homeport.workspaces.service.changes import workspace_changed

_HOUR = 3600 * NANOSECONDS


async def report_usage(
    db: Database, *, subject: Subject, workspace_id: UUID, request: PostWorkspaceUsageRequest
) -> None:
    """Note that somebody uses the workspace. An agent and an app are given together or not at all (400)."""
    if (request.agent_id is None) != (request.app_name == ""):
        raise invalid_field(
            "app_name" if request.app_name == "" else "agent_id", "Give agent_id and app_name together."
        )
    async with db.transaction() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id)
        require_on(subject, Action.UPDATE, workspace)
        if request.agent_id is not None:
            found = await queries.find_workspace_of_agent(conn, request.agent_id)
            if found is None or found.id != workspace_id:
                raise invalid_field("agent_id", "This is no agent of the workspace.")
        if workspace.deleted:
            raise WorkspaceDeleted
        await record_activity(conn, workspace_id, clock.now())


async def record_activity(conn: Connection, workspace_id: UUID, now: datetime) -> None:
    """Note use at `now`, and move the deadline as the template says (spec: authorization-and-data 23).

    Needs a transaction. For agents' reports and connections too; the caller authorizes. While somebody else changes the
    workspace this does nothing: reports hold rows of agents, which a delete takes after the workspace.
    """
    workspace = await queries.lock_free_workspace(conn, workspace_id)
    if workspace is None or workspace.deleted:
        return
    await queries.update_last_used(conn, workspace_id, now)
    latest = await build_queries.find_latest_build(conn, workspace_id)
    if latest is None or latest.transition != "start" or latest.job_status != "succeeded" or latest.deadline is None:
        return
    template = await template_queries.get_template(conn, workspace.template_id)
    ttl = workspace.ttl if template.allow_user_autostop else template.default_ttl
    deadline = bumped_deadline(
        now=now,
        deadline=latest.deadline,
        max_deadline=latest.max_deadline,
        bump=timedelta(seconds=template.activity_bump / NANOSECONDS),
        ttl=timedelta(seconds=(ttl or _HOUR) / NANOSECONDS),
        next_start=workspace.next_start_at,
    )
    if deadline != latest.deadline:
        await build_queries.update_deadlines(conn, latest.id, deadline, latest.max_deadline, now)
        await workspace_changed(conn, workspace_id)
