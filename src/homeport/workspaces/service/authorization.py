"""Who may do what to a workspace (spec: authorization-and-data 9 and 14)."""

from uuid import UUID

from homeport.database import Connection
from homeport.rbac import PREBUILDS_USER_ID, Action, Object, ResourceType, Subject, is_allowed, require, require_any
from homeport.workspaces.errors import BuildNotFound, WorkspaceDeleted, WorkspaceNotFound
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.types import BuildRow, WorkspaceRow

NOUN = "workspace"


def workspace_object(workspace: WorkspaceRow) -> Object:
    """Return what is decided upon: a dormant workspace is a type of its own, with fewer rights."""
    type_ = ResourceType.WORKSPACE if workspace.dormant_at is None else ResourceType.WORKSPACE_DORMANT
    return Object(type_, workspace.id, workspace.owner_id, workspace.organization_id)


def views_of(workspace: WorkspaceRow) -> tuple[Object, ...]:
    """Return the objects on any of which an action may be allowed: the workspace, and the prebuild that it may be."""
    main = workspace_object(workspace)
    if workspace.owner_id != PREBUILDS_USER_ID:
        return (main,)
    prebuild = Object(ResourceType.PREBUILT_WORKSPACE, workspace.id, workspace.owner_id, workspace.organization_id)
    return main, prebuild


def require_on(subject: Subject, action: Action, workspace: WorkspaceRow) -> None:
    """Return when allowed; else 404 where the workspace is not readable and 403 where it is."""
    require_any(subject, action, views_of(workspace), noun=NOUN)


def may(subject: Subject, action: Action, workspace: WorkspaceRow) -> bool:
    """Tell whether the action is allowed on the workspace itself."""
    return is_allowed(subject, action, workspace_object(workspace))


async def get_readable_workspace(
    conn: Connection, subject: Subject, workspace_id: UUID, *, can_be_deleted: bool = False
) -> WorkspaceRow:
    """Return a workspace that `subject` may read. Deleted ones are found only when asked for."""
    workspace = await queries.find_workspace(conn, workspace_id)
    return require_readable(subject, workspace, can_be_deleted=can_be_deleted)


def require_readable(subject: Subject, workspace: WorkspaceRow | None, *, can_be_deleted: bool = False) -> WorkspaceRow:
    """Return the workspace when it is there and readable. Raises WorkspaceNotFound."""
    if workspace is None or (workspace.deleted and not can_be_deleted):
        # Decided all the same, so that every route decides and a stranger learns nothing.
        require(subject, Action.READ, Object(ResourceType.WORKSPACE), noun=NOUN)
        raise WorkspaceNotFound
    require(subject, Action.READ, workspace_object(workspace), noun=NOUN)
    return workspace


async def lock_for(conn: Connection, subject: Subject, action: Action, workspace_id: UUID) -> WorkspaceRow:
    """Lock a live workspace that `subject` may do `action` to. Raises 404, 403, or 409 when it is deleted."""
    workspace = await queries.lock_workspace(conn, workspace_id)
    if workspace is None:
        return require_readable(subject, workspace)
    require_on(subject, action, workspace)
    if workspace.deleted:
        raise WorkspaceDeleted
    return workspace


async def get_readable_build(conn: Connection, subject: Subject, build_id: UUID) -> tuple[BuildRow, WorkspaceRow]:
    """Return a build and its workspace, deleted or not. Raises BuildNotFound."""
    build = await build_queries.find_build(conn, build_id)
    workspace = None if build is None else await queries.find_workspace(conn, build.workspace_id)
    if build is None or workspace is None or not may(subject, Action.READ, workspace):
        require(subject, Action.READ, Object(ResourceType.WORKSPACE), noun="workspace build")
        raise BuildNotFound
    return build, workspace
