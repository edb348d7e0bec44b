"""Routes that create, list and show workspaces."""

from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.params import Parameter

from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.http import LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.workspaces.schemas import (
    CreateWorkspaceRequest,
    ResolveAutostartResponse,
    Workspace,
    WorkspaceQuota,
    WorkspacesResponse,
)
from homeport.workspaces.service import autostart, creation, listing, quotas, reading

_TAG = ["Workspaces"]
SearchParameter = Annotated[
    str,
    Parameter(
        query="q",
        description="Search: owner, name, template, organization, status, has-agent, dormant, outdated, id, param, "
        "last_used_after and last_used_before, each as key:value; a bare word is a part of the name.",
    ),
]
DeletedParameter = Annotated[bool, Parameter(query="include_deleted", description="Show deleted workspaces too.")]


@post(
    "/users/{user:str}/workspaces",
    opt=requires("workspace:create"),
    tags=_TAG,
    summary="Create user workspace",
)
async def create_workspace(
    user: str, data: CreateWorkspaceRequest, subject: Subject, db: Database, cipher: Cipher
) -> Workspace:
    """Create a workspace for a user from a template's active version, or from one version."""
    return await creation.create_workspace(db, cipher, subject=subject, owner=user, request=data)


@post(
    "/organizations/{organization:str}/members/{user:str}/workspaces",
    opt=requires("workspace:create"),
    tags=_TAG,
    summary="Create user workspace by organization",
    deprecated=True,
)
async def create_member_workspace(
    organization: str, user: str, data: CreateWorkspaceRequest, subject: Subject, db: Database, cipher: Cipher
) -> Workspace:
    """Create a workspace for a member of an organization."""
    return await creation.create_workspace(
        db, cipher, subject=subject, owner=user, request=data, organization=organization
    )


@get("/workspaces", opt=requires("workspace:read"), tags=_TAG, summary="List workspaces")
async def list_workspaces(
    subject: Subject, db: Database, q: SearchParameter = "", limit: LimitParameter = 0, offset: OffsetParameter = 0
) -> WorkspacesResponse:
    """List the workspaces that the caller may read, used last first."""
    return await listing.list_workspaces(db, subject=subject, query=q, page=page(limit=limit, offset=offset))


@get("/workspaces/{workspace:str}", opt=requires("workspace:read"), tags=_TAG, summary="Get workspace metadata by ID")
async def get_workspace(
    workspace: UUID, subject: Subject, db: Database, include_deleted: DeletedParameter = False
) -> Workspace:
    """Return a workspace."""
    return await reading.get_workspace(db, subject=subject, workspace_id=workspace, can_be_deleted=include_deleted)


@get(
    "/users/{user:str}/workspace/{workspacename:str}",
    opt=requires("workspace:read"),
    tags=_TAG,
    summary="Get workspace metadata by user and workspace name",
)
async def get_workspace_by_name(
    user: str, workspacename: str, subject: Subject, db: Database, include_deleted: DeletedParameter = False
) -> Workspace:
    """Return a user's workspace by its name."""
    return await reading.get_workspace_by_name(
        db, subject=subject, owner=user, name=workspacename, can_be_deleted=include_deleted
    )


@get(
    "/workspaces/{workspace:str}/resolve-autostart",
    opt=requires("workspace:read"),
    tags=_TAG,
    summary="Resolve workspace autostart by id",
)
async def resolve_autostart(
    workspace: UUID, subject: Subject, db: Database, cipher: Cipher
) -> ResolveAutostartResponse:
    """Tell whether the next start by schedule lacks parameter values."""
    return await autostart.resolve_autostart(db, cipher, subject=subject, workspace_id=workspace)


@get(
    "/organizations/{organization:str}/members/{user:str}/workspace-quota",
    opt=requires("workspace:read"),
    tags=["Enterprise"],
    summary="Get workspace quota by user",
)
async def get_quota(organization: str, user: str, subject: Subject, db: Database) -> WorkspaceQuota:
    """Return the credits that a member's workspaces cost a day, and the budget."""
    return await quotas.get_quota(db, subject=subject, user=user, organization=organization)


@get(
    "/workspace-quota/{user:str}",
    opt=requires("workspace:read"),
    tags=["Enterprise"],
    summary="Get workspace quota by user (default organization)",
    deprecated=True,
)
async def get_default_quota(user: str, subject: Subject, db: Database) -> WorkspaceQuota:
    """Return the quota in the default organization."""
    return await quotas.get_quota(db, subject=subject, user=user, organization="default")


routes: list[Any] = [
    create_workspace,
    create_member_workspace,
    list_workspaces,
    get_workspace,
    get_workspace_by_name,
    resolve_autostart,
    get_quota,
    get_default_quota,
]
