"""Routes that change a workspace's name, schedules, marks and rest."""

from typing import Any
from uuid import UUID

from litestar import delete, patch, post, put

from homeport.database import Database
from homeport.kit.http import Response
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.workspaces.schemas import (
    PostWorkspaceUsageRequest,
    PutExtendWorkspaceRequest,
    UpdateWorkspaceAutomaticUpdatesRequest,
    UpdateWorkspaceAutostartRequest,
    UpdateWorkspaceDormancy,
    UpdateWorkspaceRequest,
    UpdateWorkspaceTTLRequest,
    Workspace,
)
from homeport.workspaces.service import activity, dormancy, settings

_TAG = ["Workspaces"]
_UPDATE = requires("workspace:update")


@patch("/workspaces/{workspace:str}", opt=_UPDATE, status_code=204, tags=_TAG, summary="Update workspace metadata")
async def rename_workspace(workspace: UUID, data: UpdateWorkspaceRequest, subject: Subject, db: Database) -> None:
    """Rename a workspace."""
    await settings.rename_workspace(db, subject=subject, workspace_id=workspace, name=data.name)


@put(
    "/workspaces/{workspace:str}/autostart",
    opt=_UPDATE,
    status_code=204,
    tags=_TAG,
    summary="Update workspace autostart schedule",
)
async def set_autostart(workspace: UUID, data: UpdateWorkspaceAutostartRequest, subject: Subject, db: Database) -> None:
    """Set when a workspace starts by itself."""
    await settings.set_autostart(db, subject=subject, workspace_id=workspace, schedule=data.schedule)


@put("/workspaces/{workspace:str}/ttl", opt=_UPDATE, status_code=204, tags=_TAG, summary="Update workspace TTL")
async def set_ttl(workspace: UUID, data: UpdateWorkspaceTTLRequest, subject: Subject, db: Database) -> None:
    """Set how long after a start a workspace stops."""
    await settings.set_ttl(db, subject=subject, workspace_id=workspace, ttl_ms=data.ttl_ms)


@put(
    "/workspaces/{workspace:str}/autoupdates",
    opt=_UPDATE,
    status_code=204,
    tags=_TAG,
    summary="Update workspace automatic updates",
)
async def set_automatic_updates(
    workspace: UUID, data: UpdateWorkspaceAutomaticUpdatesRequest, subject: Subject, db: Database
) -> None:
    """Set whether starts take the template's active version."""
    await settings.set_automatic_updates(db, subject=subject, workspace_id=workspace, value=data.automatic_updates)


@put("/workspaces/{workspace:str}/extend", opt=_UPDATE, tags=_TAG, summary="Extend workspace deadline")
async def extend_deadline(workspace: UUID, data: PutExtendWorkspaceRequest, subject: Subject, db: Database) -> Response:
    """Move the moment at which a running workspace stops."""
    moment = await settings.extend_deadline(db, subject=subject, workspace_id=workspace, deadline=data.deadline)
    return Response(f"The workspace stops at {moment.isoformat()}.")


@put("/workspaces/{workspace:str}/dormant", opt=_UPDATE, tags=_TAG, summary="Update workspace dormancy")
async def set_dormancy(workspace: UUID, data: UpdateWorkspaceDormancy, subject: Subject, db: Database) -> Workspace:
    """Lay a workspace to rest, or wake it."""
    return await dormancy.set_dormancy(db, subject=subject, workspace_id=workspace, is_dormant=data.dormant)


@put("/workspaces/{workspace:str}/favorite", opt=_UPDATE, status_code=204, tags=_TAG, summary="Favorite workspace")
async def set_favorite(workspace: UUID, subject: Subject, db: Database) -> None:
    """Mark one's own workspace as a favorite."""
    await settings.set_favorite(db, subject=subject, workspace_id=workspace, is_favorite=True)


@delete("/workspaces/{workspace:str}/favorite", opt=_UPDATE, status_code=204, tags=_TAG, summary="Unfavorite workspace")
async def clear_favorite(workspace: UUID, subject: Subject, db: Database) -> None:
    """Take the mark off."""
    await settings.set_favorite(db, subject=subject, workspace_id=workspace, is_favorite=False)


@post("/workspaces/{workspace:str}/usage", opt=_UPDATE, status_code=204, tags=_TAG, summary="Post workspace usage")
async def report_usage(
    workspace: UUID, subject: Subject, db: Database, data: PostWorkspaceUsageRequest | None = None
) -> None:
    """Note that somebody uses a workspace."""
    request = data or PostWorkspaceUsageRequest()
    await activity.report_usage(db, subject=subject, workspace_id=workspace, request=request)


routes: list[Any] = [
    rename_workspace,
    set_autostart,
    set_ttl,
    set_automatic_updates,
    extend_deadline,
    set_dormancy,
    set_favorite,
    clear_favorite,
    report_usage,
]
