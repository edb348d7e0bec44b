"""Getting one workspace."""

from uuid import UUID

from homeport.database import Connection, Database
from homeport.organizations.service import resolve_owner
from homeport.rbac import Subject
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.schemas import Workspace
from homeport.workspaces.service.authorization import get_readable_workspace, require_readable
from homeport.workspaces.service.views import workspace_view


async def get_workspace(
    db: Database, *, subject: Subject, workspace_id: UUID, can_be_deleted: bool = False
) -> Workspace:
    """Return a workspace by id. A deleted one is 404 unless it is asked for."""
    async with db.connection() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id, can_be_deleted=can_be_deleted)
        return await workspace_view(conn, workspace.id, reader_id=subject.id)


async def get_workspace_by_name(
    db: Database, *, subject: Subject, owner: str, name: str, can_be_deleted: bool = False
) -> Workspace:
    """Return an owner's workspace by name; of deleted ones (when asked for) the last."""
    async with db.connection() as conn:
        member = await resolve_owner(conn, subject, owner)
        found = await queries.find_workspace_by_name(conn, member.user_id, name, can_be_deleted=can_be_deleted)
        workspace = require_readable(subject, found, can_be_deleted=can_be_deleted)
        return await workspace_view(conn, workspace.id, reader_id=subject.id)


async def last_values(conn: Connection, subject: Subject, workspace_id: UUID) -> dict[str, str]:
    """Return what a workspace was last built with. Raises 404 for one that the subject may not read."""
    workspace = await get_readable_workspace(conn, subject, workspace_id)
    latest = await build_queries.find_latest_build(conn, workspace.id)
    return {} if latest is None else await build_queries.list_parameters(conn, latest.id)
