"""Who may do what to a workspace (spec: authorization-and-data 9 and 14)."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection
from homeport.kit.errors import Forbidden
from homeport.rbac import (
    ACTIONS,
    PREBUILDS_USER_ID,
    Action,
    Object,
    ResourceType,
    Subject,
    is_allowed,
    require,
    require_any,
)
from homeport.workspaces.errors import BuildNotFound, WorkspaceDeleted, WorkspaceNotFound
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.queries.templates import TemplateFacts
from homeport.workspaces.service.changes import attempt_workspace
from homeport.workspaces.service.parameters import template_object
from homeport.workspaces.types import BuildRow, WorkspaceRow

NOUN = "workspace"


class Placed(Protocol):
    """What decisions need to know of a workspace, be it a row or as it is shown."""

    @property
    def id(self) -> UUID: ...
    @property
    def owner_id(self) -> UUID: ...
    @property
    def organization_id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def dormant_at(self) -> datetime | None: ...


def workspace_object(workspace: Placed) -> Object:
    """Return what is decided upon: a dormant workspace is a type of its own, with fewer rights."""
    return _object(
        ResourceType.WORKSPACE if workspace.dormant_at is None else ResourceType.WORKSPACE_DORMANT, workspace
    )


def views_of(subject: Subject, workspace: Placed) -> tuple[Object, ...]:
    """Return the objects on any of which an action may be allowed: the workspace, then the prebuild that it may be.

    The second counts for those who may read the workspace, at rest or not, and has the actions update and delete only.
    """
    main = workspace_object(workspace)
    if workspace.owner_id != PREBUILDS_USER_ID:
        return (main,)
    is_seen = is_allowed(subject, Action.READ, main) or is_allowed(
        subject, Action.READ, _object(ResourceType.WORKSPACE, workspace)
    )
    return (main, _object(ResourceType.PREBUILT_WORKSPACE, workspace)) if is_seen else (main,)


def require_on(subject: Subject, action: Action, workspace: Placed) -> None:
    """Return when allowed; else 404 where the workspace is not readable and 403 where it is."""
    require_any(subject, action, views_of(subject, workspace), noun=NOUN)


def may(subject: Subject, action: Action, workspace: Placed) -> bool:
    """Tell whether the action is allowed, as `require_on` decides."""
    views = views_of(subject, workspace)
    return any(action in ACTIONS[view.type] and is_allowed(subject, action, view) for view in views)


def start_action(workspace: Placed) -> Action:
    """Return what a start needs on the workspace itself: nobody may start one at rest, who may change it wakes it."""
    return Action.START if workspace.dormant_at is None else Action.UPDATE


def may_start(subject: Subject, workspace: Placed) -> bool:
    """Tell whether a start is allowed. The right to change prebuilt workspaces starts none, at rest or not."""
    return is_allowed(subject, start_action(workspace), workspace_object(workspace))


def require_start(subject: Subject, workspace: Placed) -> None:
    """Return when a start is allowed; else 404 or 403 as `require_on`."""
    require(subject, start_action(workspace), workspace_object(workspace), noun=NOUN)


def require_template_update(subject: Subject, template: TemplateFacts) -> None:
    """Return when `subject`, who may read a workspace of the template, may also update the template. Raises 403.

    Never 404: whoever reads a workspace knows its template.
    """
    if not is_allowed(subject, Action.UPDATE, template_object(template)):
        raise Forbidden(
            "You do not have permission to update this template.",
            detail=f"The permission that is missing is template:update on the template {template.name}.",
        )


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
    """Lock a live workspace that `subject` may do `action` to, in order to change it. Raises 404, 403, 409 when it is deleted."""
    workspace = await queries.lock_workspace(conn, workspace_id)
    if workspace is None:
        return require_readable(subject, workspace)
    attempt_workspace(subject.id, AuditAction.WRITE, workspace)
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


def _object(type_: ResourceType, workspace: Placed) -> Object:
    return Object(type_, workspace.id, workspace.owner_id, workspace.organization_id, name=workspace.name)
