"""Creating a workspace: the checks in the order of the reference (spec: workspaces 1.2), then the first start."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.audit import AuditAction
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.ids import NIL_ID, new_id
from homeport.kit.names import validate_name
from homeport.kit.schedules import parse_schedule
from homeport.organizations.service import resolve_member, resolve_organization, resolve_owner
from homeport.rbac import Action, Object, ResourceType, Subject, not_found, require
from homeport.workspaces.errors import NameTaken, OwnerNotMember, TemplateDeprecated
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as queries
from homeport.workspaces.queries.templates import TemplateFacts
from homeport.workspaces.rules.schedule import next_autostart, ttl_from_wire
from homeport.workspaces.schemas import CreateWorkspaceRequest, Workspace
from homeport.workspaces.service.builds import BuildRequest, insert_build
from homeport.workspaces.service.changes import record_workspace
from homeport.workspaces.service.parameters import read_preset, read_values, template_object
from homeport.workspaces.service.views import workspace_view
from homeport.workspaces.types import WorkspaceRow

_NOUN = "template"


async def create_workspace(
    db: Database,
    cipher: Cipher,
    *,
    subject: Subject,
    owner: str,
    request: CreateWorkspaceRequest,
    organization: str | None = None,
) -> Workspace:
    """Create a workspace of `owner` (`me`, an id or a username) and queue its first start; both or nothing.

    With `organization` (the deprecated route) the template must belong there. Raises, in this order: 400 for the
    name; 404 and 403 for the template; 403 when the caller may not create; 404 when the owner is no member; 400 for a
    deprecated template, the schedule, the time to live; 409 for a name in use; then what `insert_build` raises.
    """
    validate_name(request.name)
    values = read_values(request.rich_parameter_values)
    async with db.transaction() as conn:
        owner_id, organization_id = await _resolve(conn, subject, owner, organization)
        template, version_id = await _find_template(conn, subject, request)
        target = Object(ResourceType.WORKSPACE, "", owner_id, template.organization_id)
        require(subject, Action.READ, template_object(template), noun=_NOUN)
        require(subject, Action.CREATE, target, noun="workspace")
        require(subject, Action.USE, template_object(template), noun=_NOUN)
        if organization_id is not None and organization_id != template.organization_id:
            raise not_found(_NOUN)
        is_there = await template_queries.hold_owner(conn, owner_id)
        if not is_there or not await template_queries.hold_member(conn, template.organization_id, owner_id):
            raise OwnerNotMember
        if template.deprecated:
            raise TemplateDeprecated(template.name, template.deprecated)
        workspace = await _insert_workspace(conn, template, owner_id, request)
        await record_workspace(conn, subject.id, AuditAction.CREATE, after=workspace)
        build = BuildRequest(
            transition="start", version_id=version_id, values=values,
            preset_id=read_preset(request.template_version_preset_id),
        )  # fmt: skip
        _, matched = await insert_build(conn, cipher, subject=subject, workspace=workspace, request=build)
        view = await workspace_view(conn, workspace.id, reader_id=subject.id)
    first = msgspec.structs.replace(view.latest_build, matched_provisioners=matched)
    return msgspec.structs.replace(view, latest_build=first)


async def _resolve(
    conn: Connection, subject: Subject, owner: str, organization: str | None
) -> tuple[UUID, UUID | None]:
    if organization is None:
        return (await resolve_owner(conn, subject, owner)).user_id, None
    place = await resolve_organization(conn, subject, organization)
    return (await resolve_member(conn, subject, place.id, owner)).user_id, place.id


async def _find_template(
    conn: Connection, subject: Subject, request: CreateWorkspaceRequest
) -> tuple[TemplateFacts, UUID | None]:
    """Return the template, and the version when one was asked for. Exactly one of the two ids is given."""
    template_id = None if request.template_id == NIL_ID else request.template_id
    version_id = None if request.template_version_id == NIL_ID else request.template_version_id
    if (template_id is None) == (version_id is None):
        raise invalid_field("template_id", "Give either template_id or template_version_id.")
    if version_id is not None:
        version = await template_queries.find_version(conn, version_id)
        template_id = None if version is None else version.template_id
    template = None if template_id is None else await template_queries.hold_template(conn, template_id)
    if template is None or template.deleted:
        require(subject, Action.READ, Object(ResourceType.TEMPLATE), noun=_NOUN)
        raise not_found(_NOUN)
    return template, version_id


async def _insert_workspace(
    conn: Connection, template: TemplateFacts, owner_id: UUID, request: CreateWorkspaceRequest
) -> WorkspaceRow:
    now = clock.now()
    schedule = request.autostart_schedule or None
    next_start_at = None if schedule is None else _first_start(template, schedule, now)
    ttl = ttl_from_wire(request.ttl_ms)
    if request.ttl_ms is None and template.default_ttl > 0:
        ttl = template.default_ttl
    try:
        async with conn.savepoint():
            return await queries.insert_workspace(
                conn,
                id=new_id(),
                owner_id=owner_id,
                organization_id=template.organization_id,
                template_id=template.id,
                name=request.name,
                autostart_schedule=schedule,
                ttl=ttl,
                automatic_updates=request.automatic_updates or "never",
                next_start_at=next_start_at,
                now=now,
            )
    except UniqueViolation as error:
        raise NameTaken(request.name) from error


def _first_start(template: TemplateFacts, schedule: str, now: datetime) -> datetime | None:
    parse_schedule(schedule)
    if not template.allow_user_autostart:
        raise BadRequest("The template does not let its users start workspaces on a schedule.")
    return next_autostart(schedule, now, blocked_days=template.autostart_block_days_of_week)
