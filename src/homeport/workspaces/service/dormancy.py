"""Laying workspaces to rest and waking them."""

from datetime import datetime, timedelta
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.rbac import Action, Subject
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.rules.schedule import NANOSECONDS
from homeport.workspaces.schemas import Workspace
from homeport.workspaces.service.authorization import lock_for
from homeport.workspaces.service.changes import record_workspace, workspace_changed
from homeport.workspaces.service.views import workspace_view
from homeport.workspaces.types import WorkspaceRow


async def set_dormancy(db: Database, *, subject: Subject, workspace_id: UUID, is_dormant: bool) -> Workspace:
    """Lay a workspace to rest or wake it; one that is so already stays as it is. Needs workspace:update."""
    async with db.transaction() as conn:
        workspace = await lock_for(conn, subject, Action.UPDATE, workspace_id)
        if is_dormant and workspace.dormant_at is None:
            await lay_to_rest(conn, subject.id, workspace, clock.now())
        if not is_dormant and workspace.dormant_at is not None:
            await wake(conn, subject.id, workspace, clock.now())
        return await workspace_view(conn, workspace_id, reader_id=subject.id)


async def lay_to_rest(conn: Connection, subject_id: UUID, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
    """Make a locked workspace dormant; the template may say that it is deleted some time later."""
    template = await template_queries.get_template(conn, workspace.template_id)
    lifetime = template.time_til_dormant_autodelete
    deleting_at = now + timedelta(seconds=lifetime / NANOSECONDS) if lifetime > 0 else None
    after = await queries.update_dormancy(conn, workspace.id, now, deleting_at, now)
    return await _changed(conn, subject_id, workspace, after)


async def wake(conn: Connection, subject_id: UUID, workspace: WorkspaceRow, now: datetime) -> WorkspaceRow:
    """End the rest of a locked workspace; it counts as used now."""
    after = await queries.update_dormancy(conn, workspace.id, None, None, now)
    return await _changed(conn, subject_id, workspace, after)


async def _changed(conn: Connection, subject_id: UUID, before: WorkspaceRow, after: WorkspaceRow) -> WorkspaceRow:
    await record_workspace(conn, subject_id, AuditAction.WRITE, before=before, after=after)
    await workspace_changed(conn, after.id)
    return after
