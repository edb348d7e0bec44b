"""Canceling a build (spec: workspaces 1.4)."""

from typing import Literal
from uuid import UUID

from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.provisioning.errors import JobAlreadyCanceled, JobAlreadyFinished
from homeport.provisioning.service import cancel_job, get_job
from homeport.rbac import Action, Subject, is_allowed
from homeport.workspaces.errors import BuildFinished, CancelForbidden, UnexpectedStatus
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.service.authorization import get_readable_build, require_on
from homeport.workspaces.service.changes import attempt_build, record_build_change, workspace_changed
from homeport.workspaces.service.parameters import template_object
from homeport.workspaces.types import WorkspaceRow

ExpectedStatus = Literal["pending", "running"]


async def cancel_build(
    db: Database, *, subject: Subject, build_id: UUID, expected: ExpectedStatus | None = None
) -> None:
    """Ask a build to stop. One that still waits ends at once; nothing was done for it.

    Raises 404, 403 (the template keeps users from canceling what runs), 400 for a build that has ended or is being
    canceled, 412 when its job is not in the `expected` state. The workspace's row is not locked: the queue locks the
    job first and the workspace after it.
    """
    async with db.transaction() as conn:
        build, workspace = await get_readable_build(conn, subject, build_id)
        attempt_build(subject.id, workspace, build.transition, build)
        require_on(subject, Action.UPDATE, workspace)
        if expected != "pending":
            await _require_allowed(conn, subject, workspace)
        job = await get_job(conn, build.job_id)
        if job.completed_at is not None:
            raise BuildFinished(job.job_status)
        if job.canceled_at is not None:
            raise BuildFinished("been asked to stop")
        if expected is not None and job.job_status != expected:
            raise UnexpectedStatus(expected, job.job_status)
        try:
            canceled = await cancel_job(conn, job.id, clock.now())
        except JobAlreadyFinished as error:
            raise BuildFinished("ended") from error
        except JobAlreadyCanceled as error:
            raise BuildFinished("been asked to stop") from error
        # The job was read without a lock: it may have begun in between.
        if expected == "pending" and canceled.started_at is not None:
            raise UnexpectedStatus(expected, "running")
        if expected == "running" and canceled.started_at is None:
            raise UnexpectedStatus(expected, "pending")
        await record_build_change(conn, subject.id, workspace, build, change="canceled")
        await workspace_changed(conn, workspace.id)


async def _require_allowed(conn: Connection, subject: Subject, workspace: WorkspaceRow) -> None:
    template = await template_queries.get_template(conn, workspace.template_id)
    if template.allow_user_cancel_workspace_jobs:
        return
    if not is_allowed(subject, Action.UPDATE, template_object(template)):
        raise CancelForbidden
