"""Routes that ask for builds, show them and cancel them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response as LitestarResponse
from litestar import get, patch, post, put
from litestar.params import Parameter

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.errors import invalid_field
from homeport.kit.http import AfterLine, AfterParameter, BeforeLine, LimitParameter, OffsetParameter, Response, page
from homeport.kit.moments import validate_moment
from homeport.kit.routes import requires
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.provisioning.service import format_text
from homeport.rbac import Subject
from homeport.workspaces.schemas import (
    CreateWorkspaceBuildRequest,
    UpdateWorkspaceBuildStateRequest,
    WorkspaceBuild,
    WorkspaceBuildParameter,
    WorkspaceBuildTimings,
    WorkspaceResource,
)
from homeport.workspaces.service import builds, cancellation, states

_TAG = ["Builds"]
_READ = requires("workspace:read")
# In base64, a state of 12 MiB.
_MOST_STATE_BODY = 16 * 1024 * 1024


@post(
    "/workspaces/{workspace:str}/builds",
    opt=requires("workspace:start"),
    tags=_TAG,
    summary="Create workspace build",
)
async def create_build(
    workspace: UUID,
    data: CreateWorkspaceBuildRequest,
    subject: Subject,
    db: Database,
    cipher: Cipher,
    settings: Settings,
) -> WorkspaceBuild:
    """Start, stop or delete a workspace."""
    return await builds.create_build(
        db, cipher, subject=subject, workspace_id=workspace, request=data, is_debug_allowed=settings.verbose
    )


@get("/workspaces/{workspace:str}/builds", opt=_READ, tags=_TAG, summary="Get workspace builds by workspace ID")
async def list_builds(
    workspace: UUID,
    subject: Subject,
    db: Database,
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    after_id: AfterParameter = None,
    since: Annotated[datetime | None, Parameter(description="Builds that are younger than this moment.")] = None,
) -> list[WorkspaceBuild]:
    """List a workspace's builds, newest first."""
    window = page(limit=limit, offset=offset, after_id=after_id)
    moment = None if since is None else validate_moment(since, "since")
    return await states.list_builds(db, subject=subject, workspace_id=workspace, page=window, since=moment)


@get(
    "/users/{user:str}/workspace/{workspacename:str}/builds/{buildnumber:str}",
    opt=_READ,
    tags=_TAG,
    summary="Get workspace build by user, workspace name, and build number",
)
async def get_build_by_number(
    user: str, workspacename: str, buildnumber: int, subject: Subject, db: Database
) -> WorkspaceBuild:
    """Return one build of a user's workspace."""
    return await states.get_build_by_number(db, subject=subject, owner=user, name=workspacename, number=buildnumber)


@get("/workspacebuilds/{workspacebuild:str}", opt=_READ, tags=_TAG, summary="Get workspace build")
async def get_build(workspacebuild: UUID, subject: Subject, db: Database) -> WorkspaceBuild:
    """Return a build."""
    return await states.get_build(db, subject=subject, build_id=workspacebuild)


@patch(
    "/workspacebuilds/{workspacebuild:str}/cancel",
    opt=requires("workspace:update"),
    tags=_TAG,
    summary="Cancel workspace build",
)
async def cancel_build(
    workspacebuild: UUID,
    subject: Subject,
    db: Database,
    expect_status: Annotated[
        cancellation.ExpectedStatus | None, Parameter(description="Cancel only a build in this state, else 412.")
    ] = None,
) -> Response:
    """Ask a build to stop."""
    await cancellation.cancel_build(db, subject=subject, build_id=workspacebuild, expected=expect_status)
    return Response("The build has been asked to stop.")


@get(
    "/workspacebuilds/{workspacebuild:str}/parameters",
    opt=_READ,
    tags=_TAG,
    summary="Get build parameters for workspace build",
)
async def list_build_parameters(workspacebuild: UUID, subject: Subject, db: Database) -> list[WorkspaceBuildParameter]:
    """List the values that a build was given."""
    return await states.list_build_parameters(db, subject=subject, build_id=workspacebuild)


@get(
    "/workspacebuilds/{workspacebuild:str}/resources",
    opt=_READ,
    tags=_TAG,
    summary="Get workspace resources for workspace build",
    deprecated=True,
)
async def list_build_resources(workspacebuild: UUID, subject: Subject, db: Database) -> list[WorkspaceResource]:
    """List what a build made."""
    return await states.list_build_resources(db, subject=subject, build_id=workspacebuild)


@get("/workspacebuilds/{workspacebuild:str}/logs", opt=_READ, tags=_TAG, summary="Get workspace build logs")
async def list_build_logs(
    workspacebuild: UUID,
    subject: Subject,
    db: Database,
    after: AfterLine = 0,
    before: BeforeLine = None,
    format: Annotated[str, Parameter(description="json or text.")] = "json",
) -> LitestarResponse[Sequence[ProvisionerJobLog] | str]:
    """Return the log of a build; a WebSocket on this path follows it."""
    if format not in {"json", "text"}:
        raise invalid_field("format", "Say json or text.")
    lines = await states.list_build_logs(
        db, subject=subject, build_id=workspacebuild, after=after, before=before or None
    )
    if format == "text":
        return LitestarResponse(format_text(lines), media_type="text/plain; charset=utf-8")
    return LitestarResponse(lines)


@get(
    "/workspacebuilds/{workspacebuild:str}/state",
    opt=requires("template:update"),
    tags=_TAG,
    summary="Get provisioner state for workspace build",
    media_type="application/octet-stream",
)
async def get_state(workspacebuild: UUID, subject: Subject, db: Database, cipher: Cipher) -> LitestarResponse[bytes]:
    """Return the state that the engine left, as it is."""
    state = await states.get_state(db, cipher, subject=subject, build_id=workspacebuild)
    return LitestarResponse(state, media_type="application/octet-stream")


@put(
    "/workspacebuilds/{workspacebuild:str}/state",
    opt=requires("template:update"),
    status_code=204,
    tags=_TAG,
    summary="Update workspace build state",
    request_max_body_size=_MOST_STATE_BODY,
)
async def update_state(
    workspacebuild: UUID, data: UpdateWorkspaceBuildStateRequest, subject: Subject, db: Database, cipher: Cipher
) -> None:
    """Replace the state that the next build takes over."""
    await states.update_state(db, cipher, subject=subject, build_id=workspacebuild, state=data.state)


@get(
    "/workspacebuilds/{workspacebuild:str}/timings",
    opt=_READ,
    tags=_TAG,
    summary="Get workspace build timings by ID",
)
async def get_build_timings(workspacebuild: UUID, subject: Subject, db: Database) -> WorkspaceBuildTimings:
    """Return where the time of a build went."""
    return await states.get_timings(db, subject=subject, build_id=workspacebuild)


@get("/workspaces/{workspace:str}/timings", opt=_READ, tags=_TAG, summary="Get workspace timings by ID")
async def get_workspace_timings(workspace: UUID, subject: Subject, db: Database) -> WorkspaceBuildTimings:
    """Return where the time of the latest build went."""
    return await states.get_latest_timings(db, subject=subject, workspace_id=workspace)


routes: list[Any] = [
    create_build,
    list_builds,
    get_build_by_number,
    get_build,
    cancel_build,
    list_build_parameters,
    list_build_resources,
    list_build_logs,
    get_state,
    update_state,
    get_build_timings,
    get_workspace_timings,
]
