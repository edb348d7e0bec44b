"""Use cases of template versions: make (with the job that imports it), list, read, rename, archive, cancel."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.audit.service import record
from homeport.audit.types import AuditAction, AuditResource
from homeport.database import Connection, Database, UniqueViolation
from homeport.files import service as files
from homeport.files.service import FileCache
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, FieldError, invalid_field
from homeport.kit.http import Page
from homeport.kit.ids import NIL_ID, new_id, random_name
from homeport.kit.names import validate_text, validate_version_name
from homeport.organizations.service import resolve_organization
from homeport.provisioning.service import cancel_job, get_job, insert_job, matched_provisioners, provisioner_tags
from homeport.rbac import Action, Subject, require
from homeport.templates.errors import NameTaken, NoPreviousVersion, VersionUnusable
from homeport.templates.queries import versions as queries
from homeport.templates.schemas import (
    ArchiveTemplateVersionsResponse,
    CreateTemplateVersionRequest,
    PatchTemplateVersionRequest,
    TemplateVersion,
)
from homeport.templates.service import access, carrying, descriptions, examples, registries, tags, variables, views
from homeport.templates.service.access import ReadVersion
from homeport.templates.service.tags import FoundTags
from homeport.templates.types import TemplateRow, VersionRow

_MAX_MESSAGE = 1024 * 1024


async def create_version(
    db: Database,
    cipher: Cipher,
    cache: FileCache,
    *,
    subject: Subject,
    organization: str,
    request: CreateTemplateVersionRequest,
    based_on: UUID | None = None,
    without: Collection[str] = (),
) -> TemplateVersion:
    """Make a version and queue its import.

    What the request does not name of values and tags comes from the version before (`carrying.given_for`, which tells of
    `based_on` and `without`). The version's tags are those that a Terraform template asks for itself, the given ones going before
    them. Raises 400 for file and example at once or neither, for another engine than the template's, and, with file and line, for a
    template that cannot be read; 404, 403, 409.
    """
    request = _read(request)
    async with db.connection() as conn:
        organization_id = (await resolve_organization(conn, subject, organization)).id
        await _authorize_create(conn, subject, organization_id, request)
        given = await carrying.given_for(
            conn, cipher, subject=subject, request=request, based_on=based_on, without=without
        )
    found = await _find_tags(db, cache, subject, request, given.values)
    async with db.transaction() as conn:
        organization_id = (await resolve_organization(conn, subject, organization)).id
        await _authorize_create(conn, subject, organization_id, request)
        file_id = await _find_source(conn, subject, organization_id, request)
        now = clock.now()
        version_id = new_id()
        job = await insert_job(
            conn,
            organization_id=organization_id,
            initiator_id=subject.id,
            provisioner=request.provisioner,
            type="template_version_import",
            file_id=file_id,
            input={"template_version_id": str(version_id), "given_tags": given.tags},
            tags=provisioner_tags({**found.tags, **given.tags}, subject.id),
            now=now,
        )
        version = await _insert(conn, subject, request, version_id, organization_id, job.id, now)
        await variables.store_given(conn, cipher, version.id, given.values)
        await tags.store_tags(conn, version.id, found)
        await _record(conn, subject, AuditAction.CREATE, None, version)
        matched = await matched_provisioners(conn, organization_id, job.provisioner, job.tags)
        return await views.version_view(conn, version.id, matched=matched)


async def list_versions(
    conn: Connection, *, subject: Subject, template_id: UUID, page: Page, has_archived: bool
) -> list[TemplateVersion]:
    """Return a page of a template's versions, newest first."""
    template = await access.get_template(conn, subject, template_id)
    rows = await queries.list_version_views(
        conn, template.id, has_archived=has_archived, after_id=page.after_id, limit=page.limit, offset=page.offset
    )
    return await views.version_views(conn, rows)


async def read_version(conn: Connection, *, subject: Subject, version_id: UUID) -> TemplateVersion:
    """Return a version; while its job waits, with the daemons that could take it."""
    return await _view(conn, (await access.get_version(conn, subject, version_id)).version)


async def read_version_by_name(
    conn: Connection, *, subject: Subject, template: TemplateRow, name: str
) -> TemplateVersion:
    """Return a template's version by name; the template comes from `access`."""
    return await _view(conn, (await access.get_version_by_name(conn, subject, template, name)).version)


async def read_previous_version(
    conn: Connection, *, subject: Subject, template: TemplateRow, name: str
) -> TemplateVersion:
    """Return the version that was made just before the one of this name. Raises 404 for the first."""
    version = (await access.get_version_by_name(conn, subject, template, name)).version
    previous = await queries.find_previous_version(conn, version)
    if previous is None:
        raise NoPreviousVersion
    return await _view(conn, previous)


async def update_version(
    db: Database, *, subject: Subject, version_id: UUID, request: PatchTemplateVersionRequest
) -> TemplateVersion:
    """Rename a version or change its message. Raises 400 for a bad name and 409 for a taken one."""
    async with db.transaction() as conn:
        before = (await access.lock_version(conn, subject, version_id, Action.UPDATE)).version
        after = before
        if request.name:
            after = msgspec.structs.replace(after, name=validate_version_name(request.name))
        if request.message is not None:
            message = validate_text(request.message, "message", most=_MAX_MESSAGE)
            after = msgspec.structs.replace(after, message=message)
        if after != before:
            await _store(conn, subject, before, after)
        return await _view(conn, after)


async def set_archived(db: Database, *, subject: Subject, version_id: UUID, is_archived: bool) -> VersionRow:
    """Archive a version that nothing runs on, or take it back. Raises 400 where that changes nothing or is not possible."""
    async with db.transaction() as conn:
        found: ReadVersion = await access.lock_version(conn, subject, version_id, Action.UPDATE)
        before, template = found.version, found.template
        if template is None:
            raise VersionUnusable("templateversion", "The version belongs to no template.")
        if before.archived == is_archived:
            raise BadRequest("The version is archived already." if is_archived else "The version is not archived.")
        if is_archived and before.id == template.active_version_id:
            raise VersionUnusable("templateversion", "The active version cannot be archived.")
        if is_archived and before.id in await registries.used_versions(conn, template.id):
            raise VersionUnusable("templateversion", "A workspace runs on this version.")
        return await _store(conn, subject, before, msgspec.structs.replace(before, archived=is_archived))


async def archive_unused(
    db: Database, *, subject: Subject, template_id: UUID, is_all: bool
) -> ArchiveTemplateVersionsResponse:
    """Archive versions whose import has failed, or all that are neither active nor in use."""
    async with db.transaction() as conn:
        template = await access.lock_template(conn, subject, template_id, Action.UPDATE)
        kept = await registries.used_versions(conn, template_id)
        ids = await queries.archive_unused(conn, template_id, is_all=is_all, kept=sorted(kept), now=clock.now())
        for version_id in ids:
            after = await queries.find_version(conn, version_id)
            assert after is not None
            before = msgspec.structs.replace(after, archived=False)
            await _record(conn, subject, AuditAction.WRITE, before, after)
        return ArchiveTemplateVersionsResponse(template_id=template.id, archived_ids=ids)


async def cancel_import(db: Database, *, subject: Subject, version_id: UUID) -> None:
    """Ask the import to stop. Raises 412 when it has ended or is canceled already."""
    async with db.transaction() as conn:
        # Not locked: the queue locks the job first and the version after it.
        if (found := await queries.find_version(conn, version_id)) is not None:
            access.attempt_version(subject, found)
        version = (await access.get_version(conn, subject, version_id, Action.UPDATE)).version
        await cancel_job(conn, version.job_id, clock.now())
        await _record(conn, subject, AuditAction.WRITE, version, version, change="import canceled")


def _read(request: CreateTemplateVersionRequest) -> CreateTemplateVersionRequest:
    """Check the shape of a request. Clients that cannot leave an id out send the nil id, which names nothing. Raises 400."""
    request = msgspec.structs.replace(
        request,
        template_id=None if request.template_id == NIL_ID else request.template_id,
        file_id=None if request.file_id == NIL_ID else request.file_id,
    )
    if request.file_id is not None and request.example_id:
        raise BadRequest(
            "Give either file_id or example_id, not both.",
            validations=(FieldError("file_id", "It stands beside example_id."),),
        )
    if request.file_id is None and not request.example_id:
        raise invalid_field("file_id", "Give the id of an uploaded file, or an example_id.")
    if request.name:
        validate_version_name(request.name)
    validate_text(request.message, "message", most=_MAX_MESSAGE)
    variables.check_given(request.user_variable_values or [])
    return request


async def _authorize_create(
    conn: Connection, subject: Subject, organization_id: UUID, request: CreateTemplateVersionRequest
) -> None:
    if request.template_id is None:
        require(subject, Action.CREATE, access.organization_object(organization_id), noun="template version")
        return
    template = await access.get_template(conn, subject, request.template_id, Action.UPDATE)
    if template.organization_id != organization_id:
        raise invalid_field("template_id", "The template belongs to another organization.")
    if request.provisioner != template.provisioner:
        # What one engine has made no other can find, stop or delete.
        raise invalid_field(
            "provisioner",
            f"The template's workspaces are made by '{template.provisioner}', and no other engine could end them. "
            "Make a new template for this one.",
        )


async def _find_tags(
    db: Database,
    cache: FileCache,
    subject: Subject,
    request: CreateTemplateVersionRequest,
    values: Mapping[str, str],
) -> FoundTags:
    """Read the archive before anything is locked: that takes its time, and others wait for sessions of the database."""
    if request.provisioner == "echo":
        return tags.NO_TAGS
    async with db.connection() as conn:
        file = None if request.file_id is None else await files.get_file(conn, subject, request.file_id)
    if request.provisioner != "terraform":
        if file is not None:
            await descriptions.check_stored(cache, file.id)
        return tags.NO_TAGS
    if file is None:
        return await tags.read_packed_tags(examples.example_archive(request.example_id), values)
    return await tags.read_stored_tags(cache, file.id, values)


async def _find_source(
    conn: Connection, subject: Subject, organization_id: UUID, request: CreateTemplateVersionRequest
) -> UUID:
    if request.file_id is not None:
        return (await files.get_file(conn, subject, request.file_id)).id
    data = examples.example_archive(request.example_id)
    file = await files.store_archive(
        conn, subject=subject, owner_id=subject.id, organization_id=organization_id, data=data
    )
    return file.id


async def _insert(
    conn: Connection,
    subject: Subject,
    request: CreateTemplateVersionRequest,
    version_id: UUID,
    organization_id: UUID,
    job_id: UUID,
    now: datetime,
) -> VersionRow:
    version = VersionRow(
        id=version_id,
        template_id=request.template_id,
        organization_id=organization_id,
        name=request.name or random_name(),
        message=request.message,
        readme="",
        job_id=job_id,
        created_by=subject.id,
        archived=False,
        created_at=now,
        updated_at=now,
    )
    try:
        async with conn.savepoint():
            return await queries.insert_version(conn, version)
    except UniqueViolation:
        raise NameTaken("version", version.name) from None


async def _store(conn: Connection, subject: Subject, before: VersionRow, after: VersionRow) -> VersionRow:
    try:
        async with conn.savepoint():
            stored = await queries.update_version(conn, after, clock.now())
    except UniqueViolation:
        raise NameTaken("version", after.name) from None
    await _record(conn, subject, AuditAction.WRITE, before, stored)
    return stored


async def _record(
    conn: Connection,
    subject: Subject,
    action: AuditAction,
    before: VersionRow | None,
    after: VersionRow,
    **fields: str,
) -> None:
    resource = AuditResource(id=after.id, target=after.name, organization_id=after.organization_id)
    status = 201 if action is AuditAction.CREATE else 200
    await record(
        conn,
        subject_id=subject.id,
        action=action,
        resource=resource,
        before=before,
        after=after,
        status_code=status,
        additional_fields=fields,
    )


async def _view(conn: Connection, version: VersionRow) -> TemplateVersion:
    job = await get_job(conn, version.job_id)
    matched = None
    if job.job_status == "pending":
        matched = await matched_provisioners(conn, job.organization_id, job.provisioner, job.tags)
    return await views.version_view(conn, version.id, matched=matched)
