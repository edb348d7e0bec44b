"""Use cases of templates: make, list, read, change, promote a version, delete."""

from uuid import UUID

import msgspec

from homeport.audit.service import record
from homeport.audit.types import AuditAction, AuditResource
from homeport.database import Connection, Database, UniqueViolation
from homeport.kit import clock
from homeport.organizations.service import resolve_organization
from homeport.provisioning.service import get_job
from homeport.rbac import Action, Columns, ResourceType, Subject, predicate, require
from homeport.templates.errors import NameTaken, TemplateInUse, VersionUnfinished, VersionUnusable
from homeport.templates.queries import templates as queries
from homeport.templates.queries import versions as version_queries
from homeport.templates.rules.searching import parse_search
from homeport.templates.schemas import CreateTemplateRequest, Template, UpdateTemplateMeta
from homeport.templates.service import access, registries, settings, views
from homeport.templates.types import TemplateCreated, TemplateDeleted, TemplateRow, TemplateUpdated, VersionRow

_COLUMNS = Columns(id="t.id", organization="t.organization_id", user_acl="t.user_acl", group_acl="t.group_acl")


async def create_template(
    db: Database, *, subject: Subject, organization: str, request: CreateTemplateRequest
) -> Template:
    """Make a template of an imported version. Raises 403, 404, 409 for a taken name, 412 while the import is not done."""
    async with db.transaction() as conn:
        organization_id = (await resolve_organization(conn, subject, organization)).id
        require(subject, Action.CREATE, access.organization_object(organization_id), noun="template")
        version = await _lock_free_version(conn, subject, organization_id, request.template_version_id)
        job = await get_job(conn, version.job_id)
        if job.job_status != "succeeded":
            raise VersionUnfinished("made into a template")
        now = clock.now()
        template = settings.new_template(
            request, organization_id=organization_id, provisioner=job.provisioner, creator_id=subject.id, now=now
        )
        try:
            async with conn.savepoint():
                template = await queries.insert_template(conn, template)
        except UniqueViolation:
            raise NameTaken("template", request.name) from None
        await version_queries.update_version(conn, msgspec.structs.replace(version, template_id=template.id), now)
        await record(
            conn, subject_id=subject.id, action=AuditAction.CREATE, resource=resource_of(template), after=template, status_code=201
        )  # fmt: skip
        await conn.emit(TemplateCreated(template=template))
        return await views.template_view(conn, template.id)


async def list_templates(
    conn: Connection, *, subject: Subject, organization: str | None = None, query: str = "", is_usable: bool = False
) -> list[Template]:
    """Return the living templates that the subject may read, by name; `query` is the search grammar.

    With `is_usable` only those that it may also make workspaces of for itself: in its own organizations.
    """
    organization_id = None if organization is None else (await resolve_organization(conn, subject, organization)).id
    search = parse_search(query)
    readable = predicate(subject, Action.READ, ResourceType.TEMPLATE, _COLUMNS, first_parameter=queries.FIRST_PARAMETER)
    if readable.is_never:
        return []
    condition, arguments = readable.sql, readable.args
    if is_usable:
        following = queries.FIRST_PARAMETER + len(arguments)
        usable = predicate(subject, Action.USE, ResourceType.TEMPLATE, _COLUMNS, first_parameter=following)
        condition, arguments = f"{condition} and {usable.sql}", (*arguments, *usable.args)
    rows = await queries.list_template_views(
        conn,
        organization_id=organization_id,
        organization=search.organization,
        exact_name=search.exact_name,
        name=search.name,
        is_deprecated=search.is_deprecated,
        predicate=condition,
        arguments=arguments,
    )
    if is_usable:
        rows = [row for row in rows if row.organization_id in subject.organization_ids]
    return await views.template_views(conn, rows)


async def read_template(conn: Connection, *, subject: Subject, template_id: UUID) -> Template:
    """Return a living template by id."""
    template = await access.get_template(conn, subject, template_id)
    return await views.template_view(conn, template.id)


async def read_template_by_name(conn: Connection, *, subject: Subject, organization: str, name: str) -> Template:
    """Return an organization's living template by name."""
    template = await access.get_template_by_name(conn, subject, organization, name)
    return await views.template_view(conn, template.id)


async def update_template(
    db: Database, *, subject: Subject, template_id: UUID, request: UpdateTemplateMeta
) -> Template:
    """Change settings; absent ones stay. Raises 400 for what is not valid and 409 for a taken name."""
    async with db.transaction() as conn:
        before = await access.lock_template(conn, subject, template_id, Action.UPDATE)
        after = settings.changed_template(before, request)
        has_wishes = request.update_workspace_last_used_at or request.update_workspace_dormant_at
        if after != before or has_wishes:
            after = await _store(conn, subject, before, after)
            await conn.emit(
                TemplateUpdated(
                    before=before,
                    after=after,
                    should_reset_last_used=request.update_workspace_last_used_at,
                    should_reset_dormant=request.update_workspace_dormant_at,
                )
            )
        return await views.template_view(conn, template_id)


async def promote_version(db: Database, *, subject: Subject, template_id: UUID, version_id: UUID) -> None:
    """Make a version the one that new workspaces get. Raises 400 for an archived, foreign or unfinished version."""
    async with db.transaction() as conn:
        before = await access.lock_template(conn, subject, template_id, Action.UPDATE)
        version = await version_queries.lock_version(conn, version_id)
        if version is None or version.template_id != template_id:
            raise VersionUnusable("id", "The version does not belong to this template.")
        if version.archived:
            raise VersionUnusable("id", "The version is archived.")
        if (await get_job(conn, version.job_id)).job_status != "succeeded":
            raise VersionUnusable("id", "Only a version whose import has succeeded can be made active.")
        after = await _store(conn, subject, before, msgspec.structs.replace(before, active_version_id=version_id))
        await conn.emit(TemplateUpdated(before=before, after=after))


async def delete_template(db: Database, *, subject: Subject, template_id: UUID) -> None:
    """Delete a template that nothing depends on; its name is free again. Raises 400 while workspaces exist."""
    async with db.transaction() as conn:
        before = await access.lock_template(conn, subject, template_id, Action.DELETE)
        reason = await registries.find_reason_to_keep(conn, template_id)
        if reason:
            raise TemplateInUse(reason)
        after = await queries.update_template(conn, msgspec.structs.replace(before, deleted=True), clock.now())
        await record(
            conn, subject_id=subject.id, action=AuditAction.DELETE, resource=resource_of(before), before=before
        )
        await conn.emit(TemplateDeleted(template=after))


def resource_of(template: TemplateRow) -> AuditResource:
    """Return what audit shows of a template."""
    return AuditResource(
        id=template.id, target=template.name, organization_id=template.organization_id, icon=template.icon
    )


async def _store(conn: Connection, subject: Subject, before: TemplateRow, after: TemplateRow) -> TemplateRow:
    try:
        async with conn.savepoint():
            stored = await queries.update_template(conn, after, clock.now())
    except UniqueViolation:
        raise NameTaken("template", after.name) from None
    await record(
        conn, subject_id=subject.id, action=AuditAction.WRITE, resource=resource_of(stored), before=before, after=stored
    )
    return stored


async def _lock_free_version(conn: Connection, subject: Subject, organization_id: UUID, version_id: UUID) -> VersionRow:
    field = "template_version_id"
    version = (await access.lock_version(conn, subject, version_id, Action.READ)).version
    if version.organization_id != organization_id:
        raise VersionUnusable(field, "The version belongs to another organization.")
    if version.template_id is not None:
        raise VersionUnusable(field, "The version belongs to another template.")
    if version.archived:
        raise VersionUnusable(field, "The version is archived.")
    return version
