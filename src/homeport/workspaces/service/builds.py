"""Builds: ONE function asks for every start, stop and delete, with its refusals in order (spec: workspaces 1.3)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.ids import NIL_ID, new_id
from homeport.provisioning.schemas import MatchedProvisioners
from homeport.provisioning.service import complete_job, insert_job, matched_provisioners, provisioner_tags
from homeport.provisioning.types import BuildResult
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed
from homeport.templates.service import build_tags
from homeport.workspaces.errors import (
    ActiveVersionRequired,
    BuildActive,
    TagsUnusable,
    VersionArchived,
    VersionNotReady,
    VersionOfOtherTemplate,
    VersionUnusable,
    WorkspaceDeleted,
)
from homeport.workspaces.queries import builds as queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as workspace_queries
from homeport.workspaces.queries.templates import TemplateFacts, VersionFacts
from homeport.workspaces.rules.status import is_active
from homeport.workspaces.schemas import CreateWorkspaceBuildRequest, WorkspaceBuild
from homeport.workspaces.service import dormancy, isolation, parameters
from homeport.workspaces.service.authorization import (
    require_on,
    require_readable,
    require_start,
    require_template_update,
)
from homeport.workspaces.service.changes import attempt_build, record_build, workspace_changed
from homeport.workspaces.service.views import build_view
from homeport.workspaces.types import BuildJobInput, BuildReason, BuildRow, LatestBuild, Transition, WorkspaceRow

_ACTIONS: dict[Transition, Action] = {"stop": Action.STOP, "delete": Action.DELETE}
PRIORITY_PEOPLE, PRIORITY_LOOPS = 0, 1


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants built. `version_id` None: as the rules say; `should_update` asks for the active version."""

    transition: Transition
    version_id: UUID | None = None
    should_update: bool = False
    state: bytes | None = None
    is_orphan: bool = False
    values: Mapping[str, str] = {}
    preset_id: UUID | None = None
    log_level: str = ""
    reason: BuildReason = "initiator"
    priority: int = PRIORITY_PEOPLE


async def create_build(
    db: Database,
    cipher: Cipher,
    *,
    subject: Subject,
    workspace_id: UUID,
    request: CreateWorkspaceBuildRequest,
    is_debug_allowed: bool = False,
) -> WorkspaceBuild:
    """Ask for a build of a workspace. `is_debug_allowed` says whether this server lets engines write debug logs.

    Raises 404, 403, 400, 406 and 409 in the order of `insert_build`.
    """
    asked = _read(request)
    async with db.transaction() as conn:
        workspace = await workspace_queries.lock_workspace(conn, workspace_id)
        if workspace is None:
            workspace = require_readable(subject, workspace)
        attempt_build(subject.id, workspace, asked.transition)
        if asked.log_level:
            _require_debug(subject, workspace, is_allowed_here=is_debug_allowed)
        build, matched = await insert_build(conn, cipher, subject=subject, workspace=workspace, request=asked)
        view = await build_view(conn, build.id)
    return msgspec.structs.replace(view, matched_provisioners=matched)


async def insert_build(
    conn: Connection, cipher: Cipher, *, subject: Subject, workspace: WorkspaceRow, request: BuildRequest
) -> tuple[BuildRow, MatchedProvisioners]:
    """Insert job, build and parameters of a workspace whose row the caller has locked.

    Refuses in this order: not readable 404, not allowed 403 (an own state and orphans need the template's update
    too); version of another template 400, import not done 406, import failed 400, archived 400, not the required active version 403;
    deleted workspace 409 (but for deleting), active build 409; values that the template does not accept 400; a start
    without isolation that not only site owners have to do with 403.
    """
    now = clock.now()
    template = await template_queries.get_template(conn, workspace.template_id)
    _authorize(subject, workspace, template, request)
    latest = await queries.find_latest_build(conn, workspace.id)
    version = await _choose_version(conn, subject, workspace, template, latest, request)
    if workspace.deleted and request.transition != "delete":
        raise WorkspaceDeleted
    if latest is not None and is_active(latest.job_status):
        raise BuildActive
    previous = {} if latest is None else await queries.list_parameters(conn, latest.id)
    given = await parameters.values_for_build(
        conn,
        cipher,
        version_id=version.id,
        owner_id=workspace.owner_id,
        transition=request.transition,
        requested=request.values,
        previous=previous,
        is_first_build=latest is None,
        preset_id=request.preset_id,
    )
    tags = await _tags(conn, cipher, workspace, version, given.values, request.transition)
    needs_isolation = await isolation.require_isolation(
        conn, subject=subject, workspace=workspace, version=version, transition=request.transition
    )
    if request.transition == "start" and workspace.dormant_at is not None:
        workspace = await dormancy.wake(conn, subject.id, workspace, now)
    build = await _insert(
        conn,
        workspace=workspace,
        version=version,
        request=request,
        number=1 if latest is None else latest.build_number + 1,
        initiator_id=subject.id,
        sealed_state=await _sealed_state(conn, cipher, latest, request),
        needs_isolation=needs_isolation,
        preset_id=given.preset_id,
        tags=tags,
        now=now,
    )
    await queries.insert_parameters(conn, build.id, given.values)
    await record_build(conn, subject.id, workspace, build)
    if request.transition == "start" and request.priority == PRIORITY_PEOPLE:
        await workspace_queries.update_last_used(conn, workspace.id, now)
    await workspace_changed(conn, workspace.id)
    matched = await matched_provisioners(conn, workspace.organization_id, version.provisioner, tags)
    if request.is_orphan and matched.available == 0:
        # Nobody would ever take the job, and nothing is to be taken away.
        await complete_job(conn, build.job_id, BuildResult(), now)
    return build, matched


def _read(request: CreateWorkspaceBuildRequest) -> BuildRequest:
    """Check the shape of a request, and read it. Raises 400."""
    if request.dry_run:
        raise invalid_field("dry_run", "Dry runs belong to template versions.")
    if request.orphan and request.transition != "delete":
        raise BadRequest("Only a delete can leave the resources behind (orphan).")
    if request.orphan and request.state is not None:
        raise BadRequest("A state makes no sense for an orphaned workspace: give one of the two.")
    version_id = request.template_version_id
    return BuildRequest(
        transition=request.transition,
        version_id=None if version_id == NIL_ID else version_id,
        state=request.state,
        is_orphan=request.orphan,
        values=parameters.read_values(request.rich_parameter_values),
        preset_id=parameters.read_preset(request.template_version_preset_id),
        log_level=request.log_level,
        # A reason tells why somebody starts or stops; a delete needs none.
        reason=request.reason if request.reason and request.transition != "delete" else "initiator",
    )


def _require_debug(subject: Subject, workspace: WorkspaceRow, *, is_allowed_here: bool) -> None:
    require_on(subject, Action.READ, workspace)
    if not is_allowed(subject, Action.READ, Object(ResourceType.DEPLOYMENT_CONFIG)):
        raise invalid_field("log_level", "Debug logs need the right to read the deployment's settings.")
    if not is_allowed_here:
        raise invalid_field("log_level", "This server does not let builds write debug logs.")


def _authorize(subject: Subject, workspace: WorkspaceRow, template: TemplateFacts, request: BuildRequest) -> None:
    if request.transition == "start":
        require_start(subject, workspace)
    else:
        require_on(subject, _ACTIONS[request.transition], workspace)
    if request.state is not None or request.is_orphan:
        require_template_update(subject, template)


async def _choose_version(
    conn: Connection,
    subject: Subject,
    workspace: WorkspaceRow,
    template: TemplateFacts,
    latest: LatestBuild | None,
    request: BuildRequest,
) -> VersionFacts:
    """Return the version to build: the given one, the active one where rules or request want it, else the last one."""
    is_start = request.transition == "start"
    wants_active = request.should_update or workspace.automatic_updates == "always" or template.require_active_version
    if request.version_id is not None:
        chosen = request.version_id
    elif latest is None or (is_start and wants_active):
        chosen = template.active_version_id
    else:
        chosen = latest.template_version_id
    version = await template_queries.find_version(conn, chosen)
    if version is None or version.template_id != workspace.template_id:
        raise VersionOfOtherTemplate
    if is_active(version.job_status):
        raise VersionNotReady(version.job_status)
    if version.job_status != "succeeded":
        raise VersionUnusable(version.job_status, version.job_error)
    if version.archived and (latest is None or version.id != latest.template_version_id):
        raise VersionArchived
    is_refused = is_start and template.require_active_version and version.id != template.active_version_id
    if is_refused and not is_allowed(subject, Action.UPDATE, parameters.template_object(template)):
        raise ActiveVersionRequired
    return version


async def _tags(
    conn: Connection,
    cipher: Cipher,
    workspace: WorkspaceRow,
    version: VersionFacts,
    values: Mapping[str, str],
    transition: Transition,
) -> dict[str, str]:
    """Return the version's tags and, before them, what the template makes of the build's values. Raises 400 on a start only."""
    try:
        own = await build_tags(conn, cipher, version.id, values)
        return provisioner_tags({**version.tags, **own}, workspace.owner_id)
    except BadRequest as error:
        if transition == "start":
            raise TagsUnusable(error) from error
        return provisioner_tags(version.tags, workspace.owner_id)


async def _sealed_state(
    conn: Connection, cipher: Cipher, latest: LatestBuild | None, request: BuildRequest
) -> bytes | None:
    if request.state is not None:
        return cipher.encrypt(request.state)
    if request.is_orphan or latest is None:
        return None
    # Carried over as it is: sealed bytes need not be opened.
    return await queries.find_sealed_state(conn, latest.id)


async def _insert(
    conn: Connection,
    *,
    workspace: WorkspaceRow,
    version: VersionFacts,
    request: BuildRequest,
    number: int,
    initiator_id: UUID,
    sealed_state: bytes | None,
    needs_isolation: bool,
    preset_id: UUID | None,
    tags: dict[str, str],
    now: datetime,
) -> BuildRow:
    build_id = new_id()
    job = await insert_job(
        conn,
        organization_id=workspace.organization_id,
        initiator_id=initiator_id,
        provisioner=version.provisioner,
        type="workspace_build",
        file_id=version.file_id,
        input=msgspec.to_builtins(BuildJobInput(workspace_build_id=build_id, log_level=request.log_level)),
        tags=tags,
        priority=request.priority,
        needs_isolation=needs_isolation,
        now=now,
    )
    try:
        return await queries.insert_build(
            conn,
            id=build_id,
            workspace_id=workspace.id,
            template_version_id=version.id,
            build_number=number,
            transition=request.transition,
            initiator_id=initiator_id,
            job_id=job.id,
            reason=request.reason,
            sealed_state=sealed_state,
            preset_id=preset_id,
            now=now,
        )
    except UniqueViolation as error:
        raise BuildActive from error
