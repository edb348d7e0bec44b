"""HTTP of template versions."""

from typing import Annotated
from uuid import UUID

from litestar import get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.config import Settings
from homeport.database import Database
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.http import AfterParameter, LimitParameter, OffsetParameter, Response, page
from homeport.rbac import Subject
from homeport.templates.schemas import (
    CreateTemplateVersionRequest,
    PatchTemplateVersionRequest,
    Preset,
    TemplateVersion,
    TemplateVersionExternalAuth,
    TemplateVersionParameter,
    TemplateVersionVariable,
)
from homeport.templates.service import access, contents, versions

_VERSION = "/templateversions/{templateversion:str}"
_BY_NAMES = "/organizations/{organization:str}/templates/{templatename:str}/versions/{templateversionname:str}"
_TAGS = ["Templates"]


@post(
    "/organizations/{organization:str}/templateversions",
    summary="Create a template version",
    tags=_TAGS,
    opt=requires("template:create"),
)
async def create_version(
    organization: str,
    data: CreateTemplateVersionRequest,
    subject: Subject,
    db: Database,
    cipher: Cipher,
    file_cache: FileCache,
) -> TemplateVersion:
    """Make a version of an uploaded file or an example, and queue its import."""
    return await versions.create_version(
        db, cipher, file_cache, subject=subject, organization=organization, request=data
    )


@get(
    "/templates/{template:str}/versions",
    summary="List versions of a template",
    tags=_TAGS,
    opt=requires("template:read"),
)
async def list_versions(
    template: UUID,
    subject: Subject,
    db: Database,
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    after_id: AfterParameter = None,
    include_archived: Annotated[bool, Parameter(description="Show archived versions too.")] = False,
) -> list[TemplateVersion]:
    """Return a page of versions, newest first."""
    window = page(limit=limit, offset=offset, after_id=after_id)
    async with db.connection() as conn:
        return await versions.list_versions(
            conn, subject=subject, template_id=template, page=window, has_archived=include_archived
        )


@get(
    "/templates/{template:str}/versions/{templateversionname:str}",
    summary="Get a version by template and name",
    tags=_TAGS,
    opt=requires("template:read"),
)
async def get_version_of_template(
    template: UUID, templateversionname: str, subject: Subject, db: Database
) -> TemplateVersion:
    """Return a template's version."""
    async with db.connection() as conn:
        row = await access.get_template(conn, subject, template)
        return await versions.read_version_by_name(conn, subject=subject, template=row, name=templateversionname)


@get(_BY_NAMES, summary="Get a version by organization, template and name", tags=_TAGS, opt=requires("template:read"))
async def get_version_by_names(
    organization: str, templatename: str, templateversionname: str, subject: Subject, db: Database
) -> TemplateVersion:
    """Return a template's version."""
    async with db.connection() as conn:
        row = await access.get_template_by_name(conn, subject, organization, templatename)
        return await versions.read_version_by_name(conn, subject=subject, template=row, name=templateversionname)


@get(f"{_BY_NAMES}/previous", summary="Get the version before a version", tags=_TAGS, opt=requires("template:read"))
async def get_previous_version(
    organization: str, templatename: str, templateversionname: str, subject: Subject, db: Database
) -> TemplateVersion:
    """Return the version of the same template that was made just before."""
    async with db.connection() as conn:
        row = await access.get_template_by_name(conn, subject, organization, templatename)
        return await versions.read_previous_version(conn, subject=subject, template=row, name=templateversionname)


@get(_VERSION, summary="Get a template version", tags=_TAGS, opt=requires("template:read"))
async def get_version(templateversion: UUID, subject: Subject, db: Database) -> TemplateVersion:
    """Return a version by id."""
    async with db.connection() as conn:
        return await versions.read_version(conn, subject=subject, version_id=templateversion)


@patch(_VERSION, summary="Update a template version", tags=_TAGS, opt=requires("template:update"))
async def update_version(
    templateversion: UUID, data: PatchTemplateVersionRequest, subject: Subject, db: Database
) -> TemplateVersion:
    """Change name or message."""
    return await versions.update_version(db, subject=subject, version_id=templateversion, request=data)


@patch(f"{_VERSION}/cancel", summary="Cancel the import of a version", tags=_TAGS, opt=requires("template:update"))
async def cancel_version(templateversion: UUID, subject: Subject, db: Database) -> Response:
    """Ask the import to stop."""
    await versions.cancel_import(db, subject=subject, version_id=templateversion)
    return Response("The import is being canceled.")


@post(f"{_VERSION}/archive", summary="Archive a version", tags=_TAGS, opt=requires("template:update"), status_code=200)
async def archive_version(templateversion: UUID, subject: Subject, db: Database) -> Response:
    """Archive a version that nothing uses."""
    await versions.set_archived(db, subject=subject, version_id=templateversion, is_archived=True)
    return Response("The version has been archived.")


@post(
    f"{_VERSION}/unarchive", summary="Unarchive a version", tags=_TAGS, opt=requires("template:update"), status_code=200
)
async def unarchive_version(templateversion: UUID, subject: Subject, db: Database) -> Response:
    """Take an archived version back."""
    await versions.set_archived(db, subject=subject, version_id=templateversion, is_archived=False)
    return Response("The version is no longer archived.")


@get(f"{_VERSION}/rich-parameters", summary="Get parameters of a version", tags=_TAGS, opt=requires("template:read"))
async def get_rich_parameters(templateversion: UUID, subject: Subject, db: Database) -> list[TemplateVersionParameter]:
    """Return the parameters in the order in which a form shows them."""
    async with db.connection() as conn:
        return await contents.list_parameters(conn, subject=subject, version_id=templateversion)


@get(
    f"{_VERSION}/parameters",
    summary="Removed: get old parameters of a version",
    description="Always empty, for clients of old; see `rich-parameters`.",
    tags=_TAGS,
    opt=requires("template:read"),
    deprecated=True,
)
async def get_old_parameters(templateversion: UUID, subject: Subject, db: Database) -> list[str]:
    """Return nothing, to whoever may read the version."""
    return await _nothing(db, subject, templateversion)


@get(
    f"{_VERSION}/schema",
    summary="Removed: get the schema of old parameters of a version",
    description="Always empty, for clients of old; see `rich-parameters`.",
    tags=_TAGS,
    opt=requires("template:read"),
    deprecated=True,
)
async def get_old_schema(templateversion: UUID, subject: Subject, db: Database) -> list[str]:
    """Return nothing, to whoever may read the version."""
    return await _nothing(db, subject, templateversion)


@get(f"{_VERSION}/variables", summary="Get variables of a version", tags=_TAGS, opt=requires("template:read"))
async def get_variables(templateversion: UUID, subject: Subject, db: Database) -> list[TemplateVersionVariable]:
    """Return the variables; sensitive values are not shown."""
    async with db.connection() as conn:
        return await contents.list_variables(conn, subject=subject, version_id=templateversion)


@get(f"{_VERSION}/presets", summary="Get presets of a version", tags=_TAGS, opt=requires("template:read"))
async def get_presets(templateversion: UUID, subject: Subject, db: Database) -> list[Preset]:
    """Return the presets, the default first."""
    async with db.connection() as conn:
        return await contents.list_presets(conn, subject=subject, version_id=templateversion)


@get(
    f"{_VERSION}/external-auth", summary="Get sign-ins that a version needs", tags=_TAGS, opt=requires("template:read")
)
async def get_external_auth(
    templateversion: UUID, subject: Subject, db: Database, settings: Settings
) -> list[TemplateVersionExternalAuth]:
    """Return the accounts elsewhere that workspaces of this version need or may use."""
    async with db.connection() as conn:
        return await contents.list_external_auth(
            conn, subject=subject, version_id=templateversion, access_url=settings.access_url
        )


async def _nothing(db: Database, subject: Subject, version_id: UUID) -> list[str]:
    """Return an empty list, or raise 404 for a version that the subject may not read."""
    async with db.connection() as conn:
        await access.get_version(conn, subject, version_id)
    return []


routes: list[HTTPRouteHandler] = [
    create_version,
    list_versions,
    get_version_of_template,
    get_version_by_names,
    get_previous_version,
    get_version,
    update_version,
    cancel_version,
    archive_version,
    unarchive_version,
    get_rich_parameters,
    get_old_parameters,
    get_old_schema,
    get_variables,
    get_presets,
    get_external_auth,
]
